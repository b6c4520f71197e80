"""Neighbours are told apart by the items that both answered."""

from typing import Any

import numpy as np
import pytest

from leaderboard.actions import pair
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import PairedTest, Submission, Suite
from leaderboard.statistics.families import holm
from leaderboard.statistics.paired import paired_difference, suite_difference
from tests.leaderboard import compared
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
N = 200


def right(number: int, n: int = N) -> list[float]:
    """The first `number` of `n` items are solved: who solves more, solves all that the other does."""
    return [1.0] * number + [0.0] * (n - number)


def scattered(number: int, n: int = N) -> list[float]:
    """As many solved, but others."""
    return right(number, n)[::-1]


def finished(make: made.Make, name: str, scores: list[float], **changes: Any) -> Submission:
    return compared.finished(make, name, {"alpha": scores, "beta": scores}, **changes)


def intervals(suite: Suite) -> dict[str, tuple[int | None, int | None, int | None]]:
    build_snapshot(suite=suite)
    return {row.model_name: (row.rank, row.rank_low, row.rank_high) for row in made.rows(suite.slug)}


def test_two_that_answer_alike_but_for_one_are_told_apart(make_submission: made.Make, suite: Suite) -> None:
    finished(make_submission, "org/a", right(110))
    finished(make_submission, "org/b", right(100))
    assert intervals(suite) == {"org/a": (1, 1, 1), "org/b": (2, 2, 2)}
    [test] = PairedTest.objects.all()
    each = paired_difference(right(110), right(100))
    assert (test.difference, test.p_unequal) == pytest.approx(
        (0.05, suite_difference([each, each]).p_unequal()), rel=1e-6
    )


def test_the_same_scores_on_other_answers_stay_tied(make_submission: made.Make, suite: Suite) -> None:
    finished(make_submission, "org/a", right(110))
    finished(make_submission, "org/b", scattered(100))
    assert intervals(suite) == {"org/a": (1, 1, 2), "org/b": (2, 1, 2)}
    assert PairedTest.objects.get().p_unequal > 0.05


def test_chains_narrow_those_further_apart(make_submission: made.Make, suite: Suite) -> None:
    for place in range(5):
        finished(make_submission, f"org/{place}", right(130 - 8 * place))
    assert intervals(suite) == {f"org/{place}": (place + 1,) * 3 for place in range(5)}
    assert PairedTest.objects.count() == 4 + 3  # a reach of two


def test_different_items_are_not_compared_and_not_looked_at_again(make_submission: made.Make, suite: Suite) -> None:
    finished(make_submission, "org/a", right(110))
    finished(make_submission, "org/b", right(100), start=7)
    assert intervals(suite)["org/a"] == (1, 1, 2)
    [test] = PairedTest.objects.all()
    assert (test.difference, test.p_unequal) == (None, None)
    assert intervals(suite)["org/a"] == (1, 1, 2)
    assert PairedTest.objects.get() == test


def test_what_was_tested_is_kept_and_only_new_pairs_are_tested(
    make_submission: made.Make, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[pair.Pair]] = []
    stock = pair.test

    def watched(of: Suite, pairs: list[pair.Pair]) -> list[PairedTest]:
        asked.append(list(pairs))
        return stock(of, pairs)

    monkeypatch.setattr(pair, "test", watched)
    first, second = (finished(make_submission, f"org/{place}", right(110 - 5 * place)) for place in range(2))
    intervals(suite)
    third = finished(make_submission, "org/new", right(101))
    intervals(suite)
    assert asked == [[(first.pk, second.pk)], [(first.pk, third.pk), (second.pk, third.pk)]]


def test_a_build_tests_the_best_first_and_no_more_than_it_may(
    make_submission: made.Make, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair, "TESTS_A_BUILD", 2)
    rows = [finished(make_submission, f"org/{place}", right(130 - 8 * place)) for place in range(5)]
    intervals(suite)
    tested = set(PairedTest.objects.values_list("first", "second"))
    assert tested == {(rows[0].pk, rows[1].pk), (rows[0].pk, rows[2].pk)}
    assert intervals(suite)["org/0"] == (1, 1, 1)  # the rest follows with the next builds
    intervals(suite)
    assert intervals(suite) == {f"org/{place}": (place + 1,) * 3 for place in range(5)}


def test_all_tests_of_a_build_are_one_family(make_submission: made.Make, suite: Suite) -> None:
    """A difference that one test alone would call sure is not, among several."""
    scores = [right(104), [*right(100)[:-1], 1.0], *(scattered(99 - place) for place in range(4))]
    for place, of in enumerate(scores):
        finished(make_submission, f"org/{place}", of)
    shown = intervals(suite)
    p = np.array([p for (p,) in PairedTest.objects.order_by("id").values_list("p_unequal")])
    between = paired_difference(scores[0], scores[1])
    alone = suite_difference([between, between]).p_unequal()
    assert alone in p.tolist()
    together = float(holm(p)[p.tolist().index(alone)])
    assert alone <= pair.ALPHA / 2 < together or together > pair.ALPHA
    assert shown["org/0"][2] == 6


def test_lower_is_better_turns_the_items_round(make_submission: made.Make, suite: Suite) -> None:
    keys = [finished(make_submission, name, right(number)).pk for name, number in (("org/a", 90), ("org/b", 110))]
    tasks = list(suite.tasks.all())
    found = pair.difference(suite, tasks, pair.vectors_of(keys), *keys)
    assert found is not None and found.mean == pytest.approx(-0.1)
    for task in tasks:
        task.higher_is_better = False
    found = pair.difference(suite, tasks, pair.vectors_of(keys), *keys)
    assert found is not None and found.mean == pytest.approx(0.1)


def test_normalised_suites_weigh_tasks_as_their_score_does(make_submission: made.Make, suite: Suite) -> None:
    suite.normalise = True
    scores = ({"alpha": right(120), "beta": right(100)}, {"alpha": right(90), "beta": right(100)})
    first, second = (compared.finished(make_submission, f"org/{place}", of) for place, of in enumerate(scores))
    [test] = pair.test(suite, [(first.pk, second.pk)])
    assert test.difference == pytest.approx(0.15 / (1 - 0.25) / 2)  # alpha's baseline is 0.25
