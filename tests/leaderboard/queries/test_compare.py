"""Comparisons on a suite that is normalised, has a task where lower is better, and a title that attacks the page."""

import json
from typing import Any

import pytest
from django.test import Client

from evaluator.contract import SuiteSpec, TaskSpec, encode
from leaderboard.actions.load_suites import release
from leaderboard.models import Submission, Suite
from leaderboard.queries.compare import Compared, compare
from tests.leaderboard.compared import finished, item_set, won
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
BETA = [1.0, 0.0] * 15


@pytest.fixture
def suite(db: None) -> Suite:
    spec = SuiteSpec(
        name="tiny", version=1, title="Tiny", normalise=True,
        tasks=(
            TaskSpec(task="alpha", title="<script>alert(1)</script>\u202e", metric="ter", higher_is_better=False),
            TaskSpec(task="beta", title="Beta", metric="acc", baseline=0.5),
        ),
    )  # fmt: skip
    return release(spec, json.loads(encode(spec)), None)


@pytest.fixture
def pair(make_submission: made.Make) -> tuple[Submission, Submission]:
    """On alpha the second has the higher scores, which is worse: 12 items against 2 of 100. On beta all are alike."""
    second, first = won(12, 2, 50, 36)
    return (
        finished(make_submission, 'a/"><b>', {"alpha": first, "beta": BETA}),
        finished(make_submission, "b/\u202ex", {"alpha": second, "beta": [1.0] * 30}),
    )


def of(*rows: Submission, **more: Any) -> Compared:
    return compare(asked=[f"s{row.pk}" for row in rows], **more)


def test_lower_is_better_turns_the_verdict_not_the_difference(pair: tuple[Submission, Submission]) -> None:
    against = of(*pair).rows[0].entries[1].against
    assert against and against.verdict
    assert (against.verdict.word, against.difference) == ("worse", pytest.approx(10.0))
    assert (against.low, against.high) == pytest.approx((3.100, 18.188), abs=0.001)
    assert (against.comparison.wins, against.comparison.losses) == (2, 12)


def test_a_normalised_suite_scales_each_task_from_chance(pair: tuple[Submission, Submission]) -> None:
    """(-0.1 / 1 + 0.5 / 0.5) / 2 = 0.45: beta's half counts for a whole."""
    against = of(*pair).standings[1].against
    assert against
    assert against.difference == pytest.approx(45.0)


def test_families_are_all_tasks_together_and_the_suite_apart(make_submission: made.Make) -> None:
    """12 to 2 is p = 0.0129 alone; in a family of 14 task comparisons it is no longer sure."""
    second, first = won(12, 2, 50, 36)
    rows = [finished(make_submission, "org/base", {"alpha": first, "beta": BETA})]
    rows += [finished(make_submission, f"org/m{n}", {"alpha": second, "beta": BETA}) for n in range(7)]
    words = {one.against.verdict.word for one in of(*rows).rows[0].entries[1:] if one.against and one.against.verdict}
    assert words == {"undecided"}
    alone = of(*rows[:2]).rows[0].entries[1].against
    assert alone and alone.verdict and alone.verdict.word == "worse"


def test_equal_items_that_stand_in_a_set_twice_are_paired_one_to_one(make_submission: made.Make) -> None:
    first = finished(make_submission, "org/a", {"alpha": [1.0] * 30, "beta": BETA})
    twice = {"alpha": item_set("alpha", [0, *range(30)])}
    second = finished(make_submission, "org/b", {"alpha": [0.0] * 31, "beta": BETA}, sets=twice)
    against = of(first, second).rows[0].entries[1].against
    assert against and against.verdict
    assert (against.comparison.n, against.partial) == (30, True)


def test_hostile_texts_stay_texts(client: Client, pair: tuple[Submission, Submission]) -> None:
    for address in (f"/compare?m=s{pair[0].pk}&m=s{pair[1].pk}", f"/diff/s{pair[0].pk}/s{pair[1].pk}", "/compare"):
        page = client.get(address).content.decode()
        assert "<script>alert" not in page
        assert 'a/"><b>' not in page
        assert "\u202e" not in page
