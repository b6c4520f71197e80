"""The staff states claims, each with the terms of its test, amends and withdraws them; a site begins with some."""

import re
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.text import storable
from leaderboard.claims.seed import SEEDS
from leaderboard.claims.terms import BadTerms, read, written
from leaderboard.models import Audit, Claim, User

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
ADDRESS = re.compile(r"https?://\S{1,290}")
LONGEST_REASON = 1_000
SAID = ("text", "who", "url", "quotation", "terms")
"""What makes a claim; whatever changes of it makes another."""


@transaction.atomic
def state_claim(
    *, slug: str, text: str, who: str, terms: Any, by: User, url: str = "", quotation: str = ""
) -> Claim:  # fmt: skip
    """State a claim that `who` makes; `terms` as JSON values, `quotation` as it is said at `url`. Raises Refused,
    Conflict."""
    check_staff(by)
    row = checked(slug=slug, text=text, who=who, terms=terms, url=url, quotation=quotation)
    return stated(row, by)


@transaction.atomic
def amend_claim(
    *, claim: int, text: str, who: str, terms: Any, reason: str, by: User, url: str = "", quotation: str = ""
) -> Claim:  # fmt: skip
    """State a claim anew in other words or with another test, in place of `claim`, which is withdrawn for `reason` and
    stays in the table. Raises Refused, NotFound, and Conflict for one that is not current any more."""
    check_staff(by)
    why = said_why(reason)
    old = Claim.objects.filter(pk=claim).first()
    if old is None:
        raise NotFound("unknown_claim", f"There is no claim {claim}.")
    row = checked(slug=old.slug, text=text, who=who, terms=terms, url=url, quotation=quotation)
    if all(getattr(row, name) == getattr(old, name) for name in SAID):
        raise Refused("nothing_changed", "Nothing is different from the claim as it stands.", field="text")
    withdrawn(Claim.objects.filter(pk=claim), old.slug, why, by)
    return stated(row, by)


def checked(*, slug: str, text: str, who: str, terms: Any, url: str, quotation: str) -> Claim:
    """A claim that is not stored yet. Raises Refused."""
    if not SLUG.fullmatch(slug):
        raise Refused("bad_slug", "A slug is small letters, digits and hyphens, such as 9b-matches-70b.", field="slug")
    said = {"text": (text, 300), "who": (who, 200), "quotation": (quotation, 1_000)}
    kept = {name: storable(value.strip()) for name, (value, _) in said.items()}
    for name, (_, most) in said.items():
        if len(kept[name]) > most:
            raise Refused("too_long", f"It has {len(kept[name]):,} characters; there is room for {most:,}.", field=name)
        if not kept[name] and name != "quotation":
            raise Refused("no_text", "A claim needs its text, and who says so.", field=name)
    where: str = storable(url.strip())
    if where and not ADDRESS.fullmatch(where):
        raise Refused("bad_url", f"{where[:80]!r} is no address of a page: https://...", field="url")
    try:
        found = written(read(storable(terms)))
    except BadTerms as error:
        raise Refused("bad_terms", str(error), field="terms") from error
    return Claim(slug=slug, url=where, terms=found, **kept)


def stated(row: Claim, by: User) -> Claim:
    """Store it. Raises Conflict where there is one with its slug."""
    row.stated_by = by
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:  # two at once are told apart by the constraint alone
        taken = f"There is a claim {row.slug!r}; withdraw it before you state it anew."
        raise Conflict("claim_exists", taken, field="slug") from error
    Audit.objects.create(actor=str(by), action="claim stated", subject=row.slug, reason=f"{row.who}: {row.text}")
    return row


@transaction.atomic
def withdraw_claim(*, slug: str, reason: str, by: User, claim: int | None = None) -> None:
    """Take a claim off the page; it stays in the table. With `claim`, only if it is still that one which stands under
    the slug. Raises Refused, NotFound, Conflict."""
    check_staff(by)
    why = said_why(reason)
    if not Claim.objects.filter(slug=slug).exists():
        raise NotFound("unknown_claim", f"There is no claim {slug[:80]!r}.", field="slug")
    withdrawn(Claim.objects.filter(slug=slug, **({} if claim is None else {"pk": claim})), slug, why, by)


def said_why(reason: str) -> str:
    """The reason as it is kept. Raises Refused."""
    why: str = storable(reason.strip())
    if not why or len(why) > LONGEST_REASON:
        raise Refused(
            "no_reason", f"Say why (the reason is public), in 1 to {LONGEST_REASON:,} characters.", field="reason"
        )
    return why


def withdrawn(chosen: QuerySet[Claim], slug: str, why: str, by: User) -> None:
    """Withdraw the current one of those chosen. Raises Conflict where none of them is current."""
    if not chosen.filter(withdrawn_at=None).update(withdrawn_at=Now(), withdrawn_reason=why):
        raise Conflict("withdrawn", f"The claim {slug!r} was changed or withdrawn meanwhile; look at it again.")
    Audit.objects.create(actor=str(by), action="claim withdrawn", subject=slug, reason=why)


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
