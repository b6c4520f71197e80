from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluator.data_digests import data_digest, folder_digest
from evaluator.mirror import digest


@pytest.fixture(autouse=True)
def forgetful() -> None:
    folder_digest.cache_clear()


def task(path: str | None, dataset: Any = None, **more: Any) -> Any:
    return SimpleNamespace(config=SimpleNamespace(dataset_path=path, dataset_kwargs=more or None), dataset=dataset)


def test_a_folder_here_is_known_by_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "org" / "data"
    data.mkdir(parents=True)
    (data / "test.jsonl").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    found = data_digest(task("org/data"))
    assert found == f"files {digest(data)}"
    folder_digest.cache_clear()
    (data / "test.jsonl").write_text("{} \n")
    assert data_digest(task("org/data")) != found


def test_a_suites_own_files_are_known_by_their_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    for given in (str(tmp_path / "a.jsonl"), [str(tmp_path / "a.jsonl")], {"test": str(tmp_path / "a.jsonl")}):
        assert data_digest(task("json", data_files=given)) == f"files {digest(tmp_path)}"
    assert data_digest(task("json", data_files=["https://example.org/a.jsonl"])) == ""


def test_what_was_fetched_is_known_by_its_commit() -> None:
    split = SimpleNamespace(cache_files=[{"filename": f"/cache/org___data/main/0.0.0/{'a' * 40}/data-test.arrow"}])
    assert data_digest(task("org/data", {"test": split})) == f"commit {'a' * 40}"
    other = SimpleNamespace(cache_files=[{"filename": "/cache/org___data/main/0.0.0/abc/data-test.arrow"}])
    assert data_digest(task("org/data", {"test": other})) == ""


def test_of_data_from_nowhere_nothing_is_known() -> None:
    assert data_digest(task(None)) == ""
