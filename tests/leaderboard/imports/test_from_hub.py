from pathlib import Path

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError
from pytest_django import Settings as DjangoSettings

from leaderboard.imports import from_hub
from leaderboard.imports.evaluations import SourceError
from leaderboard.imports.open_llm_leaderboard import DATASET, DATASET_FILE


def test_a_mirror_is_looked_at_before_the_hub(tmp_path: Path, settings: DjangoSettings) -> None:
    file = tmp_path / "datasets" / DATASET / DATASET_FILE
    file.parent.mkdir(parents=True)
    file.touch()
    settings.HUB_MIRRORS = [tmp_path]
    assert from_hub.dataset_file(DATASET, DATASET_FILE) == file


def test_what_the_hub_gives_lies_in_the_state_folder(
    tmp_path: Path, settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_MIRRORS, settings.STATE_DIR = [], tmp_path

    def download(dataset: str, file: str, *, local_dir: Path, **asked: object) -> str:
        assert (asked["repo_type"], asked["token"]) == ("dataset", settings.HUB_TOKEN or False)
        return str(local_dir / file)

    monkeypatch.setattr(from_hub, "hf_hub_download", download)
    assert from_hub.dataset_file(DATASET, DATASET_FILE) == tmp_path / "imports" / DATASET / DATASET_FILE


def test_a_hub_out_of_reach_is_said_with_what_to_do(settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HUB_MIRRORS = []

    def away(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(from_hub, "hf_hub_download", away)
    with pytest.raises(SourceError, match=r"no mirror has it. Try later, or download the file and name its path"):
        from_hub.dataset_file(DATASET, DATASET_FILE)
