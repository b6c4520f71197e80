"""Mail the staff how the site is."""

from django.conf import settings as site
from django.core.mail import EmailMessage

from leaderboard.messages import one_line
from leaderboard.models import User
from leaderboard.queries.digest import Digest, digest
from leaderboard.templatetags.parity import visible

NAME = 22
"""Columns of a fact's name."""


def mail_digest() -> int:
    """One e-mail to each member of the staff who has an address; returns how many were sent. Raises OSError where
    the mail server cannot be used.

    None where the site sends no e-mail, where `PARITY_DIGEST` is off, and with `trouble` on a day on which all is well.
    """
    if not site.SENDS_MAIL or site.DIGEST == "off":
        return 0
    found = digest()
    if site.DIGEST == "trouble" and not found.problems:
        return 0
    staff = User.objects.filter(is_staff=True, is_active=True).exclude(email="").order_by("pk")
    return sum(message(found, to=address).send() for address in staff.values_list("email", flat=True))


def message(found: Digest, *, to: str) -> EmailMessage:
    """Plain text: what to look after first."""
    number = len(found.problems)
    subject = f"{number} thing{'s' if number > 1 else ''} to look after" if number else "All is well"
    lines = [subject + ".", "", *(f"- {problem}" for problem in found.problems), *([""] if number else [])]
    lines += [f"{name:<{NAME}}{value}" for name, value in found.facts]
    lines += ["", f"{site.PARITY_URL.rstrip('/')}/staff", "", "--"]
    lines += ["You get this because you belong to this site's staff. PARITY_DIGEST=off ends it."]
    return EmailMessage(
        subject=one_line(f"[Parity] {subject}"), body="\n".join(visible(line) for line in lines) + "\n", to=[to],
        headers={"Auto-Submitted": "auto-generated"},
    )  # fmt: skip
