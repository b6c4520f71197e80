"""`manage.py import_results`, from files to the board."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from leaderboard.models import Import, Imported, ImportedResult, ItemSet, Revision, Snapshot, Suite
from leaderboard.queries.rows import Row
from tests.leaderboard.imports.runs import new_run, old_run, scores
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


def load(*arguments: object) -> str:
    out = StringIO()
    call_command("import_results", *map(str, arguments), stdout=out)
    return out.getvalue()


def rows(slug: str) -> list[Row]:
    return made.rows(slug)


def test_a_fitting_run_appears_on_its_suite_with_errors_and_items_but_without_a_rank(
    suite: Suite, tmp_path: Path
) -> None:
    new_run(tmp_path)
    assert "tiny@1: 1 new, 0 changed, 0 unchanged, 0 withdrawn, 0 skipped" in load(tmp_path)
    [row] = rows("tiny@1")
    assert (row.model_name, row.verified, row.rank, row.precision) == ("org/model", False, None, "float32")
    assert row.score == pytest.approx(56.25)
    assert row.stderr == pytest.approx(100 * (0.28**2 + 0.18**2) ** 0.5 / 2)
    assert row.sha == "c" * 40
    results = {result.task.task: result for result in ImportedResult.objects.all()}
    assert np.frombuffer(results["alpha"].item_scores, "<f4").tolist() == scores("alpha")
    assert (results["beta"].n, len(results["beta"].items.hashes)) == (8, 8 * 32)


def test_items_are_shared_with_every_result_over_the_same_items(suite: Suite, tmp_path: Path) -> None:
    new_run(tmp_path / "a")
    new_run(tmp_path / "b", model_name="org/other")
    load(tmp_path)
    assert (Imported.objects.count(), ImportedResult.objects.count(), ItemSet.objects.count()) == (2, 4, 2)


def test_the_same_again_changes_nothing_even_from_another_folder(suite: Suite, tmp_path: Path) -> None:
    new_run(tmp_path / "a")
    load(tmp_path / "a")
    new_run(tmp_path / "b")
    for path in (tmp_path / "a", tmp_path / "b", tmp_path):
        assert "0 new, 0 changed, 1 unchanged" in load(path)
    assert (Import.objects.count(), Imported.objects.count(), Snapshot.objects.count()) == (1, 1, 1)


def test_a_later_run_supersedes_and_an_older_one_changes_nothing(suite: Suite, tmp_path: Path) -> None:
    older = new_run(tmp_path / "a")
    load(older)
    newer = new_run(tmp_path / "b", date="2025-03-03T03-04-05.0")
    content = json.loads(newer.read_text())
    content["results"]["alpha"]["acc,none"] = content["groups"]["beta"]["exact_match,strict"] = 0.75
    newer.write_text(json.dumps(content | {"date": 1740971045.0}))
    assert "0 new, 1 changed" in load(newer)
    assert rows("tiny@1")[0].score == pytest.approx(75)
    assert "A newer run of the same model with the same settings is here already." in load(older)
    assert rows("tiny@1")[0].score == pytest.approx(75)
    assert Imported.objects.filter(superseded_at=None).count() == 1 and Imported.objects.count() == 2


def test_results_of_the_first_version_come_in_too(suite: Suite, tmp_path: Path) -> None:
    old_run(tmp_path)
    assert "tiny@1: 1 new" in load(tmp_path)
    [row] = rows("tiny@1")
    assert (row.score, row.sha) == (pytest.approx(56.25), "")
    assert Revision.objects.get().source == "import"
    assert ImportedResult.objects.count() == 2


def test_a_new_suite_is_made_of_the_tasks_and_ranks_its_imports(tmp_path: Path) -> None:
    new_run(tmp_path / "a")
    rows_of_b = {
        "alpha": {"acc,none": 0.9, "acc_stderr,none": 0.01},
        "beta": {"exact_match,loose": 0.9, "exact_match_stderr,loose": 0.01},
    }
    new_run(
        tmp_path / "b",
        model_name="org/better",
        results=rows_of_b,
        groups={"beta": rows_of_b["beta"]},
        with_samples=False,
    )
    said = load(tmp_path, "--suite", "ours@1")
    assert "ours@1: 2 new" in said and "There are no samples" in said
    assert Suite.objects.get().imported
    assert [(row.model_name, row.rank, row.rank_low) for row in rows("ours@1")] == [
        ("org/better", 1, 1),
        ("org/model", 2, 2),
    ]
    assert "2 unchanged" in load(tmp_path, "--suite", "ours@1")


def test_on_a_named_suite_what_does_not_fit_is_a_dash_with_its_reason(suite: Suite, tmp_path: Path) -> None:
    new_run(tmp_path, **{"n-samples": {"alpha": {"original": 9, "effective": 4}}})
    said = load(tmp_path, "--suite", "tiny@1", "--all")
    assert "org/model, alpha: Not imported: 4 items were evaluated, not 9." in said
    [row] = rows("tiny@1")
    assert row.score is None and "Alpha: Not imported" in row.unranked_reason
    assert row.tasks["beta"]["score"] == 0.625


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere is not there"),
        ([".", "--suite", "ours"], "write name@version"),
        ([".", "--suite", "x@0"], "write name@version"),
        (["."], "Nothing was imported"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    new_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=said) as refusal:
        load(*arguments)
    assert refusal.value.returncode == 2
    assert Imported.objects.count() == Suite.objects.count() == 0


def test_broken_samples_save_nothing(suite: Suite, tmp_path: Path) -> None:
    new_run(tmp_path)
    next(tmp_path.glob("samples_beta_two*")).write_text('{"doc_id": 0\n')
    with pytest.raises(CommandError, match="cannot be read as samples of lm-eval"):
        load(tmp_path)
    assert (Imported.objects.count(), Snapshot.objects.count()) == (0, 0)
