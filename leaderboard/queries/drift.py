"""How an endpoint's later runs differ from a baseline on identical items: what was checked, and the evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db.models import Q

from leaderboard.models import DriftCheck, Endpoint, Submission, Suite, Watch
from leaderboard.queries.compare import MARGIN, Against, Compared, compare
from leaderboard.queries.endpoints import whose
from leaderboard.queries.errors import BadQuery, Missing

MOST = 7
"""Runs beside a baseline that the reader chose."""


@dataclass(frozen=True)
class Line:
    """One run against the baseline, in points. `p` comes from `task`, or from the suite as a whole; `threshold` and
    `drifted` are None where nobody keeps count (a baseline that the reader chose)."""

    submission: Submission
    at: datetime | None
    difference: float
    low: float
    high: float
    p: float
    items: int
    word: str
    task: str = ""
    threshold: float | None = None
    drifted: bool | None = None

    @property
    def key(self) -> str:
        """How comparisons name it."""
        return f"s{self.submission.pk}"

    @property
    def verdict(self) -> "Line":
        """For the picture, which a comparison has too."""
        return self


@dataclass(frozen=True)
class Drift:
    """Everything on the page. `baseline` None: there is nothing to compare yet; `chosen`: the reader chose it."""

    endpoint: Endpoint
    name: str
    verified: bool
    suite: Suite | None
    suites: list[Suite]
    baseline: Submission | None
    baselines: list[Submission]
    chosen: bool
    lines: list[Line]
    evidence: Compared | None
    watches: list[Watch]
    margin: float = MARGIN

    @cached_property
    def reach(self) -> float:
        furthest = max([abs(end) for one in self.lines for end in (one.low, one.high)] + [2 * self.margin])
        return float(next((step for step in (1, 2, 5, 10, 15, 20, 30, 50) if step >= furthest), 100))

    @property
    def baseline_key(self) -> str:
        return f"s{self.baseline.pk}" if self.baseline else ""

    @property
    def drifted(self) -> bool:
        """Whether the newest check says so."""
        return bool(self.lines and self.lines[-1].drifted)


def drift(pk: int, *, suite: str = "", baseline: str = "") -> Drift:
    """One endpoint on one suite (default: of its newest run) against a submission (default: the one with most checks).

    Raises Missing, BadQuery, and what a comparison raises.
    """
    shown = Q(operated=True) | Q(
        uses__submission__suite__owner=None
    )  # where only workloads went is their owner's matter
    endpoint = Endpoint.objects.select_related("owner").filter(shown, pk=pk).first()
    if endpoint is None:
        raise Missing("endpoint", f"There is no endpoint {pk}.")
    runs = list(
        Submission.objects.filter(use__endpoint=endpoint, state=Submission.State.SUCCEEDED)
        .select_related("suite", "revision__model")
        .order_by("pk")
    )
    suites = list({run.suite.slug: run.suite for run in runs}.values())
    identity = whose(endpoint.origin, endpoint.served)
    chosen = suite_of(suites, suite)
    runs = [run for run in runs if chosen and run.suite_id == chosen.pk]
    checks = list(
        DriftCheck.objects.filter(endpoint=endpoint, current__in=runs).select_related(
            "current", "baseline__revision__model"
        )
    )
    known = list({one.baseline_id: one.baseline for one in checks}.values())
    base = baseline_of(baseline, chosen, known, checks)
    stored = [one for one in checks if base and one.baseline_id == base.pk]
    lines = [line_of(one) for one in stored]
    evidence = None
    if base is not None and not stored:
        later = [f"s{run.pk}" for run in runs if run.pk != base.pk][-MOST:]
        evidence = compare(asked=[f"s{base.pk}", *later]) if later else None
        lines = lines_of(evidence, runs) if evidence else []
    elif base is not None:
        evidence = compare(asked=[f"s{base.pk}", f"s{stored[-1].current_id}"])
    return Drift(
        endpoint=endpoint, name=identity.name, verified=identity.verified, suite=chosen, suites=suites, baseline=base,
        baselines=known, chosen=bool(baseline) and not stored, lines=lines, evidence=evidence,
        watches=list(endpoint.watches.select_related("baseline").order_by("pk")),
    )  # fmt: skip


def suite_of(suites: Sequence[Suite], slug: str) -> Suite | None:
    """The suite asked for, or of the newest run; raises BadQuery."""
    if not slug:
        return suites[-1] if suites else None
    found = next((one for one in suites if one.slug == slug), None)
    if found is None:
        raise BadQuery("suite", f"This endpoint has no result on {slug[:80]!r}.")
    return found


def baseline_of(
    text: str, suite: Suite | None, known: Sequence[Submission], checks: Sequence[DriftCheck]
) -> Submission | None:
    """The submission `s12` that was asked for, or the known baseline with most checks; raises BadQuery."""
    if not text:
        counted = {one.pk: sum(check.baseline_id == one.pk for check in checks) for one in known}
        return max(known, key=lambda one: (counted[one.pk], -one.pk), default=None)
    number = text.removeprefix("s")
    ours = Submission.objects.select_related("revision__model").filter(state=Submission.State.SUCCEEDED, suite=suite)
    found = None
    if number.isascii() and number.isdigit() and len(number) < 10:
        found = ours.filter(pk=int(number)).first()
    if found is None:
        raise BadQuery(
            "baseline", f"A baseline is a submission that succeeded on this suite, such as s12: {text[:40]!r}."
        )
    return found


def line_of(check: DriftCheck) -> Line:
    return Line(
        submission=check.current, at=check.current.finished_at, difference=check.difference, low=check.low,
        high=check.high, p=check.p, items=check.items, word=check.word, task=check.task, threshold=check.threshold,
        drifted=check.drifted,
    )  # fmt: skip


def lines_of(found: Compared, runs: Sequence[Submission]) -> list[Line]:
    """A comparison that is made now, run by run."""
    of = {f"s{run.pk}": run for run in runs}
    against = [(of[one.of.id], one.against) for one in found.standings if one.against and one.of.id in of]
    return [line_now(run, one) for run, one in against if one.verdict is not None]


def line_now(run: Submission, one: Against) -> Line:
    assert one.verdict is not None
    return Line(run, run.finished_at, one.difference, one.low, one.high, one.p, one.comparison.n, one.verdict.word)
