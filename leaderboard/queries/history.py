"""What became of one model over time: every score that it ever had here, and how fast it was measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import isfinite
from statistics import median
from typing import Any

from django.db.models import F, Sum
from django.db.models.fields.json import KeyTransform

from leaderboard.models import Imported, Model, Submission, Suite

NEWEST = 500
"""How many evaluations a chart shows; the CSV has all."""
RUNS = 200
"""The newest runs from which speeds are told."""
MOST_SPEEDS = 10_000
"""Of a suite's runs."""


@dataclass(frozen=True)
class Point:
    """One evaluation. `day` None: nobody says when. `current`: not replaced by a later statement of its source."""

    suite: str
    imported: bool
    key: str
    day: date | None
    sha: str
    settings: dict[str, Any]
    precision: str
    score: float
    stderr: float | None
    current: bool


@dataclass(frozen=True)
class Speed:
    """How fast a model was measured on one kind of machine: medians over `runs` runs, the newest at `day`.

    `tokens`: prompt and answer tokens a second, where runs counted them.
    """

    suite: str
    engine: str
    dtype: str
    hardware: str
    runs: int
    items: float
    tokens: float | None
    load: float | None
    day: date


def points_of(model: Model, *, most: int | None = NEWEST) -> list[Point]:
    """The newest evaluations of a model with a score, newest first, those without a day last. 2 queries."""
    # Tables of others may hold a NaN where a number should be; it is none.
    found = [one for one in (*measured(model, most), *imported(model, most)) if isfinite(one.score)]
    found.sort(key=lambda one: one.day or date.min, reverse=True)
    return found[:most]


def measured(model: Model, most: int | None) -> Iterator[Point]:
    rows = Submission.objects.filter(revision__model=model, state=Submission.State.SUCCEEDED, score__isnull=False)
    wanted = ("pk", "suite__slug", "finished_at", "revision__sha", "settings", "revision__dtype",
              "score", "stderr")  # fmt: skip
    for key, slug, at, sha, settings, dtype, score, stderr in rows.order_by("-pk").values_list(*wanted)[:most]:
        day = at.date() if at else None
        precision = dtype if settings["dtype"] == "auto" else settings["dtype"]
        yield Point(slug, False, f"s{key}", day, sha, settings, precision, score, finite(stderr), True)


def imported(model: Model, most: int | None) -> Iterator[Point]:
    rows = Imported.objects.filter(revision__model=model, score__isnull=False)
    wanted = ("pk", "suite__slug", "evaluated_on", "revision__sha", "settings", "precision",
              "score", "stderr", "superseded_at")  # fmt: skip
    for key, slug, day, sha, settings, precision, score, stderr, superseded in rows.order_by("-pk").values_list(
        *wanted
    )[:most]:
        yield Point(
            slug, True, f"i{key}", day, sha, settings, precision, score, finite(stderr), superseded is None
        )  # fmt: skip


def finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def speeds_of(model: Model) -> list[Speed]:
    """How fast the newest runs were, by suite, engine, precision and hardware. 1 query.

    Runs of endpoints say nothing of our machines, which only ask: their pace is `queries.reliability`. Neither do
    stored responses that were scored anew.
    """
    rows = Submission.objects.filter(
        revision__model=model, state=Submission.State.SUCCEEDED, use=None, rescored_from=None
    )
    told = {
        name: KeyTransform(name, "provenance")
        for name in ("hardware", "engine", "dtype", "evaluation_seconds", "load_seconds", "spent", "tokens")
    }
    found = (
        rows.annotate(items=Sum("results__n"), **told).annotate(slug=F("suite__slug")).order_by("-pk")
        .values("slug", "items", "finished_at", "settings", *told)[:RUNS]
    )  # fmt: skip
    groups: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
    for row in found:
        if not seconds(row["evaluation_seconds"]) or not row["items"] or row["finished_at"] is None:
            continue
        engine = text(row["engine"]) or text(row["settings"].get("engine"))
        groups.setdefault((row["slug"], engine, text(row["dtype"]), text(row["hardware"])), []).append(row)
    return [speed(key, runs) for key, runs in groups.items()]


def throughputs(suite: Suite) -> tuple[dict[int, float], str]:
    """Submission -> tokens in and out a second, of the newest runs on the hardware that most of them were made on, and
    that hardware: speeds of different machines say nothing of models. 1 query."""
    told = {name: KeyTransform(name, "provenance") for name in ("hardware", "evaluation_seconds", "spent", "tokens")}
    ours = Submission.objects.filter(suite=suite, state=Submission.State.SUCCEEDED, use=None, rescored_from=None)
    rows = ours.annotate(**told)
    by_hardware: dict[str, dict[int, float]] = {}
    for row in rows.order_by("-pk").values("pk", *told)[:MOST_SPEEDS]:
        took, count = seconds(row["evaluation_seconds"]), counted(row)
        if took and count:
            by_hardware.setdefault(text(row["hardware"]), {})[row["pk"]] = count / took
    if not by_hardware:
        return {}, ""
    hardware = max(by_hardware, key=lambda name: len(by_hardware[name]))
    return by_hardware[hardware], hardware


def speed(key: tuple[str, str, str, str], runs: list[dict[str, Any]]) -> Speed:
    """The medians of runs, newest first."""
    rates = [one["items"] / one["evaluation_seconds"] for one in runs]
    tokens = [count / one["evaluation_seconds"] for one in runs if (count := counted(one))]
    loads = [found for one in runs if (found := seconds(one["load_seconds"]))]
    return Speed(
        *key, runs=len(runs), items=median(rates), tokens=median(tokens) if tokens else None,
        load=median(loads) if loads else None, day=runs[0]["finished_at"].date(),
    )  # fmt: skip


def counted(run: dict[str, Any]) -> float | None:
    """Tokens in and out that a run counted, if it did: provenance is what a worker wrote, and may hold anything."""
    for holder in (run["spent"], run["tokens"]):
        if isinstance(holder, dict):
            parts = [seconds(holder.get(name)) for name in ("input_tokens", "output_tokens", "input", "output")]
            if any(parts):
                return sum(part or 0.0 for part in parts)
    return None


def seconds(value: Any) -> float | None:
    """A positive number, or None for anything else."""
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
    return float(value) if usable else None


def text(value: Any) -> str:
    return value[:120] if isinstance(value, str) else ""
