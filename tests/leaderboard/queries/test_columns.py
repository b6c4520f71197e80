import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboard.actions.rank import build_snapshot
from leaderboard.columnar.table import empty
from leaderboard.models import Snapshot, Submission, Suite
from leaderboard.queries.columns import MAX_STEPS, STEPS, Columns, Scale, columns, drawn, scale
from leaderboard.queries.snapshots import columns_of, newest
from tests.leaderboard.pages import made

scores = st.floats(0, 100)


@given(scores, scores, st.floats(0, 20))
@example(100.0, 100.0, 0.0)
@example(0.0, 0.0, 0.0)
@example(99.9, 100.0, 5.0)
def test_an_axis_holds_all_it_has_to_and_stays_within_the_scale(one: float, two: float, error: float) -> None:
    low, high = min(one, two) - error, max(one, two) + error
    axis = scale(low, high)
    assert 0 <= axis.low < axis.high <= 100
    assert axis.low <= max(low, 0) and min(high, 100) <= axis.high


@given(scores, scores)
@example(100.0, 100.0)
def test_an_axis_has_few_ticks_at_round_numbers(one: float, two: float) -> None:
    axis = scale(min(one, two), max(one, two))
    assert axis.step in STEPS
    assert (axis.ticks[0], axis.ticks[-1]) == (axis.low, axis.high)
    assert 2 <= len(axis.ticks) <= MAX_STEPS + 1
    assert all(tick % axis.step == 0 for tick in axis.ticks)


def test_without_scores_the_axis_is_the_whole_scale() -> None:
    assert scale(None, None) == Scale(0, 100, 25)


@pytest.mark.django_db
class TestColumns:
    def of(self, suite: Suite) -> Columns:
        found, tasks = newest(suite), list(suite.tasks.all())
        return columns(columns_of(found) if found else empty([task.task for task in tasks]), tasks)

    def test_quantiles_leave_outliers_out_and_the_best_is_of_ranked_rows(
        self, make_submission: made.Make, suite: Suite
    ) -> None:
        for index in range(21):
            made.succeed(make_submission(f"org/m{index}"), 50.0, tasks={"alpha": index / 20})
        made.succeed(make_submission("org/unranked"), None, reason="why", tasks={"alpha": 1.0})
        build_snapshot(suite=suite)
        found = self.of(suite)
        alpha, beta = found.tasks
        assert (alpha.low, alpha.high) == (pytest.approx(0.0525), pytest.approx(0.9975))
        assert (beta.low, beta.high, beta.best) == (0.5, 0.5, 0.5)
        assert (alpha.best, found.best_score) == (1.0, 50.0)

    def test_the_best_of_an_unranked_row_does_not_count(self, board: dict[str, Submission], suite: Suite) -> None:
        made_up = self.of(suite)
        assert (made_up.best_score, made_up.tasks[0].best) == (80.0, 0.8)
        assert made_up.scale.low <= 18 and made_up.scale.high >= 82

    def test_where_less_is_better_the_least_is_best(self, board: dict[str, Submission], suite: Suite) -> None:
        tasks = list(suite.tasks.all())
        tasks[0].higher_is_better = False
        alpha, beta = drawn(columns_of(Snapshot.objects.get()), tasks, "").tasks
        assert (alpha.best, beta.best) == (0.2, 0.8)

    def test_before_any_ranking_there_is_nothing_to_compare(self, suite: Suite) -> None:
        found = self.of(suite)
        assert found.best_score is None
        assert [(column.low, column.high, column.best) for column in found.tasks] == [(None, None, None)] * 2

    def test_columns_are_worked_out_once_for_a_ranking(
        self, board: dict[str, Submission], suite: Suite, django_assert_num_queries: object
    ) -> None:
        snapshot, tasks = Snapshot.objects.get(), list(suite.tasks.all())
        first = columns(columns_of(snapshot), tasks)
        with django_assert_num_queries(0):  # type: ignore[operator]
            assert columns(columns_of(snapshot), tasks) is first
