"""The noise floor of a suite on each kind of machine, from repeats: runs that asked everything anew."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.db.models.fields.json import KeyTextTransform

from leaderboard.models import Result, Submission, Suite
from leaderboard.queries.measured import Measured
from leaderboard.statistics.repeats import Noise, between, noise

MOST = 1_000
"""Runs that are looked at, the newest."""
Machine = tuple[str, str]
"""Hardware and precision, as provenance names them."""


@dataclass(frozen=True)
class Floor:
    """Of one kind of machine: of the suite's score in points, and of each task's as a fraction; None or absent while
    there are too few repeats."""

    hardware: str
    dtype: str
    whole: Noise | None
    tasks: Mapping[str, Noise] = field(default_factory=dict)


def floors(suite: Suite) -> dict[Machine, Floor]:
    """By machine; empty while nobody has repeated anything. 3 queries at most."""
    runs = repeats(suite)
    if not runs:
        return {}
    scores: dict[int, dict[str, float]] = defaultdict(dict)
    measured = Result.objects.filter(submission__in=[run["pk"] for run in runs], score__isnull=False)
    for pk, task, score in measured.values_list("submission", "task__task", "score"):
        scores[pk][task] = score or 0.0  # it is not null
    found = {}
    for machine, here in by_machine(runs).items():
        named = {task for run in here for task in scores[run["pk"]]}
        tasks = {
            task: one
            for task in named
            if (one := noise(grouped((run, scores[run["pk"]].get(task)) for run in here))) is not None
        }
        whole = noise(grouped((run, run["score"]) for run in here))
        if whole is not None or tasks:
            found[machine] = Floor(*machine, whole, tasks)
    return found


def repeats(suite: Suite) -> list[dict[str, Any]]:
    """Runs made to be compared, and others of the same revisions in which nothing came from a journal. What was only
    scored anew is the same run twice."""
    done = Submission.objects.filter(suite=suite, state=Submission.State.SUCCEEDED, rescored_from=None)
    again = set(done.filter(fresh=True).order_by().values_list("revision", flat=True))
    if not again:
        return []
    alone = Q(fresh=True) | Q(provenance__requests__replayed=0)
    told = {name: KeyTextTransform(name, "provenance") for name in ("hardware", "dtype")}
    rows = done.filter(alone, revision__in=again).annotate(**told).order_by("-pk")
    return list(rows.values("pk", "revision", "settings_digest", "score", *told)[:MOST])


def by_machine(runs: Iterable[dict[str, Any]]) -> dict[Machine, list[dict[str, Any]]]:
    """Runs whose machine is known."""
    found: dict[Machine, list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        if run["hardware"] and run["dtype"]:
            found[run["hardware"], run["dtype"]].append(run)
    return found


def grouped(scored: Iterable[tuple[dict[str, Any], float | None]]) -> list[list[float]]:
    """Scores of runs of the same revision at the same settings together."""
    groups: dict[tuple[int, str], list[float]] = defaultdict(list)
    for run, score in scored:
        if score is not None:
            groups[run["revision"], run["settings_digest"]].append(score)
    return list(groups.values())


def machine_of(one: Measured) -> Machine | None:
    """What an evaluation was made on; None for imports, and where it was not told."""
    told = one.submission.provenance if one.submission else {}
    hardware, dtype = told.get("hardware"), told.get("dtype")
    return (hardware, dtype) if isinstance(hardware, str) and isinstance(dtype, str) and hardware and dtype else None


class Limits:
    """Below which difference, in points, two evaluations of a suite may be one model run twice."""

    def __init__(self, suite: Suite, models: Iterable[Measured]) -> None:
        self._machines = {one.id: machine_of(one) for one in models}
        known = sum(machine is not None for machine in self._machines.values()) > 1
        self._floors = floors(suite) if known else {}

    def of(self, first: Measured, second: Measured, task: str = "") -> float | None:
        """For a task, or for the suite; None where it is not known for both machines."""
        found = [self._noise(one, task) for one in (first, second)]
        if found[0] is None or found[1] is None:
            return None
        return (100 if task else 1) * between(found[0], found[1])

    def _noise(self, one: Measured, task: str) -> Noise | None:
        machine = self._machines[one.id]
        floor = self._floors.get(machine) if machine else None
        if floor is None:
            return None
        return floor.tasks.get(task) if task else floor.whole
