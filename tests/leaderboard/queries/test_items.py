"""Hand-worked items: six models, five items; one is solved by nobody, one by everybody, one has a wrong key."""

import math
from collections.abc import Callable
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evaluator.contract import Settings
from leaderboard.models import Import, Imported, Submission, Suite, SuiteTask
from leaderboard.queries import items
from leaderboard.queries.items import ItemTable, item_tables
from tests.conftest import release_suite
from tests.leaderboard.pages import answered, made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]

# Item 1 nobody, 2 everybody, 3 and 4 the able three alone, 5 the other three alone: its key is wrong.
TABLE = [[0, 1, 1, 1, 0]] * 3 + [[0, 1, 0, 0, 1]] * 3


def tables(task: str = "alpha") -> list[ItemTable]:
    found, _ = item_tables(list(SuiteTask.objects.filter(task=task).select_related("suite")))
    return found


def import_of(like: Submission, suite: Suite) -> Imported:
    batch = Import.objects.create(suite=suite, source="s", title="S", as_of=date(2026, 1, 1), digest="", report={})
    return Imported.objects.create(
        batch=batch, suite=suite, revision=like.revision, source="s", key=f"k{like.pk}", settings={}, score=1.0,
        tasks={}, facts={}, digest="",
    )  # fmt: skip


def test_hand_worked_items(make_submission: Make, suite: Suite) -> None:
    answered.answered(make_submission, suite, TABLE)
    (found,) = tables()
    assert found.solved is not None
    assert found.telling is not None
    assert (found.models, found.measured, found.imported, found.left_out, found.graded) == (6, 6, 0, 0, False)
    assert found.solved.tolist() == [0, 6, 3, 3, 3]
    assert (found.nobody, found.everybody) == ([0], [1])
    assert found.histogram == [1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1]
    # The rest of the task without item 3 is 1 + 1 or 1 + 1: the same for all, so item 3 has no discrimination; so has
    # item 4. Without item 5 it is 3 for the able and 1 for the others, who alone solve item 5: -1.
    assert [None if math.isnan(one) else round(one, 6) for one in found.telling] == [None, None, None, None, -1.0]
    assert (found.least, found.known) == ([4], 1)
    assert found.doubtful == pytest.approx(-2 / math.sqrt(5))
    assert found.doubted == 1


def test_half_a_point_is_solved_and_where_lower_is_better_the_other_way_round(
    make_submission: Make, suite: Suite
) -> None:
    answered.answered(make_submission, suite, [[0.5, 0.49, 1.0, 0.0]] * 5)
    (found,) = tables()
    assert found.solved is not None
    assert (found.solved.tolist(), found.graded) == ([5, 0, 5, 0], True)
    SuiteTask.objects.create(suite=suite, position=9, task="low", title="L", metric="acc", higher_is_better=False)
    answered.answered(make_submission, suite, [[0.5, 0.49, 1.0, 0.0]] * 5, task="low")
    (found,) = tables("low")
    assert found.solved is not None
    assert found.solved.tolist() == [5, 5, 0, 5]


def test_fewer_than_five_models_have_no_numbers(make_submission: Make, suite: Suite) -> None:
    answered.answered(make_submission, suite, TABLE[:4])
    (found,) = tables()
    assert (found.models, found.solved, found.telling) == (4, None, None)
    assert found.nobody == found.everybody == found.least == found.histogram == []


def test_a_model_counts_once_by_its_newest_run_that_succeeded(make_submission: Make, suite: Suite) -> None:
    answered.answered(make_submission, suite, TABLE)
    place = suite.tasks.get(task="alpha")
    again = make_submission("org/a5", settings=Settings(dtype="float32"))
    answered.answer(again, place, [1, 1, 1, 1, 1])
    withdrawn = make_submission("org/bad")
    answered.answer(withdrawn, place, [1, 1, 1, 1, 1])
    made.end(again, "succeeded", score=100.0, stderr=0.0)
    made.end(withdrawn, "retracted")
    (found,) = tables()
    assert found.solved is not None
    assert (found.models, found.solved.tolist()) == (6, [1, 6, 4, 4, 3])


def test_imported_answers_to_the_same_items_count_unless_the_model_was_measured_here(
    make_submission: Make, suite: Suite
) -> None:
    rows = answered.answered(make_submission, suite, TABLE)
    place = suite.tasks.get(task="alpha")
    answered.imported(import_of(rows[0], suite), place, [1, 1, 1, 1, 1])
    other = made.end(make_submission("org/elsewhere"), "failed")
    kept = import_of(other, suite)
    answered.imported(kept, place, [1, 0, 0, 0, 0])
    (found,) = tables()
    assert found.solved is not None
    assert (found.measured, found.imported, found.solved.tolist()) == (6, 1, [1, 6, 3, 3, 3])
    Imported.objects.filter(pk=kept.pk).update(superseded_at="2026-01-01T00:00:00Z")
    assert tables()[0].imported == 0


def test_other_items_and_other_settings_are_never_put_together(make_submission: Make, suite: Suite) -> None:
    rows = answered.answered(make_submission, suite, TABLE)
    place = suite.tasks.get(task="alpha")
    odd = make_submission("org/odd")
    answered.answer(odd, place, [1, 1, 1, 1, 1], key="others")
    made.end(odd, "succeeded", score=1.0, stderr=0.0)
    assert [(one.models, one.items.n) for one in tables()] == [(6, 5), (1, 5)]
    second = release_suite("Another version.")
    SuiteTask.objects.create(suite=second, position=9, task="alpha5", title="A", metric="acc", num_fewshot=5)
    for row in rows[:2]:
        answered.answer(row, second.tasks.get(task="alpha"), [1, 1, 1, 1, 1])  # the same settings: one with the first
        answered.answer(row, second.tasks.get(task="alpha5"), TABLE[0], key="")
    both = list(SuiteTask.objects.filter(task__startswith="alpha").select_related("suite"))
    found, more = item_tables(both)
    shown = [(one.models, one.setting.num_fewshot, sorted(one.slugs)) for one in found]
    assert shown == [(6, None, ["tiny@1", "tiny@2"]), (2, 5, ["tiny@2"]), (1, None, ["tiny@1"])]
    assert more == 0


def test_no_more_is_read_than_the_caps_say_and_the_rest_is_counted(
    make_submission: Make, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered.answered(make_submission, suite, TABLE)
    monkeypatch.setattr(items, "MOST_MODELS", 5)
    (found,) = tables()
    assert found.solved is not None
    # The newest five: the first of the able is left out.
    assert (found.models, found.left_out, found.solved.tolist()) == (5, 1, [0, 5, 2, 2, 3])
    monkeypatch.setattr(items, "MOST_MODELS", 2_000)
    monkeypatch.setattr(items, "MOST_ANSWERS", 25)
    assert tables()[0].models == 5


def test_scores_of_another_length_than_their_items_are_left_out(make_submission: Make, suite: Suite) -> None:
    answered.answered(make_submission, suite, TABLE)
    short = make_submission("org/short")
    answered.answer(short, suite.tasks.get(task="alpha"), [1, 1], n=5)
    made.end(short, "succeeded", score=1.0, stderr=0.0)
    (found,) = tables()
    assert (found.models, found.left_out) == (6, 1)


def test_a_single_item_has_no_discrimination(make_submission: Make, suite: Suite) -> None:
    answered.answered(make_submission, suite, [[1]] * 5)
    (found,) = tables()
    assert (found.histogram[-1], found.least, found.known) == (1, [], 0)


def test_queries_do_not_grow(make_submission: Make, suite: Suite) -> None:
    answered.answered(make_submission, suite, TABLE)
    places = list(SuiteTask.objects.filter(task="alpha").select_related("suite"))
    with CaptureQueriesContext(connection) as queries:
        item_tables(places)
    assert len(queries) <= 5
