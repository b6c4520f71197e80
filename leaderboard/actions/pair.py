"""Test neighbours of a ranking on the items that both answered: pairs tell apart what intervals cannot.

The method: rows at most REACH places apart whose 95 % intervals overlap are compared on the whole suite, task by task
on the same items, by the paired t-test of Miller 2024 (arXiv 2411.00640): tasks weigh what they weigh in the suite's
score, degrees of freedom are Welch's and Satterthwaite's (`statistics.paired.suite_difference`). All that are close now
and were tested are one family (Holm 1979): the chance of telling any equal pair apart is at most 5 %, however the tests
depend on each other. Pairs are chosen because their scores are close, which makes the tests stricter, not looser.
Those told apart narrow the rank intervals (`statistics.ranks.tighten`).
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from leaderboard.columnar.ranking import Pair, standing
from leaderboard.columnar.table import Columns
from leaderboard.models import PairedTest, Result, Suite, SuiteTask
from leaderboard.queries.binary import binary_cursor
from leaderboard.queries.pairing import ascending
from leaderboard.statistics.arrays import Floats, Integers
from leaderboard.statistics.families import holm
from leaderboard.statistics.paired import Difference, paired_difference, suite_difference
from leaderboard.statistics.ranks import neighbours

REACH = 2
"""How many places apart two rows are tested; who is further apart is mostly told apart through those between."""
TESTS_A_BUILD = 200
"""New tests of one build, the best rows first: a build must stay quick, and what was tested is kept."""
ALPHA = 0.05

TESTED = np.dtype([("first", ">i8"), ("second", ">i8"), ("difference", ">f8"), ("p", ">f8")])
TESTS = """
SELECT string_agg(int8send(first_id) || int8send(second_id) || float8send(coalesce(difference, 'NaN'))
                  || float8send(coalesce(p_unequal, 'NaN')), ''::bytea)
FROM leaderboard_pairedtest WHERE suite_id = %s
"""
"""Every test of a suite as one value, TESTED."""

Vectors = dict[tuple[int, int], tuple[str | None, bytes]]
"""(submission, task) -> the digest of its items, and its score on each."""


def decided(*, suite: Suite, table: pa.Table) -> list[Pair]:
    """Neighbours (better, worse) that a paired test tells apart, at 5 % over all that are tested (Holm).

    Tests those that never were, as many as a build may; runs in the caller's transaction.
    """
    data = Columns(table)
    found = standing(data, imported=suite.imported)
    keys = data.number("submission")[found.rows].astype(np.int64)
    close = keys[neighbours(found.score, found.stderr, reach=REACH)].reshape(-1, 2)
    if not len(close):
        return []
    pairs = np.sort(close, axis=1)  # the earlier submission first: a pair is tested and kept once
    tested = tests_of(suite)
    known = known_at(tested, pairs)
    fresh = test(suite, [(first, second) for first, second in pairs[known < 0][:TESTS_A_BUILD].tolist()])
    if fresh:
        PairedTest.objects.bulk_create(fresh, ignore_conflicts=True)
        tested = np.concatenate([tested, np.array([numbers_of(row) for row in fresh], dtype=TESTED)])
        known = known_at(tested, pairs)
    close, pairs, told = close[known >= 0], pairs[known >= 0], tested[known[known >= 0]]
    better_is_first = close[:, 0] == pairs[:, 0]
    agrees = (told["difference"] != 0) & ((told["difference"] > 0) == better_is_first)
    sure = holm(told["p"].astype(float)) <= ALPHA  # never of NaN: not tested
    return [(better, worse) for better, worse in close[sure & agrees].tolist()]


def tests_of(suite: Suite) -> np.ndarray[Any, Any]:
    """All paired tests of a suite, TESTED: there may be hundreds of thousands."""
    with binary_cursor() as cursor:
        cursor.execute(TESTS, [suite.pk])
        (packed,) = cursor.fetchone() or (None,)
    return np.frombuffer(packed or b"", dtype=TESTED)


def known_at(tested: np.ndarray[Any, Any], pairs: Integers) -> Integers:
    """The place of each pair (first, second), (P, 2), among the tests; -1 where it was not tested."""
    both = np.concatenate([np.stack([tested["first"], tested["second"]], axis=1).astype(np.int64), pairs])
    names = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
    place = np.full(len(both), -1, dtype=np.int64)
    place[names[: len(tested)]] = np.arange(len(tested))
    return place[names[len(tested) :]]


def numbers_of(row: PairedTest) -> tuple[int, int, float, float]:
    """A test as TESTED has it."""
    missing = float("nan")
    return (
        row.first_id, row.second_id, missing if row.difference is None else row.difference,
        missing if row.p_unequal is None else row.p_unequal,
    )  # fmt: skip


def test(suite: Suite, pairs: Sequence[Pair]) -> list[PairedTest]:
    """The tests of these pairs (first, second), not yet stored."""
    if not pairs:
        return []
    tasks = list(suite.tasks.order_by("position"))
    vectors = vectors_of({key for pair in pairs for key in pair})
    rows = []
    for first, second in pairs:
        found = difference(suite, tasks, vectors, first, second)
        rows.append(
            PairedTest(
                suite=suite, first_id=first, second_id=second, difference=found.mean if found else None,
                p_unequal=min(1.0, found.p_unequal()) if found else None,
            )
        )  # fmt: skip
    return rows


def vectors_of(submissions: Collection[int]) -> Vectors:
    """The items and their scores of every result of these submissions."""
    results = Result.objects.filter(submission__in=submissions)
    found = results.values_list("submission", "task", "items", "item_scores")
    return {(submission, task): (items, bytes(scores)) for submission, task, items, scores in found}


def difference(
    suite: Suite, tasks: Sequence[SuiteTask], vectors: Vectors, first: int, second: int
) -> Difference | None:
    """First minus second on the whole suite, a fraction; None unless both answered the same items of every task."""
    parts, weights = [], []
    for task in tasks:
        ours, theirs = (scores(vectors, task, submission) for submission in (first, second))
        if ours is None or theirs is None or vectors[first, task.pk][0] != vectors[second, task.pk][0]:
            return None
        parts.append(paired_difference(ascending(ours, task), ascending(theirs, task)))
        weights.append(1 / (len(tasks) * ((1 - task.baseline) if suite.normalise else 1)))
    return suite_difference(parts, weights)


def scores(vectors: Vectors, task: SuiteTask, submission: int) -> Floats | None:
    """A submission's score on each item of a task, (n,); None where there are fewer than two."""
    items, data = vectors.get((submission, task.pk), (None, b""))
    values = np.frombuffer(data, dtype="<f4").astype(float)
    return values if items is not None and len(values) >= 2 else None
