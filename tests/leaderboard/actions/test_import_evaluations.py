from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from evaluator.contract import Settings
from evaluator.hub import PinnedModel
from leaderboard.actions.errors import Refused
from leaderboard.actions.import_evaluations import Report, ensure_imported_suite, import_evaluations
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.submit import submit
from leaderboard.actions.validate import record_revision
from leaderboard.imports.evaluations import Evaluation, Source, SourceError
from leaderboard.imports.open_llm_leaderboard import SUITE, read
from leaderboard.models import Import, Imported, Model, Owner, Revision, Snapshot, Suite
from leaderboard.queries.rows import Row
from tests.leaderboard.imports.made import row, table
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
SLUG = "open-llm-leaderboard-v2@1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.csv"


def imported(path: Path, *rows: dict[str, str]) -> Report:
    return import_evaluations(source=read(table(path, *rows)), suite=ensure_imported_suite(spec=SUITE))


def counts(report: Report) -> tuple[int, int, int, int]:
    return (report.new, report.changed, report.unchanged, report.withdrawn)


def ranking(slug: str = SLUG) -> list[Row]:
    return made.rows(slug)


def test_imports_keep_the_plain_rank_of_their_source(path: Path) -> None:
    rows = [
        row(f"org/{name}", average=average) for name, average in (("a", "10.5"), ("b", "30"), ("c", "10.5"), ("d", "9"))
    ]
    imported(path, *rows, row("org/none", BBH=""))
    shown = [(one.model_name, one.rank, one.rank_low, one.rank_high, one.score) for one in ranking()]
    assert shown == [
        ("org/b", 1, None, None, 30.0), ("org/a", 2, None, None, 10.5), ("org/c", 2, None, None, 10.5),
        ("org/d", 4, None, None, 9.0), ("org/none", None, None, None, None),
    ]  # fmt: skip
    assert ranking()[-1].unranked_reason == "The source has no score for BBH."
    assert {(one.verified, one.submission_id, one.precision) for one in ranking()} == {(False, None, "bfloat16")}


def test_the_same_table_again_changes_nothing(path: Path) -> None:
    assert counts(imported(path, row(), row("org/b"))) == (2, 0, 0, 0)
    before = (Import.objects.count(), Imported.objects.count(), Snapshot.objects.count())
    report = imported(path, row("org/b"), row())  # in another order, too
    assert (counts(report), report.batch) == ((0, 0, 2, 0), None)
    assert (Import.objects.count(), Imported.objects.count(), Snapshot.objects.count()) == before


def test_a_changed_table_supersedes_what_changed_and_keeps_the_history(path: Path) -> None:
    imported(path, row(), row("org/b"), row("org/gone"))
    report = imported(path, row(), row("org/b", average="55.5"), row("org/new"))
    assert counts(report) == (1, 1, 1, 1)
    assert [(one.model_name, one.score) for one in ranking()] == [
        ("org/b", 55.5),
        ("org/model", 30.0),
        ("org/new", 30.0),
    ]
    history = Imported.objects.filter(key="org/b bfloat16").order_by("id")
    assert [(one.score, one.superseded_at is None) for one in history] == [(30.0, False), (55.5, True)]
    assert Imported.objects.get(key="org/gone bfloat16").superseded_at is not None


def test_a_broken_table_saves_nothing(path: Path) -> None:
    imported(path, row())
    with pytest.raises(SourceError):
        imported(path, row(average="50"), row("org/b", GPQA="high"))
    assert [(one.model_name, one.score) for one in ranking()] == [("org/model", 30.0)]
    assert not Model.objects.filter(name="org/b").exists()


def test_what_fails_half_way_saves_nothing(path: Path) -> None:
    source = read(table(path, row("org/a"), row("org/b")))
    source.evaluations[1].tasks["leaderboard_bbh"]["score"] = float("nan")  # no JSON that a database takes
    suite = ensure_imported_suite(spec=SUITE)
    with pytest.raises(Exception, match="json"), transaction.atomic():
        import_evaluations(source=source, suite=suite)
    assert (Model.objects.count(), Revision.objects.count(), Imported.objects.count(), Snapshot.objects.count()) == (
        0,
    ) * 4


def test_what_was_imported_can_neither_be_changed_nor_deleted(path: Path) -> None:
    imported(path, row())
    for change in (
        lambda: Imported.objects.update(score=99.0),
        lambda: Imported.objects.update(tasks={}),
        lambda: Import.objects.update(report={}),
        lambda: Imported.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_a_model_in_two_precisions_is_one_revision_and_two_rows(path: Path) -> None:
    imported(path, row(), row(Precision="float16", average="40"))
    assert [(one.precision, one.rank) for one in ranking()] == [("float16", 1), ("bfloat16", 2)]
    assert (Model.objects.count(), Revision.objects.count()) == (1, 1)


def test_facts_of_a_model_come_from_its_newest_evaluation(path: Path) -> None:
    old = row(**{"Submission Date": "2024-06-01", "Type": "🟢 pretrained", "Hub License": "gemma"})
    new = row(Precision="float16", **{"Submission Date": "2025-01-01", "Type": "💬 chat models", "Hub License": "mit"})
    for rows in ([old, new], [new, old]):
        imported(path, *rows)
        model = Model.objects.get()
        assert (model.training, model.licence, model.licence_family) == ("chat", "mit", "permissive")


def test_what_the_hub_itself_says_is_not_overwritten_and_its_gaps_are_filled(path: Path) -> None:
    model = Model.objects.create(name="org/model", licence="gemma", licence_family="community")
    Revision.objects.create(model=model, sha="a" * 40, source="hub", architecture="GemmaForCausalLM")
    imported(path, row())
    model.refresh_from_db()
    assert (model.licence, model.licence_family, model.base_model) == ("gemma", "community", "org/base")
    revision = Revision.objects.get()
    assert (revision.source, revision.architecture, revision.parameters) == ("hub", "GemmaForCausalLM", 7_242_000_000)


def test_a_later_import_replaces_what_an_earlier_one_said_of_a_model(path: Path) -> None:
    imported(path, row())
    imported(path, row(**{"Hub License": "gpl-3.0", "Hub ❤️": "9", "Base Model": ""}))
    model = Model.objects.get()
    assert (model.licence, model.licence_family, model.likes) == ("gpl-3.0", "copyleft", 9)
    assert model.base_model == "org/base"  # saying nothing takes nothing back


def test_nobody_evaluates_on_an_imported_suite(owner: Owner) -> None:
    ensure_imported_suite(spec=SUITE)
    with pytest.raises(Refused, match="measured elsewhere") as refusal:
        submit(owner=owner, submitter=owner.user, suite=SLUG, model="org/model", settings=Settings())
    assert (refusal.value.code, refusal.value.field) == ("imported_suite", "suite")


def unverified(key: str, score: float | None, stderr: float | None) -> Evaluation:
    return Evaluation(
        key=key, model=key, sha="", settings={"dtype": "auto", "apply_chat_template": False}, precision="",
        score=score, stderr=stderr, unranked_reason="" if score is not None else "why", tasks={},
    )  # fmt: skip


def source_of(*evaluations: Evaluation) -> Source:
    return Source("elsewhere", "Elsewhere", "", None, "d" * 64, False, list(evaluations))


def test_on_a_suite_that_is_evaluated_here_imports_are_shown_without_a_rank(
    make_submission: made.Make, suite: Suite
) -> None:
    made.ranked(make_submission, suite)
    before = [(one.model_name, one.rank, one.rank_low, one.rank_high) for one in ranking("tiny@1")]
    import_evaluations(source=source_of(unverified("far/better", 99.0, 0.1)), suite=suite)
    rows = ranking("tiny@1")
    assert [(one.model_name, one.rank, one.rank_low, one.rank_high) for one in rows if one.verified] == before
    [claimed] = [one for one in rows if not one.verified]
    assert (claimed.rank, claimed.score, claimed.stderr) == (None, 99.0, 0.1)
    assert "not verified here" in claimed.unranked_reason


def test_where_all_imports_have_standard_errors_ranks_have_intervals() -> None:
    suite = ensure_imported_suite(spec=SUITE)
    import_evaluations(
        source=source_of(
            unverified("a/a", 50, 1), unverified("a/b", 49, 1), unverified("a/c", 20, 1), unverified("a/d", None, None)
        ),
        suite=suite,
    )
    assert [(one.rank, one.rank_low, one.rank_high) for one in ranking()] == [
        (1, 1, 2),
        (2, 1, 2),
        (3, 3, 3),
        (None, None, None),
    ]


def test_a_source_in_parts_withdraws_nothing() -> None:
    suite = ensure_imported_suite(spec=SUITE)
    import_evaluations(source=source_of(unverified("a/a", 50, 1)), suite=suite)
    import_evaluations(source=source_of(unverified("a/b", 40, 1)), suite=suite)
    assert [one.model_name for one in ranking()] == ["a/a", "a/b"]
    build_snapshot(suite=suite)
    assert [one.rank for one in ranking()] == [1, 2]


def test_the_validator_corrects_what_an_import_said(path: Path) -> None:
    imported(path, row())
    record_revision(pinned_model())
    model, revision = Model.objects.get(), Revision.objects.get()
    assert (model.licence, model.licence_family, revision.source) == ("apache-2.0", "permissive", "hub")
    assert model.training == "finetuned"  # of which the Hub says nothing


def pinned_model() -> PinnedModel:
    return PinnedModel(
        name="org/model", sha="a" * 40, source="hub", architecture="LlamaForCausalLM", model_type="llama", parameters=7,
        active_parameters=7, context_length=10, dtype="float32", licence="apache-2.0", base_model=None,
        modalities=("text",), chat_template=False, gated=False, size_bytes=1, created=None,
        folder=None, needs_remote_code=False,
    )  # fmt: skip


def test_a_snapshot_of_imports_asks_the_database_a_few_times_however_many_there_are(
    path: Path, django_assert_max_num_queries: Any
) -> None:
    imported(path, *(row(f"org/m{index}") for index in range(60)))
    suite = Suite.objects.get(slug=SLUG)
    with django_assert_max_num_queries(11):
        build_snapshot(suite=suite)
