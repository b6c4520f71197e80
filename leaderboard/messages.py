"""What is said when a submission ends: what webhooks get, its signature (Standard Webhooks), and the e-mail."""

import base64
import hmac
import json
import secrets
import uuid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as site
from django.core.mail import EmailMessage
from django.urls import reverse

from leaderboard.models import Submission
from leaderboard.templatetags.parity import points, visible
from leaderboard.templatetags.words import sentence

SECRET_PREFIX = "whsec_"
SEAL = "webhook secret"
"""What `leaderboard.sealing` calls it."""
QUOTED = 2_000
"""Characters of an error that an e-mail quotes."""


def new_secret() -> str:
    """256 random bits, as receivers' libraries take them."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


def message_id(key: uuid.UUID) -> str:
    """The same for every try of one message."""
    return f"msg_{key.hex}"


def signed(*, secret: str, key: uuid.UUID, at: int, body: bytes) -> dict[str, str]:
    """The headers of one try. `at`: seconds since 1970; receivers refuse what is older than five minutes."""
    name = message_id(key)
    mac = hmac.digest(base64.b64decode(secret.removeprefix(SECRET_PREFIX)), f"{name}.{at}.".encode() + body, "sha256")
    return {
        "webhook-id": name,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode('ascii')}",
    }


def page_of(submission: Submission) -> str:
    """The full address of its page."""
    return f"{site.PARITY_URL.rstrip('/')}{reverse('submission', args=[submission.pk])}"


def event(submission: Submission) -> bytes:
    """The body of a webhook's message. The score is told while it counts: not when it is held back or withdrawn."""
    counts = submission.state == Submission.State.SUCCEEDED
    error: dict[str, str] | None = None
    if submission.error_code:
        error = {"code": submission.error_code, "message": submission.error_message}
    data: dict[str, Any] = {
        "id": submission.pk,
        "state": submission.state,
        "model": submission.requested_model,
        "suite": submission.suite.slug,
        "score": submission.score if counts else None,
        "stderr": submission.stderr if counts else None,
        "url": page_of(submission),
        "error": error,
    }
    ended = submission.finished_at.isoformat() if submission.finished_at else None
    return json.dumps({"type": f"submission.{submission.state}", "timestamp": ended, "data": data}).encode()


def mail(submission: Submission, *, to: str, key: uuid.UUID) -> EmailMessage:
    """Plain text. Its Message-ID is the same for every try."""
    subject = f"{submission.requested_model} on {submission.suite.slug}: {submission.state}{score_of(submission)}"
    lines = [sentence(submission.state), "", f"Model     {submission.requested_model}"]
    lines += [f"Suite     {submission.suite.slug}"]
    if submission.state == Submission.State.SUCCEEDED:
        lines += [f"Score     {score_of(submission).removeprefix(', ') or submission.unranked_reason or 'none'}"]
    lines += [f"Page      {page_of(submission)}"]
    if submission.error_message:
        lines += ["", "What was said:", *(f"  {line}" for line in submission.error_message[:QUOTED].splitlines())]
    lines += ["", "--", "You get this because you submitted the model. To get no such e-mail:"]
    lines += [site.PARITY_URL.rstrip("/") + reverse("notices")]
    return EmailMessage(
        subject=one_line(f"[Parity] {subject}"),
        body="\n".join(visible(line) for line in lines) + "\n",
        to=[to],
        headers={
            "Message-ID": f"<{message_id(key)}@{urlsplit(site.PARITY_URL).hostname}>",
            "Auto-Submitted": "auto-generated",
        },
    )


def score_of(submission: Submission) -> str:
    """ ", 61.25 ± 1.50" of a success that has one, else ""."""
    if submission.state != Submission.State.SUCCEEDED or submission.score is None:
        return ""
    return f", {points(submission.score)}" + (
        f" ± {points(submission.stderr)}" if submission.stderr is not None else ""
    )


def one_line(text: str) -> str:
    """A header holds no line break and nothing that hides."""
    return visible(" ".join(text.split()))[:200]
