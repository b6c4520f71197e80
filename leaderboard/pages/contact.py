"""`/.well-known/security.txt`: whom to tell about a hole in the site (RFC 9116)."""

from datetime import UTC, datetime, time, timedelta

from django.conf import settings as site
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

VALID = timedelta(days=180)
"""Whoever reads it asks again before it is a year old, as the RFC wants."""


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """The contact that the operator named, until when it holds, and where this file belongs."""
    until = datetime.combine(datetime.now(UTC).date() + VALID, time(), UTC)
    lines = (
        f"Contact: {site.SECURITY_CONTACT}",
        f"Expires: {until:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {site.PARITY_URL.rstrip('/')}{reverse('security-txt')}",
    )
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
