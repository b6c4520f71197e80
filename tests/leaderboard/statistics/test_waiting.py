import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.statistics.waiting import (
    NEAREST,
    SETTLED,
    UNKNOWN,
    Accuracy,
    Expected,
    Run,
    Slot,
    Waiting,
    accuracy,
    expected,
    rate,
    remaining,
    starts,
)

SECONDS = st.floats(0, 1e5)
SIZES = st.none() | st.integers(0, 2**62)
RUNS = st.lists(st.builds(Run, SECONDS, SECONDS, SIZES), max_size=25)
PLANS = st.none() | st.builds(Expected, SECONDS, SECONDS)


def test_items_take_time_in_proportion_to_the_model_and_the_start_does_not() -> None:
    runs = [Run(30, 100, 10**9), Run(34, 220, 2 * 10**9), Run(32, 50, 5 * 10**8)]
    assert expected(runs, 4 * 10**9) == Expected(32, 400)


def test_one_odd_run_moves_nothing() -> None:
    usual = [Run(30, 100, 10**9)] * 4
    assert expected([*usual, Run(3_000, 100_000, 10**9)], 10**9) == expected(usual, 10**9)


def test_runs_of_like_size_are_asked_first() -> None:
    """A site full of small models says nothing about how long a large one loads, once one large one was seen."""
    small, large = [Run(5, 10, 10**8)] * 30, [Run(300, 900, 7 * 10**10)] * NEAREST
    assert expected([*small, *large], 7 * 10**10) == Expected(300, 900)
    assert expected([*small, *large], 10**8) == Expected(5, 10)


@pytest.mark.parametrize("parameters", [None, 0, 10**9])
def test_without_sizes_the_plain_medians_count(parameters: int | None) -> None:
    assert expected([Run(1, 10, None), Run(2, 20, 0), Run(9, 90, None)], parameters) == Expected(2, 20)


@pytest.mark.parametrize("parameters", [None, 0])
def test_a_model_of_unknown_size_takes_what_others_took(parameters: int | None) -> None:
    assert expected([Run(1, 10, 10**9), Run(2, 20, 10**12), Run(9, 90, 5)], parameters) == Expected(2, 20)


def test_nothing_is_learned_from_nothing() -> None:
    assert expected([], 10**9) is None
    assert remaining(None, elapsed=5) == remaining(None, elapsed=5, evaluating=2, done=0, total=10) == UNKNOWN


@given(RUNS, SIZES)
def test_expectations_are_times(runs: list[Run], parameters: int | None) -> None:
    found = expected(runs, parameters)
    assert (found is None) == (not runs)
    if found:
        assert 0 <= found.start < UNKNOWN and 0 <= found.evaluation < UNKNOWN


@given(PLANS, SECONDS, st.none() | SECONDS, st.integers(0, 2**31), st.integers(0, 2**31))
def test_what_is_left_is_never_negative(
    plan: Expected | None, elapsed: float, evaluating: float | None, done: int, total: int
) -> None:
    left = remaining(plan, elapsed=elapsed, evaluating=evaluating, done=done, total=total)
    assert left >= 0
    if plan is not None:
        assert left < UNKNOWN


@given(st.builds(Expected, SECONDS, SECONDS), SECONDS, st.integers(1, 10**6))
def test_all_items_done_is_the_end(plan: Expected, evaluating: float, total: int) -> None:
    assert remaining(plan, elapsed=evaluating, evaluating=evaluating, done=total, total=total) == 0


@given(st.floats(1, 1e5), st.integers(1, 99))
def test_a_run_that_keeps_to_its_plan_ends_when_planned(evaluation: float, percent: int) -> None:
    """Halfway through the items in half of the time, half of the time is left: whichever of the two is asked."""
    spent = evaluation * percent / 100
    for plan in (Expected(10, evaluation), None) if spent >= SETTLED else (Expected(10, evaluation),):
        left = remaining(plan, elapsed=10 + spent, evaluating=spent, done=percent, total=100)
        assert left == pytest.approx(evaluation - spent, rel=1e-6, abs=1e-6)


def test_the_more_is_done_the_more_the_items_decide() -> None:
    """Twice as slow as planned: the estimate goes from the plan to what the items say."""
    plan = Expected(0, 100)
    left = [remaining(plan, elapsed=0, evaluating=2.0 * done, done=done, total=100) for done in (1, 50, 99)]
    slow = [2.0 * (100 - done) for done in (1, 50, 99)]
    assert left[0] == pytest.approx(100, rel=0.01)
    assert slow[1] * 0.7 < left[1] < slow[1]
    assert left[2] == pytest.approx(slow[2], rel=0.01)


def test_the_speed_of_the_first_seconds_says_nothing() -> None:
    assert remaining(None, elapsed=30, evaluating=0, done=900, total=1000) == UNKNOWN
    assert remaining(None, elapsed=30, evaluating=10, done=500, total=1000) == 10
    assert [rate(0, 60), rate(10, 4.9), rate(10, 5)] == [None, None, 2]


def test_what_is_overdue_is_never_about_to_end() -> None:
    assert remaining(Expected(10, 100), elapsed=600) == 160
    assert remaining(Expected(10, 100), elapsed=900, evaluating=800, done=0, total=10) == 80


ANY = frozenset({0, 1, 2, 3})
DURATIONS = st.lists(st.floats(0.1, 1e4), max_size=30)
FREE = st.lists(st.floats(0, 1e4), min_size=1, max_size=4)


def earliest(free: list[float], durations: list[float]) -> list[float]:
    """The plain queue: each job in turn goes to whoever is free first."""
    slots, begin = sorted(free), []
    for seconds in durations:
        begin.append(slots[0])
        slots = sorted([slots[0] + seconds, *slots[1:]])
    return begin


@given(FREE, DURATIONS)
def test_equal_workers_serve_first_come_first_served(free: list[float], durations: list[float]) -> None:
    found = starts(
        [Slot(seconds, worker) for worker, seconds in enumerate(free)], [Waiting(one, ANY) for one in durations]
    )
    assert found == pytest.approx(earliest(free, durations))
    assert found == sorted(found)


@given(FREE, DURATIONS)
def test_one_more_worker_delays_nobody(free: list[float], durations: list[float]) -> None:
    line = [Waiting(one, ANY) for one in durations]
    slots = [Slot(seconds, worker) for worker, seconds in enumerate(free)]
    for before, after in zip(starts(slots, line), starts([*slots, Slot(0, 3)], line), strict=True):
        assert after <= before + 1e-6


WORKERS = st.frozensets(st.integers(0, 3))
LINES = st.lists(st.builds(Waiting, st.floats(0, 1e4) | st.just(UNKNOWN), WORKERS, st.floats(0, 1e4)), max_size=20)
SLOTS = st.lists(st.builds(Slot, st.floats(0, 1e4) | st.just(UNKNOWN), st.integers(0, 3)), max_size=6)


@given(SLOTS, LINES)
def test_nobody_starts_too_early_and_no_worker_does_more_than_it_can(slots: list[Slot], line: list[Waiting]) -> None:
    found = starts(slots, line)
    assert len(found) == len(line)
    present = {slot.worker: slot.free_in for slot in sorted(slots, reverse=True)}
    for begin, job in zip(found, line, strict=True):
        able = [free for worker, free in present.items() if worker in job.workers]
        assert begin >= max(job.not_before, min(able, default=UNKNOWN))
        assert not math.isnan(begin)
    moments = sorted({begin for begin in found if begin < UNKNOWN})
    for moment in moments:
        running = sum(
            begin <= moment < min(begin + job.seconds, job.until)
            for begin, job in zip(found, line, strict=True)
            if begin < UNKNOWN
        )
        assert running <= len(slots)


def test_a_worker_passes_over_what_it_cannot_run() -> None:
    line = [Waiting(50, frozenset({7})), Waiting(10, frozenset({1})), Waiting(10, frozenset({1, 7}))]
    assert starts([Slot(0, 1)], line) == [UNKNOWN, 0, 10]
    assert starts([Slot(0, 1), Slot(30, 7)], line) == [30, 0, 10]


def test_a_job_that_waits_to_be_tried_again_lets_others_pass() -> None:
    line = [Waiting(10, ANY, not_before=25), Waiting(20, ANY), Waiting(20, ANY)]
    assert starts([Slot(0, 1)], line) == [40, 0, 20]
    assert starts([Slot(0, 1)], line[:1]) == [25]


def test_behind_an_unknown_job_everything_is_unknown_unless_another_worker_comes() -> None:
    line = [Waiting(UNKNOWN, ANY), Waiting(10, ANY)]
    assert starts([Slot(5, 1)], line) == [5, UNKNOWN]
    assert starts([Slot(5, 1), Slot(9, 2)], line) == [5, 9]


def test_accuracy_tells_how_far_predictions_were_off() -> None:
    assert accuracy([]) is None
    assert accuracy([(120, 60)]) == Accuracy(2, 2, 2, 1)
    found = accuracy([(60 * ratio, 60) for ratio in range(1, 12)])
    assert found == Accuracy(2, 6, 10, 11)


@given(st.lists(st.tuples(st.floats(0, 1e7), st.floats(0, 1e7)), min_size=1, max_size=100))
def test_accuracy_is_finite_and_in_order(pairs: list[tuple[float, float]]) -> None:
    found = accuracy(pairs)
    assert found and 0 < found.p10 <= found.p50 * (1 + 1e-9) and found.p50 <= found.p90 * (1 + 1e-9) < UNKNOWN
    assert found.n == len(pairs)


def test_what_is_gone_by_then_is_not_begun_and_holds_nobody_longer() -> None:
    slots = [Slot(0.0, 1), Slot(50.0, 2)]
    line = [Waiting(100.0, frozenset({1, 2}), until=30.0), Waiting(5.0, frozenset({2})), Waiting(7.0, frozenset({1}))]
    assert starts(slots, line) == [0.0, 50.0, 30.0]
    assert starts(slots[1:], line[:1]) == [UNKNOWN]
    late = Waiting(1.0, frozenset({1}), not_before=40.0, until=30.0)
    assert starts(slots, [late]) == [UNKNOWN]
