"""Out and in again: what lm-eval's own tools read, and that nothing is lost on the way."""

import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.test import Client
from huggingface_hub import parse_eval_result_entries

from evaluator.contract import SEPARATOR, Sample
from leaderboard.exports import lm_eval_files
from leaderboard.models import Imported, ImportedResult, Result, Submission, WorkerToken
from leaderboard.queries import samples
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
ODD = {"prompts": ("Q\x00\ud800␟ a", "Q␟ b"), "responses": ("(-1.0, True)", "(-2.0, False)"), "target": "0"}


@pytest.fixture
def row(make_submission: Make, worker_token: WorkerToken, files: Path) -> Submission:
    return made.measure(make_submission("org/measured"), worker_token, [1.0, 0.0, 1.0, 1.0], {0: ODD})


def back(path: Path) -> list[Sample]:
    """The samples in a file, each of its filters' lines together again."""
    by_document: defaultdict[int, list[dict[str, object]]] = defaultdict(list)
    for line in path.read_text().splitlines():
        told = json.loads(line)
        by_document[told["doc_id"]].append(told)
    found = []
    for lines in by_document.values():
        first: dict[str, object] = lines[0]
        arguments = first["arguments"].values()  # type: ignore[attr-defined]
        found.append(
            Sample(
                task=path.name.removeprefix("samples_").rsplit("_", 1)[0],
                suite_task=first["suite_task"], doc_id=first["doc_id"], item_hash=first["item_hash"],
                target=first["target"], prompts=tuple(SEPARATOR.join(one.values()) for one in arguments),
                responses=tuple(one for [one] in first["resps"]),  # type: ignore[attr-defined]
                answers={one["filter"]: one["filtered_resps"][0] for one in lines if one["filtered_resps"]},
                scores={one["filter"]: {name: one[name] for name in one["metrics"]} for one in lines if one["metrics"]},
            )
        )  # fmt: skip
    return found


def test_every_sample_is_in_the_files_as_it_was(row: Submission, tmp_path: Path) -> None:
    _, *written = lm_eval_files.write(row.pk, tmp_path)
    assert [sample for path in written for sample in back(path)] == list(samples.export(row.pk))


def test_what_is_imported_again_is_what_was_measured(row: Submission, tmp_path: Path) -> None:
    call_command("export_results", str(row.pk), str(tmp_path), stdout=io.StringIO())
    call_command("import_results", str(tmp_path), "--suite", "tiny@1", stdout=io.StringIO())
    imported = Imported.objects.get()
    assert (imported.revision, imported.suite) == (row.revision, row.suite)
    assert (imported.score, imported.stderr) == (pytest.approx(row.score), pytest.approx(row.stderr))
    assert imported.precision == row.provenance.get("dtype", imported.precision)
    for result in Result.objects.filter(submission=row).select_related("task"):
        cell = imported.tasks[result.task.task]
        assert (cell["score"], cell["stderr"], cell["n"]) == (result.score, result.stderr, result.n)
        items = ImportedResult.objects.get(imported=imported, task=result.task)
        assert items.items_id == result.items_id
        assert bytes(items.item_scores) == bytes(result.item_scores)


def test_lm_evals_own_tools_read_them(row: Submission, tmp_path: Path) -> None:
    utils = pytest.importorskip("lm_eval.utils")
    results, *written = lm_eval_files.write(row.pk, tmp_path)
    names = [str(path) for path in (results, *written)]
    assert utils.get_results_filenames(names) == [str(results)]
    assert sorted(utils.get_sample_results_filenames(names)) == sorted(map(str, written))
    assert {utils.get_file_task_name(path.name) for path in written} == {"alpha", "beta"}
    assert utils.get_latest_filename([results.name]) == results.name
    table = utils.make_table(json.loads(results.read_text()))
    assert "|alpha|" in table.replace(" ", "")
    assert "0.75" in table


def test_the_archive_and_the_hubs_yaml(client: Client, row: Submission) -> None:
    reply = client.get(f"/api/v1/submissions/{row.pk}/lm-eval.zip")
    with zipfile.ZipFile(io.BytesIO(reply.getvalue())) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {"org__measured"}
        assert len(archive.namelist()) == 3
    path = f"/api/v1/submissions/{row.pk}/eval-results.yaml"
    assert client.get(path).content.decode().count("is left out") == 2


def test_the_yaml_is_what_the_hubs_own_library_reads(
    client: Client, row: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {**row.provenance, "datasets": {"alpha": "allenai/ai2_arc", "beta": "json"}}
    monkeypatch.setattr(Submission, "provenance", property(lambda _: told, lambda *_: None))
    text = client.get(f"/api/v1/submissions/{row.pk}/eval-results.yaml").content.decode()
    [entry] = parse_eval_result_entries(yaml.safe_load(text))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("allenai/ai2_arc", "alpha", 75.0)
    assert (entry.source_name, entry.source_url) == ("Parity", f"http://testserver/submissions/{row.pk}")
    assert "# beta is left out" in text


def test_one_without_results_is_refused(make_submission: Make, tmp_path: Path, client: Client) -> None:
    pk = make_submission().pk
    with pytest.raises(CommandError, match="once it has results"):
        call_command("export_results", str(pk), str(tmp_path))
    assert client.get(f"/api/v1/submissions/{pk}/lm-eval.zip").status_code == 404
