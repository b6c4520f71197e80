"""Whether an endpoint still answers as it did: later runs against a baseline, and runs made for that on a schedule.

Every check is a new submission and so a new job: nothing that was answered before is used again. A series of checks
would cry wolf sooner or later at a fixed level, so the k-th check against a baseline flags at 0.05 / (k (k + 1)): these
levels add up to 0.05, the chance of ever flagging an endpoint that did not change. A check looks at the suite's mean
and at each task (Holm), for a task that fell can hide in the mean of many; the smaller p counts, doubled (Bonferroni).
"""

import logging
from collections.abc import Iterator
from datetime import timedelta

import msgspec
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from evaluator.contract import Price
from leaderboard import run_settings
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.actions.register_endpoint import evaluate_endpoint
from leaderboard.models import DriftCheck, Endpoint, EndpointUse, Submission, User, Watch
from leaderboard.queries.compare import Compared, compare

log = logging.getLogger(__name__)

LEVEL = 0.05
MOST_DAYS = 365
FURTHEST = 100.0
"""Points that two scores can be apart; with few items, intervals reach beyond that."""


def threshold(number: int) -> float:
    """The level of the `number`-th check against a baseline, from 1."""
    return LEVEL / (number * (number + 1))


@transaction.atomic
def watch_endpoint(
    *,
    endpoint: int,
    like: int,
    by: User,
    every_days: int,
    baseline: int | None = None,
    budget_tokens: int | None = None,
    budget_dollars: float | None = None,
) -> Watch:
    """Measure a registered endpoint every so many days as submission `like` was, against `baseline` (None: `like`).

    Raises NotFound, Refused.
    """
    if not by.is_staff:
        raise Refused("not_staff", "Only this site's staff has endpoints watched.")
    if not 1 <= every_days <= MOST_DAYS:
        raise Refused("bad_days", f"Every how many days: from 1 to {MOST_DAYS}.", field="every_days")
    if budget_tokens is None and budget_dollars is None:
        raise Refused("no_budget", "A check needs a budget of its own, in tokens or dollars.", field="budget_dollars")
    row = Endpoint.objects.filter(pk=endpoint, operated=True).first()
    run = Submission.objects.filter(pk=like, use__endpoint=row, state=Submission.State.SUCCEEDED).first()
    if row is None or run is None:
        raise NotFound(
            "unknown_run", f"Registered endpoint {endpoint} has no succeeded submission {like}.", field="like"
        )
    base = Submission.objects.filter(pk=baseline or like, suite=run.suite, state=Submission.State.SUCCEEDED).first()
    if base is None:
        message = f"Submission {baseline} did not succeed on {run.suite.slug}; a baseline has."
        raise NotFound("unknown_baseline", message, field="baseline")
    values = {
        "like": run, "every_days": every_days, "budget_tokens": budget_tokens, "budget_dollars": budget_dollars,
        "due_at": Now() + timedelta(days=every_days), "problem": "",
    }  # fmt: skip
    watch, _ = Watch.objects.update_or_create(endpoint=row, baseline=base, defaults=values)
    return watch


@transaction.atomic
def unwatch_endpoint(*, watch: int, by: User) -> None:
    """End a watch; what it found stays. Raises NotFound, Refused."""
    if not by.is_staff:
        raise Refused("not_staff", "Only this site's staff has endpoints watched.")
    if not Watch.objects.filter(pk=watch).delete()[0]:
        raise NotFound("unknown_watch", f"There is no watch {watch}.")


def recheck_due() -> int:
    """Submit every check that is due; returns how many were. One that cannot be is noted, and tried the next time."""
    due = Watch.objects.filter(due_at__lte=Now()).values_list("pk", flat=True)
    return sum(recheck_one(watch=watch) for watch in list(due))


@transaction.atomic
def recheck_one(*, watch: int) -> bool:
    """Submit one check, if it is still due."""
    waiting = Watch.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=watch, due_at__lte=Now())
    row = waiting.select_related("endpoint__owner__user", "like__suite", "like__use").first()
    if row is None or row.endpoint.owner.user is None:
        return False
    problem = ""
    try:
        with transaction.atomic():
            evaluate_endpoint(
                endpoint=row.endpoint_id, suite=row.like.suite.slug, by=row.endpoint.owner.user,
                sampling=run_settings.sampling_of(row.like.settings), concurrency=row.like.use.concurrency,
                price=own_price(row.like.use), budget_tokens=row.budget_tokens, budget_dollars=row.budget_dollars,
            )  # fmt: skip
    except (Refused, msgspec.ValidationError) as error:
        problem = str(error)
        log.warning("Watch %s: %s", watch, problem)
    Watch.objects.filter(pk=watch).update(due_at=Now() + timedelta(days=row.every_days), problem=problem)
    return not problem


def own_price(use: EndpointUse) -> Price | None:
    """The price that overrides the catalogue's."""
    if use.input_price is None or use.output_price is None:
        return None
    return Price(input=use.input_price, output=use.output_price, cached=use.cached_price)


def note_drift(*, submission: int) -> int:
    """Compare a run of an endpoint with its baselines: those of its watches, and its own first run at the same
    settings. Does nothing for anything else, or a second time; returns how many checks were noted."""
    row = Submission.objects.select_related("use__endpoint").filter(
        pk=submission, state=Submission.State.SUCCEEDED, use__isnull=False
    ).first()  # fmt: skip
    if row is None:
        return 0
    known = set(DriftCheck.objects.filter(current=row).values_list("baseline", flat=True))
    return sum(check(row=row, baseline=baseline) for baseline in sorted(baselines_of(row) - known))


def baselines_of(row: Submission) -> set[int]:
    """What a run is compared with."""
    endpoint = row.use.endpoint
    runs = Submission.objects.filter(use__endpoint=endpoint, suite=row.suite_id, state=Submission.State.SUCCEEDED)
    first = runs.filter(settings_digest=row.settings_digest).order_by("pk").first()
    watched = Watch.objects.filter(endpoint=endpoint, baseline__suite=row.suite_id)
    found = set(watched.values_list("baseline", flat=True)) | ({first.pk} if first else set())
    return {one for one in found if one != row.pk}


@transaction.atomic
def check(*, row: Submission, baseline: int) -> bool:
    """Note one comparison; False where there is nothing to compare."""
    Endpoint.objects.select_for_update(no_key=True).get(pk=row.use.endpoint_id)  # checks are counted one by one
    found = compare(asked=[f"s{baseline}", f"s{row.pk}"])
    seen = sorted(evidence(found), key=lambda one: one[0])
    whole = found.standings[1].against
    if not seen or whole is None or whole.verdict is None:
        return False
    number = 1 + DriftCheck.objects.filter(baseline=baseline, endpoint=row.use.endpoint_id).count()
    level = threshold(number)
    p, task, word = seen[0]
    DriftCheck.objects.create(
        endpoint=row.use.endpoint, baseline_id=baseline, current=row, number=number, items=whole.comparison.n,
        difference=whole.difference, low=max(whole.low, -FURTHEST), high=min(whole.high, FURTHEST),
        p=p, task=task, threshold=level, word=word, drifted=p < level,
    )  # fmt: skip
    return True


def evidence(found: Compared) -> Iterator[tuple[float, str, str]]:
    """p of no difference, the task's name ("" for the suite) and the verdict's word, each adjusted for all others."""
    parts = [("", one.against) for one in found.standings]
    parts += [(row.task.task, entry.against) for row in found.rows for entry in row.entries]
    for task, against in parts:
        if against is not None and against.verdict is not None:
            yield min(1.0, 2 * against.verdict.p_unequal), task, against.verdict.word


def note_missing() -> int:
    """Note what a crash has left out; returns how many checks."""
    runs = Submission.objects.filter(state=Submission.State.SUCCEEDED, use__isnull=False, checks=None)
    return sum(note_drift(submission=pk) for pk in list(runs.filter(~Q(results=None)).values_list("pk", flat=True)))
