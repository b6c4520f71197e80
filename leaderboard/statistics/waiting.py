"""How long a run takes, and how long a line of jobs waits: past runs and free workers in, seconds out.

A run is two stretches of time: what comes before its first item (download, task files, loading), which hardly depends
on the model as long as models of like size are compared, and the items, which take time in proportion to the parameters
that work on a token. Medians over the runs nearest in size, so that one odd run moves nothing. `UNKNOWN` (infinity)
stands for a time that nothing is known of; it passes through sums, so that whoever waits behind it is unknown too.

This module does not know what else a host was busy with, or how items differ: how far such predictions are off is
measured (`accuracy`) and shown beside each of them.
"""

import heapq
import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

UNKNOWN = math.inf
NEAREST = 9
"""So many runs nearest in size are asked."""
OVERDUE = 0.1
"""What takes longer than expected is expected to take this share of its time so far once more: "0 s left" for minutes
would be untrue."""


SETTLED = 5.0
"""Seconds of work on items below which their speed says nothing: heartbeats come every few seconds, so when the first
item began is known no better than that."""


def rate(done: int, seconds: float) -> float | None:
    """Items a second; None while that says nothing."""
    return done / seconds if done and seconds >= SETTLED else None


class Run(NamedTuple):
    """A finished run, in seconds. `parameters`: those that work on each token; None or 0 where nobody knows."""

    start: float
    evaluation: float
    parameters: int | None


class Expected(NamedTuple):
    """What a run is expected to take, in seconds: until its first item, and from there to its end."""

    start: float
    evaluation: float

    @property
    def seconds(self) -> float:
        return self.start + self.evaluation


def expected(runs: Sequence[Run], parameters: int | None) -> Expected | None:
    """What a run of a model with `parameters` takes, by like runs (newest first); None when there are none.

    Where its size, or that of all runs, is unknown, the plain medians: any answer beats none, and is measured.
    """
    if not runs:
        return None
    scaled = [(run, parameters / run.parameters) for run in runs if parameters and run.parameters]
    scaled.sort(key=lambda pair: abs(math.log(pair[1])))
    near = (scaled or [(run, 1.0) for run in runs])[:NEAREST]
    return Expected(median(run.start for run, _ in near), median(run.evaluation * scale for run, scale in near))


def still(expected: float, elapsed: float) -> float:
    """Seconds left of something expected to take `expected` that has taken `elapsed`; never nothing until it has."""
    return max(expected - elapsed, OVERDUE * elapsed)


def remaining(
    plan: Expected | None, *, elapsed: float, evaluating: float | None = None, done: int = 0, total: int = 0
) -> float:
    """Seconds until a run ends that was claimed `elapsed` seconds ago and has worked on items for `evaluating` (None:
    not yet); UNKNOWN without a plan and without items.

    With items done, what they took and what was planned are both asked, weighted by the share that is done. Without a
    plan the items alone decide, once they have taken a few seconds.
    """
    if evaluating is None:
        return UNKNOWN if plan is None else still(plan.start, elapsed) + plan.evaluation
    share = min(done / total, 1.0) if total > 0 else 0.0
    if plan is None:
        return evaluating / share * (1 - share) if share and evaluating >= SETTLED else UNKNOWN
    if not share:
        return still(plan.evaluation, evaluating)
    whole = (1 - share) * plan.evaluation + evaluating
    return (1 - share) * whole


class Slot(NamedTuple):
    """Room for one job on a worker, free in `free_in` seconds."""

    free_in: float
    worker: int


class Waiting(NamedTuple):
    """A job in the line: how long it takes, who can run it, in how many seconds it may start at all, and in how many it
    has ended or is gone from the line, whoever works on it."""

    seconds: float
    workers: frozenset[int]
    not_before: float = 0.0
    until: float = UNKNOWN


def starts(slots: Sequence[Slot], line: Sequence[Waiting]) -> list[float]:
    """In how many seconds each job of the line (oldest first) starts; UNKNOWN for those that nobody comes to.

    As workers claim: whoever is free takes the oldest job that it can run and that may start.
    """
    begin = [UNKNOWN] * len(line)
    waiting = list(range(len(line)))
    free = [slot for slot in slots if slot.free_in < UNKNOWN]
    heapq.heapify(free)
    while free and waiting:
        now, worker = heapq.heappop(free)
        mine = (job for job in waiting if worker in line[job].workers)
        job, again = first_of(mine, line, now)
        if job is not None:
            begin[job] = now
            waiting.remove(job)
            again = min(now + line[job].seconds, line[job].until)
        if again < UNKNOWN:
            heapq.heappush(free, Slot(again, worker))
    return begin


def first_of(jobs: Iterable[int], line: Sequence[Waiting], now: float) -> tuple[int | None, float]:
    """The first of `jobs` that may start `now`; or None, and when one may."""
    soonest = UNKNOWN
    for job in jobs:
        begins = max(now, line[job].not_before)
        if begins >= line[job].until:
            continue
        if begins == now:
            return job, now
        soonest = min(soonest, begins)
    return None, soonest


class Accuracy(NamedTuple):
    """Quantiles of actual over predicted seconds, over `n` predictions: 2 means twice as long as predicted."""

    p10: float
    p50: float
    p90: float
    n: int


def accuracy(pairs: Sequence[tuple[float, float]]) -> Accuracy | None:
    """How far predictions were off, from pairs of (actual, predicted) seconds; None without any.

    Times below a second count as one: a prediction of 0.1 s that took 0.3 s was not three times wrong.
    """
    if not pairs:
        return None
    ratios = [max(actual, 1.0) / max(predicted, 1.0) for actual, predicted in pairs]
    p10, p50, p90 = (float(value) for value in np.quantile(ratios, [0.1, 0.5, 0.9]))
    return Accuracy(p10, p50, p90, len(ratios))
