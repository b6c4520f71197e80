import json

import pytest

from evaluator.contract import encode
from leaderboard.actions.load_suites import release
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Job, Model, Submission, Suite
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.queries.models import model_detail, model_list
from leaderboard.queries.suites import suites
from tests.conftest import suite_spec
from tests.leaderboard.compared import imported
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


def released(name: str, version: int) -> Suite:
    spec = suite_spec(name, version)
    return release(spec, json.loads(encode(spec)), None)


@pytest.mark.parametrize("name", ["", "org", "org/none", "ORG/MODEL", "org/model\x00", "x" * 10_000])
def test_an_unknown_model_is_missing(make_submission: made.Make, name: str) -> None:
    make_submission()
    with pytest.raises(Missing) as refusal:
        model_detail(name)
    assert refusal.value.code == "unknown_model"
    assert len(refusal.value.message) < 400


def test_a_model_stands_in_the_newest_ranking_of_every_suite(make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission(), 50.0)
    first = build_snapshot(suite=suite)
    other = released("atlas", 1)
    elsewhere = make_submission(sha="b" * 40)
    Submission.objects.filter(pk=elsewhere.pk).update(suite=other)
    elsewhere.refresh_from_db()
    made.succeed(elsewhere, 10.0)
    build_snapshot(suite=other)
    second = build_snapshot(suite=suite)
    assert first.pk < second.pk
    found = model_detail("org/model").standings
    assert [(one.suite.slug, one.row.score) for one in found] == [("atlas@1", 10.0), ("tiny@1", 50.0)]


def test_rows_of_other_models_stay_out(board: dict[str, Submission]) -> None:
    assert [one.row.model_name for one in model_detail("org/best").standings] == ["org/best"]


def test_attempts_are_those_that_asked_for_it_newest_first(make_submission: made.Make) -> None:
    rejected = made.validating(make_submission())
    Submission.objects.filter(pk=rejected.pk).update(state="rejected")
    again = make_submission()
    make_submission("org/other")
    assert [row.pk for row in model_detail("org/model").attempts.rows] == [again.pk, rejected.pk]
    assert Job.objects.filter(submission=rejected).count() == 0


def test_revisions_come_newest_first(make_submission: made.Make) -> None:
    made.end(make_submission(sha="a" * 40), "failed")
    make_submission(sha="b" * 40)
    assert [revision.sha[0] for revision in model_detail("org/model").revisions] == ["b", "a"]


def test_a_model_nobody_evaluated_has_a_page_all_the_same(db: None) -> None:
    Model.objects.create(name="org/model")
    found = model_detail("org/model")
    assert (found.revisions, found.standings, found.attempts.rows) == ([], [], [])


def test_attempts_by_another_name_are_listed_too(make_submission: made.Make) -> None:
    """The Hub knows some models by older names, and takes any case."""
    row = make_submission()
    Submission.objects.filter(pk=row.pk).update(requested_model="ORG/Model")
    assert [one.pk for one in model_detail("org/model").attempts.rows] == [row.pk]


def test_attempts_are_paged_and_none_is_hidden(make_submission: made.Make) -> None:
    rows = [made.end(make_submission(sha=f"{index:040x}"), "failed").pk for index in range(28)]
    pages = [model_detail("org/model", page=page).attempts for page in (1, 2)]
    assert [row.pk for page in pages for row in page.rows] == sorted(rows, reverse=True)
    assert (pages[0].count, pages[0].pages) == (28, 2)
    with pytest.raises(Missing, match="no page 3 of attempts"):
        model_detail("org/model", page=3)


def test_the_list_finds_models_by_every_word(db: None) -> None:
    for name in ("Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-14B", "lab/qwen-7b-tuned", "lab/100%_real"):
        Model.objects.create(name=name)
    Model.objects.create(name="lab/closed", kind="proprietary")
    assert [line.model.name for line in model_list(search="qWen 7b").lines] == ["Qwen/Qwen2.5-7B", "lab/qwen-7b-tuned"]
    assert [line.model.name for line in model_list(search="%_").lines] == ["lab/100%_real"]
    assert [line.model.name for line in model_list(kind="proprietary").lines] == ["lab/closed"]
    assert model_list().kinds == {"open": 4, "proprietary": 1}
    assert model_list(search="nobody").lines == []


@pytest.mark.parametrize(
    "asked", [{"search": "x" * 201}, {"search": "a\x00"}, {"search": "a " * 9}, {"kind": "secret"}]
)
def test_the_list_refuses_what_cannot_be_meant(db: None, asked: dict[str, str]) -> None:
    with pytest.raises(BadQuery):
        model_list(**asked)  # type: ignore[arg-type]


def test_the_list_counts_evaluations_of_both_origins(make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission(), 50.0)
    made.end(make_submission(sha="b" * 40), "failed")
    imported(suite, "org/model", {"alpha": [1.0, 0.0], "beta": [1.0, 0.0]})
    line = model_list().lines[0]
    assert (line.measured, line.imported) == (1, 1)
    assert line.revision is not None


def test_suites_come_by_name_and_newest_version_first(db: None) -> None:
    for name, version in (("zeta", 1), ("atlas", 2), ("atlas", 10)):
        released(name, version)
    assert [suite.slug for suite in suites()] == ["atlas@10", "atlas@2", "zeta@1"]
    assert [task.task for task in suites()[0].tasks.all()] == ["alpha", "beta"]
