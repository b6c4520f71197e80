from pathlib import Path

import pytest
import yaml

from evaluator import suites
from leaderboard.actions.errors import Conflict
from leaderboard.actions.load_suites import load_suite
from leaderboard.models import Bundle, Suite, SuiteTask

pytestmark = pytest.mark.django_db

YAML = """
name: mine
version: 1
title: Mine
tasks:
  - {task: arc_easy, title: ARC-Easy, metric: acc, num_fewshot: 0, limit: 50, baseline: 0.25}
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "mine@1.yaml"
    path.write_text(YAML)
    return path


@pytest.mark.parametrize("path", suites.built_in(), ids=lambda path: path.stem)
def test_the_built_in_suites_are_released_once(path: Path) -> None:
    suite, new = load_suite(path=path)
    again, new_again = load_suite(path=path)
    assert (suite, new, new_again) == (again, True, False)
    assert suite.slug == path.stem
    assert SuiteTask.objects.filter(suite=suite).count() == len(yaml.safe_load(path.read_text())["tasks"])


def test_a_released_version_never_changes(written: Path) -> None:
    load_suite(path=written)
    written.write_text(YAML.replace("limit: 50", "limit: 60"))
    with pytest.raises(Conflict, match="never changes") as refusal:
        load_suite(path=written)
    assert '-   "limit": 50,' in refusal.value.message
    assert '+   "limit": 60,' in refusal.value.message
    assert SuiteTask.objects.get().limit == 50


def test_the_next_version_stands_beside_it(written: Path) -> None:
    load_suite(path=written)
    written.write_text(YAML.replace("version: 1", "version: 2"))
    load_suite(path=written)
    assert sorted(Suite.objects.values_list("slug", flat=True)) == ["mine@1", "mine@2"]


def test_equal_task_files_are_kept_once() -> None:
    path = next(path for path in suites.built_in() if path.stem == "starter@1")
    suite, _ = load_suite(path=path)
    assert Bundle.objects.get().digest == suite.bundle_id
