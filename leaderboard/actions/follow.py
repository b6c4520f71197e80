"""Follow a model: each new revision is submitted as an earlier one was, under a budget.

The budget is `PARITY_FOLLOW_DAY` submissions a day (UTC) of each owner, and one a day of each followed model; besides,
they are charged like any other. A revision that comes faster than that is passed over, for the newest is what counts.
"""

import logging
from datetime import UTC, datetime, timedelta

import msgspec
from django.conf import settings as site
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from evaluator import hub
from evaluator.contract import Settings
from leaderboard.actions.errors import Conflict, Forbidden, NotFound, Refused
from leaderboard.actions.submit import submit
from leaderboard.models import Follow, Owner, Submission, User
from leaderboard.models.routines import FOLLOWED
from leaderboard.queries.site import state

log = logging.getLogger(__name__)

EVERY = timedelta(hours=6)
"""Between two looks at a model."""
AT_ONCE = 100
"""Models that one round looks at; the others wait for the next."""
LIMIT = 300


@transaction.atomic
def follow(*, submission: int, owner: Owner, by: User) -> Follow:
    """Submit new revisions of the model as `submission` was, at the cost of `owner`, from the revision of today on.

    Raises NotFound, Forbidden for who neither made it nor is staff, Refused for an endpoint.
    """
    row = Submission.objects.select_related("suite", "revision__model").filter(pk=submission).first()
    if row is None:
        raise NotFound("unknown_submission", f"There is no submission {submission}.")
    if row.owner_id != owner.pk and not by.is_staff:
        raise Forbidden("not_yours", "A model is followed by whoever submitted it, or by the staff.")
    if row.revision is None or row.revision.source not in FOLLOWED:
        raise Refused("not_followed", "Only models on the Hub or on this site's mirrors have revisions to follow.")
    made, _ = Follow.objects.get_or_create(
        owner=owner, model=row.revision.model.name, suite=row.suite, settings_digest=row.settings_digest,
        defaults={"made_by": by, "settings": row.settings, "seen": spelled(row.revision.sha, row.revision.base_sha)},
    )  # fmt: skip
    return made


@transaction.atomic
def unfollow(*, follow: int, owner: Owner) -> None:
    """Stop; what was submitted stays. Raises NotFound, also for somebody else's."""
    if not Follow.objects.filter(pk=follow, owner=owner).delete()[0]:
        raise NotFound("unknown_follow", f"You follow nothing under {follow}.")


def spelled(sha: str, base_sha: str) -> str:
    """A revision as `Follow.seen` has it."""
    return f"{sha}+{base_sha}" if base_sha else sha


def submit_new_revisions() -> int:
    """Look at each followed model that is due; returns how many revisions were submitted."""
    if state().read_only or not site.FOLLOW_DAY:
        return 0
    due = Follow.objects.filter(Q(looked_at=None) | Q(looked_at__lte=Now() - EVERY))
    rows = due.select_related("owner", "suite", "made_by").order_by(F("looked_at").asc(nulls_first=True), "pk")
    made = 0
    for row in list(rows[:AT_ONCE]):
        try:
            pinned = hub.pin(
                row.model, mirrors=site.HUB_MIRRORS, token=site.HUB_TOKEN, endpoint=site.HUB_ENDPOINT,
                cache=site.STATE_DIR / "hashes",
            )  # fmt: skip
        except hub.HubError as error:
            looked(row=row, problem=error.message)
            if error.code == "hub_unreachable":
                break  # the next one would wait as long for the same answer
        else:
            made += take(row=row, pinned=pinned)
    return made


@transaction.atomic
def take(*, row: Follow, pinned: hub.PinnedModel) -> bool:
    """Submit the revision that a model has now, if it is new and the budget has room for it."""
    Owner.objects.select_for_update().get(pk=row.owner_id)  # its budget is counted by one at a time
    base = pinned.base.sha if pinned.base else ""
    now = spelled(pinned.sha, base)
    known = Submission.objects.filter(
        suite=row.suite, settings_digest=row.settings_digest, revision__model__name=pinned.name,
        revision__sha=pinned.sha, revision__base_sha=base,
    )  # fmt: skip
    if row.seen == now or known.exists():
        looked(row=row, seen=now)
        return False
    problem = obstacle(row)
    if not problem:
        assert row.made_by is not None
        try:
            with transaction.atomic():
                made = submit(
                    owner=row.owner, submitter=row.made_by, suite=row.suite, model=row.model, revision=pinned.sha,
                    settings=msgspec.convert(row.settings, Settings),
                )  # fmt: skip
        except Conflict:
            looked(row=row, seen=now)  # somebody else has just submitted it
            return False
        except (Refused, msgspec.ValidationError) as error:
            problem = str(error)
        else:
            Follow.objects.filter(pk=row.pk).update(last=made, submitted_at=Now())
            looked(row=row, seen=now)
            return True
    log.warning("The new revision of %s is not submitted: %s", row.model, problem)
    looked(row=row, problem=problem)
    return False


def obstacle(row: Follow) -> str:
    """Why a new revision has to wait, or ""."""
    if row.made_by is None or not row.made_by.is_active:
        return "Whoever followed it has no account any more."
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    spent = Follow.objects.filter(owner=row.owner, submitted_at__gte=today)
    if spent.filter(pk=row.pk).exists():
        return "A revision of it was submitted today; the next one waits for tomorrow."
    if spent.count() >= site.FOLLOW_DAY:
        return f"Today's budget of {site.FOLLOW_DAY} new revisions is used up; it waits for tomorrow."
    return ""


def looked(*, row: Follow, problem: str = "", seen: str = "") -> None:
    """Note a look; `seen`: what was found, where that needs nothing more."""
    Follow.objects.filter(pk=row.pk).update(
        looked_at=Now(), problem=problem[:LIMIT], **({"seen": seen} if seen else {})
    )
