import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.api.metrics import aggregate_subtask_metrics, pooled_sample_stderr, unweighted_mean_stderr

from leaderboard.statistics.aggregate import TaskScore, group_score, macro_mean, suite_score, weighted_mean

fractions = st.floats(0, 1)
tasks = st.builds(TaskScore, score=fractions, stderr=st.floats(0, 0.5), baseline=st.floats(0, 0.9))
subtasks = st.lists(st.tuples(fractions, st.floats(0, 0.5), st.integers(2, 5000)), min_size=1, max_size=20)


def test_a_hand_worked_mean() -> None:
    total = suite_score([TaskScore(0.5, 0.03), TaskScore(0.9, 0.04)], normalised=False)
    assert total.score == pytest.approx(70.0)
    assert total.stderr == pytest.approx(100 * 0.05 / 2)


def test_a_hand_worked_normalised_mean() -> None:
    found = suite_score([TaskScore(0.625, 0.03, 0.25), TaskScore(0.1, 0.03, 0.25)], normalised=True)
    assert found == pytest.approx((25.0, 100 * math.hypot(0.04, 0.04) / 2))


def test_equal_means_tie_whatever_their_tasks() -> None:
    """Of 120 items each; summed as they come these two differ in the last bit."""
    one, two = (
        suite_score([TaskScore(solved / 120, 0.0) for solved in tasks], normalised=False)
        for tasks in ((64, 44, 100, 106, 114), (58, 40, 103, 109, 118))
    )
    assert one.score == two.score == pytest.approx(100 * 428 / 600)


def test_a_mean_of_nothing_and_an_impossible_baseline_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one task"):
        suite_score([], normalised=False)
    with pytest.raises(ValueError, match="baseline"):
        suite_score([TaskScore(0.5, 0.1, baseline=1.0)], normalised=True)


@given(st.lists(tasks, min_size=1, max_size=20), st.booleans())
def test_scores_stay_on_the_scale_and_order_does_not_matter(scores: list[TaskScore], normalised: bool) -> None:
    total = suite_score(scores, normalised=normalised)
    assert -1e-9 <= total.score <= 100 + 1e-9
    assert total.stderr >= 0
    again = suite_score(scores[::-1], normalised=normalised)
    assert math.isclose(total.score, again.score, abs_tol=1e-9)
    assert math.isclose(total.stderr, again.stderr, abs_tol=1e-9)


def test_a_missing_cell_is_never_averaged_away() -> None:
    scores, errors = [[0.5, 0.7], [0.9, math.nan], [0.1, 0.3]], [[0.1, 0.1], [0.1, 0.1], [0.1, math.nan]]
    found = macro_mean(scores, errors)
    assert found.score == pytest.approx([0.6, math.nan, 0.2], nan_ok=True)
    assert found.stderr == pytest.approx([math.hypot(0.1, 0.1) / 2, math.hypot(0.1, 0.1) / 2, math.nan], nan_ok=True)


def test_a_readers_own_weights() -> None:
    found = weighted_mean([0.5, 0.9, math.nan], [0.03, 0.04, 0.1], [3, 1, 0])
    assert found.score == pytest.approx(0.6)
    assert found.stderr == pytest.approx(math.hypot(3 * 0.03, 0.04) / 4)
    assert math.isnan(weighted_mean([0.5, 0.9, math.nan], [0.03, 0.04, 0.1], [3, 1, 1]).score)
    for weights in ([0, 0], [-1, 2], [math.nan, 1], [math.inf, 1]):
        with pytest.raises(ValueError, match="Weights"):
            weighted_mean([0.5, 0.9], [0.1, 0.1], weights)
    with pytest.raises(ValueError, match="same tasks"):
        weighted_mean([0.5, 0.9], [0.1, 0.1], [1])
    with pytest.raises(ValueError, match="negative"):
        macro_mean([0.5, 0.9], [0.1, -0.1])


@given(subtasks, st.floats(0.01, 100))
def test_weights_have_no_unit_and_the_mean_lies_among_the_scores(
    rows: list[tuple[float, float, int]], k: float
) -> None:
    scores, errors, sizes = np.array(rows).T
    found = weighted_mean(scores, errors, sizes)
    assert scores.min() - 1e-9 <= found.score <= scores.max() + 1e-9
    assert found == pytest.approx(weighted_mean(scores, errors, k * sizes), abs=1e-9)


@given(subtasks)
def test_groups_are_lm_evals(rows: list[tuple[float, float, int]]) -> None:
    scores, errors, sizes = (list(column) for column in zip(*rows, strict=True))
    for by_size in (True, False):
        found = group_score(scores, errors, sizes, weight_by_size=by_size)
        assert found.score == pytest.approx(aggregate_subtask_metrics(scores, sizes, by_size), abs=1e-9)
    assert found.stderr == pytest.approx(float(unweighted_mean_stderr(errors)), abs=1e-12)
    alike = [sizes[0]] * len(sizes)
    weighted = group_score(scores, errors, alike, weight_by_size=True).stderr
    assert weighted == pytest.approx(float(pooled_sample_stderr(errors, alike)), abs=1e-9)


def test_a_weighted_group_is_its_items_together() -> None:
    """By size, the score is that of the items in one pot, and the error that of items drawn subtask by subtask."""
    rng = np.random.default_rng(8)
    parts = [(rng.random(n) < share).astype(float) for n, share in ((400, 0.3), (1600, 0.5), (50, 0.4))]
    errors = [part.std(ddof=1) / math.sqrt(len(part)) for part in parts]
    sizes = [len(part) for part in parts]
    found = group_score([part.mean() for part in parts], errors, sizes, weight_by_size=True)
    assert found.score == pytest.approx(np.concatenate(parts).mean())
    assert found.stderr == pytest.approx(float(pooled_sample_stderr(errors, sizes)), rel=0.02)
    with pytest.raises(ValueError, match="at least one item"):
        group_score([0.5], [0.1], [0], weight_by_size=True)
