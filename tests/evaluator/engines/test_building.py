"""What is said of tasks that cannot be built, and the window that they are measured by."""

import json
from pathlib import Path
from typing import Literal

import pytest
from lm_eval.tasks import TaskManager

from evaluator.contract import ModelRef, Settings, SuiteSpec, TaskSpec
from evaluator.engines import building, derived
from evaluator.run import RunSpec
from evaluator.suites import images

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ConnectionError("Couldn't reach 'a/b' on the Hub (OfflineModeIsEnabled)"),
            "is in none of this host's mirrors",
        ),
        (
            FileNotFoundError("Dataset 'a/b' doesn't exist on the Hub or cannot be accessed."),
            "is in none of this host's",
        ),
        (
            ValueError("Dataset 'a/b' is a gated dataset on the Hub. Visit the page to ask for access."),
            "is gated: whoever",
        ),
        (KeyError("column"), "Its data or code could not be loaded: KeyError: 'column'"),
    ],
)
def test_reasons(error: Exception, said: str) -> None:
    found = building.why_missing(error)
    assert said in found
    assert type(error).__name__ in found


@pytest.mark.parametrize(
    ("config", "asked", "window"),
    [
        ({"max_position_embeddings": 8192}, None, 8192),
        ({"n_positions": 1024}, 512, 512),
        ({}, None, None),
        (None, None, None),
    ],
)
def test_the_window_is_what_was_asked_for_or_what_the_model_declares(
    tmp_path: Path, config: dict[str, int] | None, asked: int | None, window: int | None
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    spec = RunSpec(
        model=ModelRef(name="a/b", sha=""),
        model_path=str(tmp_path),
        suite=SuiteSpec(name="s", version=1, title="S", tasks=()),
        settings=Settings(max_length=asked),
    )
    assert building.window_of(spec) == window


SEES = {"architectures": ["XForConditionalGeneration"], "text_config": {}, "vision_config": {}}


@pytest.mark.parametrize(
    ("task", "config", "engine", "missing", "said"),
    [
        ("mmmu_val", SEES, "vllm", [], ""),
        ("mmmu_val_art", SEES, "vllm", ["ray"], "It shows images, for which this host lacks ray."),
        ("mmmu_val", {"text_config": {}}, "vllm", [], "the model reads none: its config.json has no vision_config."),
        ("mmmu_val", SEES, "transformers", [], "which only the engine vllm does here."),
        ("mmmu_marketing", {}, "transformers", ["ray", "torchvision"], ""),
    ],
)
def test_images_are_refused_where_the_model_or_the_host_cannot(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: str,
    config: dict[str, object],
    engine: Literal["vllm", "transformers"],
    missing: list[str],
    said: str,
) -> None:
    monkeypatch.setattr(images, "missing_here", lambda: missing)
    (tmp_path / "config.json").write_text(json.dumps(config))
    spec = RunSpec(
        model=ModelRef(name="a/b", sha=""),
        model_path=str(tmp_path),
        suite=SuiteSpec(name="s", version=1, title="S", tasks=(TaskSpec(task=task, title="T", metric="acc"),)),
        settings=Settings(engine=engine),
    )
    assert building.cannot_show(task, spec).endswith(said)
    assert bool(building.cannot_show(task, spec)) == bool(said)
    shown = images.shows(task) and not said
    assert building.engine_of(spec) == ("vllm-images" if shown else engine)


def test_lm_eval_knows_the_tasks_that_show_images() -> None:
    """Those of its groups that are named so show images, and no other task of this project's suites does."""
    manager = TaskManager()
    assert images.GROUP in manager.all_groups
    shown = [name for name in manager.all_subtasks if images.shows(name)]
    assert len(shown) == 30
    files = [str(manager.task_index[name].yaml_path) for name in shown]
    assert {"/mmmu/" in file for file in files} == {True}


@pytest.mark.parametrize(
    ("task", "window", "said"),
    [
        ("ruler_8192", 4096, "It asks about texts of 8,192 tokens; the model's window is 4,096 here."),
        ("ruler_8192", 8192, ""),
        ("ruler_8192", None, ""),
        ("mmlu_pro", 16, ""),
        ("ruler_vt", 16, ""),
    ],
)
def test_a_length_above_the_window_is_refused(task: str, window: int | None, said: str) -> None:
    assert derived.too_long(task, window) == said
