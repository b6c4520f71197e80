"""The staff states claims, each with the terms of its test, and withdraws them; a site begins with some."""

import re
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.text import storable
from leaderboard.claims.seed import SEEDS
from leaderboard.claims.terms import BadTerms, read, written
from leaderboard.models import Audit, Claim, User

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
ADDRESS = re.compile(r"https?://\S{1,290}")


@transaction.atomic
def state_claim(*, slug: str, text: str, who: str, terms: Any, by: User, url: str = "") -> Claim:
    """State a claim that `who` makes; `terms` as JSON values. Raises Refused, Conflict."""
    check_staff(by)
    if not SLUG.fullmatch(slug):
        raise Refused("bad_slug", "A slug is small letters, digits and hyphens, such as 9b-matches-70b.", field="slug")
    if not text.strip() or not who.strip():
        raise Refused(
            "no_text", "A claim needs its text, and who says so.", field="text" if not text.strip() else "who"
        )
    if url and not ADDRESS.fullmatch(url):
        raise Refused("bad_url", f"{url[:80]!r} is no address of a page: https://...", field="url")
    try:
        found = written(read(terms))
    except BadTerms as error:
        raise Refused("bad_terms", str(error), field="terms") from error
    if Claim.objects.filter(slug=slug, withdrawn_at=None).exists():
        raise Conflict(
            "claim_exists", f"There is a claim {slug!r}; withdraw it before you state it anew.", field="slug"
        )
    said = Claim.objects.create(
        slug=slug, text=storable(text.strip())[:300], who=storable(who.strip())[:200], url=url, terms=found,
        stated_by=by,
    )  # fmt: skip
    Audit.objects.create(actor=str(by), action="claim stated", subject=slug, reason=f"{said.who}: {said.text}")
    return said


@transaction.atomic
def withdraw_claim(*, slug: str, reason: str, by: User) -> None:
    """Take a claim off the page; it stays in the table. Raises Refused, NotFound."""
    check_staff(by)
    if not reason.strip():
        raise Refused("no_reason", "Withdrawing a claim needs a reason: the audit keeps it.", field="reason")
    gone = Claim.objects.filter(slug=slug, withdrawn_at=None).update(
        withdrawn_at=Now(), withdrawn_reason=reason.strip()
    )
    if not gone:
        raise NotFound("unknown_claim", f"There is no claim {slug[:80]!r}.", field="slug")
    Audit.objects.create(actor=str(by), action="claim withdrawn", subject=slug[:200], reason=reason.strip())


@transaction.atomic
def seed_claims() -> int:
    """State the claims that a site begins with; returns how many are new. One that was withdrawn stays so."""
    known = set(Claim.objects.values_list("slug", flat=True))
    fresh = [one for one in SEEDS if one.slug not in known]
    for one in fresh:
        Claim.objects.create(slug=one.slug, text=one.text, who=one.who, terms=written(one.terms))
    return len(fresh)


def check_staff(by: User) -> None:
    if not by.is_staff:
        raise Refused("not_staff", "Only this site's staff states claims.")
