import json
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from evaluator.contract import SuiteSpec, TaskSpec, encode
from leaderboard.actions.load_suites import release
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Model, Submission, Suite
from leaderboard.queries.errors import Missing
from leaderboard.queries.gap import Gap, gap
from leaderboard.queries.same_items import ItemsOf, Side, common
from tests.leaderboard import gaps
from tests.leaderboard.compared import finished, imported
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
DAY = date(2025, 1, 1)


def dated(**days: date | None) -> None:
    for name, day in days.items():
        Model.objects.filter(name=f"org/{name}").update(released_on=day)


def names(found: Gap, side: str, capability: str = "suite", *, imported: bool = False) -> list[str]:
    line = found.by_name[capability].line(side, imported=imported)
    return [step.model for step in line.steps] if line else []


def test_lines_rise_by_release_date_on_both_sides(make_submission: Make, suite: Suite) -> None:
    gaps.stand_ins(make_submission, suite)
    found = gap("tiny@1")
    rows = {name: (kind, day) for name, kind, day, _ in gaps.STAND_INS}
    for side in ("open", "proprietary"):
        line = found.whole.line(side)
        assert line is not None
        assert [rows[step.model] for step in line.steps] == [(side, step.day) for step in line.steps]
        assert [step.day for step in line.steps] == sorted(step.day for step in line.steps)
        assert all(a.score < b.score for a, b in zip(line.steps, line.steps[1:], strict=False))
    assert names(found, "proprietary")[-1] == "stand-in/SmolLM2-360M-endpoint"
    today = found.whole.today
    assert today is not None and today.behind == "open" and today.lag is not None
    assert today.low < today.difference < today.high
    assert today.lag.months > 0
    assert [one.name for one in found.capabilities] == ["suite", "alpha", "beta"]


def test_until_both_sides_are_measured_nothing_is_compared(make_submission: Make, suite: Suite) -> None:
    finished(make_submission, "org/open", {"alpha": [1.0, 0.0] * 10, "beta": [1.0, 0.0] * 10})
    claimed = imported(suite, "lab/claims", {"alpha": [1.0] * 9 + [0.0], "beta": [1.0] * 9 + [0.0]})
    Model.objects.filter(name="lab/claims").update(kind="proprietary", released_on=DAY)
    dated(open=DAY)
    build_snapshot(suite=suite)
    found = gap("tiny@1").whole
    assert found.today is None and found.missing == ["No proprietary model was measured here."]
    assert [(one.side, one.imported) for one in found.lines] == [("open", False), ("proprietary", True)]
    assert found.lines[1].best.key == f"i{claimed.pk}"


def test_other_items_are_not_compared(make_submission: Make, suite: Suite) -> None:
    same = {"alpha": [1.0, 0.0] * 10, "beta": [1.0, 0.0] * 10}
    finished(make_submission, "org/open", same)
    finished(make_submission, "org/other", same, start=500)
    Model.objects.filter(name="org/other").update(kind="proprietary")
    dated(open=DAY, other=DAY)
    build_snapshot(suite=suite)
    found = gap("tiny@1").whole
    assert found.today is None and found.missing == ["The two sides were not measured on the same items."]
    assert len(found.lines) == 2


def test_rows_on_other_items_are_passed_over(make_submission: Make, suite: Suite) -> None:
    """The best open model answered other items than everybody else: it is on no line."""
    gaps.stand_ins(make_submission, suite)
    before = names(gap("tiny@1"), "open")
    for number in range(3):
        finished(make_submission, f"org/strange{number}", {"alpha": [1.0] * 80, "beta": [1.0] * 80}, start=900 + number)
    Model.objects.filter(name__startswith="org/strange").update(released_on=date(2024, 1, 1))
    build_snapshot(suite=suite)
    assert names(gap("tiny@1"), "open") == before


def test_missing_dates_flags_and_ranks_are_told(make_submission: Make, suite: Suite) -> None:
    gaps.stand_ins(make_submission, suite)
    finished(make_submission, "org/undated", {"alpha": [1.0] * 80, "beta": [1.0] * 79 + [0.0]})
    finished(make_submission, "org/doubted", {"alpha": [1.0] * 80, "beta": [1.0] * 78 + [0.0] * 2})
    finished(make_submission, "org/partial", {"alpha": [1.0] * 79 + [0.0]})
    dated(doubted=DAY, partial=DAY)
    Model.objects.filter(name="org/doubted").update(flagged=True)
    build_snapshot(suite=suite, anew=True)
    found = gap("tiny@1")
    assert not {"org/undated", "org/doubted", "org/partial"} & set(names(found, "open") + names(found, "open", "alpha"))
    assert found.left_out == [
        "1 measured open-weights row without a release date",
        "1 measured open-weights row flagged as doubtful",
        "1 measured row without a rank",
    ]


def test_identical_dates_scores_and_bests(make_submission: Make, suite: Suite) -> None:
    same = {"alpha": [1.0, 0.0] * 10, "beta": [1.0, 0.0] * 10}
    for name in ("one", "two", "three"):
        finished(make_submission, f"org/{name}", same)
    Model.objects.filter(name="org/three").update(kind="proprietary")
    dated(one=DAY, two=DAY, three=DAY)
    build_snapshot(suite=suite)
    found = gap("tiny@1")
    assert len(names(found, "open")) == 1
    today = found.whole.today
    assert today is not None
    assert (today.behind, today.lag, today.difference) == ("", None, 0.0)


def test_scores_that_are_no_numbers_are_on_no_line(make_submission: Make, suite: Suite) -> None:
    gaps.stand_ins(make_submission, suite)
    row = imported(suite, "lab/nan", {"alpha": [1.0], "beta": [1.0]})
    row.pk, row.key, row.score = None, "not a number", float("nan")
    row.save(force_insert=True)
    Model.objects.filter(name="lab/nan").update(released_on=DAY)
    build_snapshot(suite=suite)
    line = gap("tiny@1").whole.line("open", imported=True)
    assert line is not None and [step.score for step in line.steps] == [50.0]


def test_saturation_is_marked(make_submission: Make, suite: Suite) -> None:
    gaps.stand_ins(make_submission, suite)
    row = finished(make_submission, "org/perfect", {"alpha": [1.0] * 79 + [0.0], "beta": gaps.scores(0.0, 5)})
    dated(perfect=date(2025, 10, 1))
    build_snapshot(suite=suite)
    found = gap("tiny@1")
    assert [step.key for step in found.by_name["alpha"].saturated] == [f"s{row.pk}"]
    assert found.whole.saturated == []


def test_a_suite_without_a_ranking_or_one_row(make_submission: Make, suite: Suite) -> None:
    assert gap("tiny@1").whole.missing == ["Nothing was ranked on this suite yet."]
    made.succeed(make_submission("org/only"), 50.0)
    build_snapshot(suite=suite)
    found = gap("tiny@1")
    assert found.whole.lines == []
    assert found.whole.missing == [
        "No open-weights model that was measured here has a release date and a score of its own.",
        "No proprietary model was measured here.",
    ]
    with pytest.raises(Missing):
        gap("nothing@1")


def test_items_that_are_not_kept_are_told(make_submission: Make, suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    gaps.stand_ins(make_submission, suite)
    monkeypatch.setattr("leaderboard.queries.gap.answers", lambda _: {})
    found = gap("tiny@1").whole
    assert found.today is None and found.missing == ["Their items are not kept."]


def test_where_lower_is_better_lines_fall(make_submission: Make) -> None:
    tasks = tuple(
        TaskSpec(task=name, title=name, metric="acc", higher_is_better=name != "alpha") for name in ("alpha", "beta")
    )
    spec = SuiteSpec(name="low", version=1, title="Low", tasks=tasks)
    low = release(spec, json.loads(encode(spec)), None)
    for name, worse in (("bad", 15), ("good", 5), ("other", 15)):
        row = make_submission(f"org/{name}")
        Submission.objects.filter(pk=row.pk).update(suite=low)
        scores = {"alpha": [1.0] * worse + [0.0] * (20 - worse), "beta": [1.0, 0.0] * 10}
        finished(lambda *_, row=row, **__: Submission.objects.get(pk=row.pk), f"org/{name}", scores)
    Model.objects.filter(name="org/other").update(kind="proprietary")
    dated(bad=DAY, good=date(2025, 3, 1), other=DAY)
    build_snapshot(suite=low)
    found = gap("low@1")
    assert names(found, "open", "alpha") == ["org/bad", "org/good"]
    today = found.by_name["alpha"].today
    assert today is not None
    assert (today.behind, today.difference) == ("proprietary", 50.0)
    assert today.low < 50.0 < today.high


def test_it_is_worked_out_once_a_ranking(
    make_submission: Make, suite: Suite, django_assert_num_queries: Callable[[int], Any]
) -> None:
    gaps.stand_ins(make_submission, suite)
    first = gap("tiny@1")
    with django_assert_num_queries(3):  # the suite, its tasks, its newest ranking
        assert gap("tiny@1") is first


def test_few_queries_whatever_there_is(
    make_submission: Make, suite: Suite, django_assert_num_queries: Callable[[int], Any]
) -> None:
    gaps.stand_ins(make_submission, suite)
    with django_assert_num_queries(8):  # the above, the ranking's columns in three, items of candidates, item scores
        gap("tiny@1")


def side(submissions: list[int], values: list[float]) -> Side:
    return Side(
        np.arange(len(values)), np.arange(len(values), dtype=float), np.array(values), np.array(submissions)
    )  # fmt: skip


def test_a_ranking_full_of_strangers_takes_few_queries(
    make_submission: Make, suite: Suite, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    """400 rows, each better than the one before, of which only the first answered what is wanted."""
    made.many(make_submission, suite, 400)
    keys = list(Submission.objects.order_by("pk").values_list("pk", flat=True))
    finished(make_submission, "org/same", {"alpha": [1.0, 0.0], "beta": [1.0, 0.0]}, sha="e" * 40)
    same = Submission.objects.get(requested_model="org/same").pk
    items = ItemsOf([task.pk for task in suite.tasks.all()])
    rows = side([same, *keys], [float(number) for number in range(401)])
    items.read(rows.leading())
    with django_assert_max_num_queries(1):
        assert rows.steps_on(items, None, items.of(same, None)).tolist() == [0]
    assert common([rows, side([same], [1.0])], items, None) == items.of(same, None)
    assert common([rows, side(keys[:1], [1.0])], items, None) == ()
