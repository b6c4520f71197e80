"""Begin a bake-off: the same prompts to several models, each by a submission that its owner alone sees."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite

from django.db import transaction
from django.db.models import F

from evaluator.contract import Price, Settings, settings_digest
from leaderboard import run_settings
from leaderboard.actions.access import Access, checked
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.actions.register_endpoint import evaluate_endpoint
from leaderboard.actions.submit import submit, well_formed
from leaderboard.actions.submit_endpoint import submit_endpoint
from leaderboard.actions.workload_suite import private_suite
from leaderboard.models import Bakeoff, BakeoffEntry, Endpoint, Owner, Submission, Suite, User, WorkloadVersion
from leaderboard.models.submissions import LIVE
from leaderboard.queries.bakeoffs import JUDGE
from leaderboard.queries.endpoints import allowed, whose

LEAST, MOST = 2, 8
MARGIN, WIDEST = 2.0, 50.0
"""Points of quality: the margin where none is chosen, and the widest."""


@dataclass(frozen=True)
class Weights:
    """A model of the Hub, at a revision."""

    model: str
    revision: str = "main"
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Registered:
    """An endpoint of this site's own, whose key the site has; its staff alone spends its budget."""

    endpoint: int
    budget_tokens: int | None = None
    budget_dollars: float | None = None
    price: Price | None = None
    concurrency: int = 8


Candidate = Weights | Access | Registered


@transaction.atomic
def begin_bakeoff(
    *,
    owner: Owner,
    maker: User,
    workload: int,
    candidates: Sequence[Candidate],
    version: int | None = None,
    margin: float = MARGIN,
    stops: bool = False,
) -> Bakeoff:
    """Ask 2 to 8 models the items of a version (None: the newest) of `owner`'s workload; the first is the baseline.

    One that is being run already with the same settings is not run again, nor is a commit that was. Nothing is begun
    where one of them is refused. `stops`: each is asked no more once its comparison is decided (`stop_early`). Raises
    NotFound, Refused (`field` says which: models[1].model), TooMany.
    """
    row = version_of(owner, workload, version)
    if not LEAST <= len(candidates) <= MOST:
        raise Refused(
            "bad_models", f"A bake-off is of {LEAST} to {MOST} models, not of {len(candidates)}.", field="models"
        )
    if not (isfinite(margin) and 0 <= margin <= WIDEST):
        raise Refused("bad_margin", f"A margin is a number of points from 0 to {WIDEST:g}.", field="margin")
    if stops and row.scoring.get("kind") == JUDGE:
        message = "What judges decide is not known while models are still asked: let it ask all prompts."
        raise Refused("nothing_decides", message, field="stops")
    suite = private_suite(version=row, shuffled=stops)
    made = Bakeoff.objects.create(version=row, margin=margin, stops=stops, made_by=maker)
    entries: list[int] = []
    for place, candidate in enumerate(candidates):
        try:
            submission = run(owner, maker, suite, candidate)
        except Refused as error:
            error.field = f"models[{place}].{error.field or 'model'}"
            raise
        if submission.pk in entries:
            raise Refused(
                "model_twice", "It is in the list twice, with the same settings.", field=f"models[{place}].model"
            )
        entries.append(submission.pk)
    BakeoffEntry.objects.bulk_create(
        BakeoffEntry(bakeoff=made, position=place, submission_id=key) for place, key in enumerate(entries)
    )
    return made


def version_of(owner: Owner, workload: int, number: int | None) -> WorkloadVersion:
    """A version of the owner's workload, the newest where none is named; raises NotFound, also for others'."""
    found = WorkloadVersion.objects.filter(workload=workload, workload__owner=owner).order_by("-number")
    row = (found if number is None else found.filter(number=number)).first()
    if row is None:
        named = f"workload {workload}" if number is None else f"version {number} of a workload {workload}"
        raise NotFound("unknown_workload", f"You have no {named}.")
    return row


def run(owner: Owner, maker: User, suite: Suite, candidate: Candidate) -> Submission:
    """The submission that runs a candidate: one that does so already, or a new one."""
    match candidate:
        case Weights():
            return run_weights(owner, maker, suite, candidate)
        case Access():
            return run_access(owner, maker, suite, checked(candidate, allowed(owner)))
        case Registered():
            return run_registered(owner, maker, suite, candidate)


def run_weights(owner: Owner, maker: User, suite: Suite, asked: Weights) -> Submission:
    """A commit stays what it is: one that was measured, on all items, is not run again. A branch may have moved."""
    model, revision = well_formed(asked.model, asked.revision)
    same = Submission.everything.filter(
        suite=suite, requested_model=model, requested_revision=revision, settings_digest=settings_digest(asked.settings)
    )
    states = LIVE if not pinned(revision) else {*LIVE, Submission.State.SUCCEEDED}
    known = same.filter(state__in=states).exclude(results__n__lt=F("suite__workload__n")).order_by("-pk").first()
    return known or submit(
        owner=owner, submitter=maker, suite=suite, model=model, revision=revision, settings=asked.settings
    )


def pinned(revision: str) -> bool:
    """Whether it names a commit."""
    return len(revision) == 40 and not set(revision.lower()) - set("0123456789abcdef")


def run_access(owner: Owner, maker: User, suite: Suite, access: Access) -> Submission:
    """What answers behind an address may change at any time: only one that is under way is not run again."""
    column = run_settings.of_endpoint(access.protocol, access.sampling)  # type: ignore[arg-type]
    known = Submission.everything.filter(
        suite=suite, requested_model=whose(access.origin, access.model).name, requested_revision=access.protocol,
        settings_digest=run_settings.digest(column), state__in=LIVE,
    ).first()  # fmt: skip
    return known or submit_endpoint(owner=owner, submitter=maker, suite=suite, access=access)


def run_registered(owner: Owner, maker: User, suite: Suite, asked: Registered) -> Submission:
    if not Endpoint.objects.filter(pk=asked.endpoint, owner=owner, operated=True).exists():
        raise NotFound("unknown_endpoint", f"You have registered no endpoint {asked.endpoint}.", field="endpoint")
    return evaluate_endpoint(
        endpoint=asked.endpoint, suite=suite, by=maker, price=asked.price, concurrency=asked.concurrency,
        budget_tokens=asked.budget_tokens, budget_dollars=asked.budget_dollars,
    )  # fmt: skip
