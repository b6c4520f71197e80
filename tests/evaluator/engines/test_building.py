"""What is said of tasks that cannot be built, and the window that they are measured by."""

import json
from pathlib import Path

import pytest

from evaluator.contract import ModelRef, Settings, SuiteSpec
from evaluator.engines import building, derived
from evaluator.run import RunSpec

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


@pytest.mark.parametrize(
    ("task", "window", "said"),
    [
        ("ruler_8192", 4096, "It asks about texts of 8,192 tokens; the model's window is 4,096."),
        ("ruler_8192", 8192, ""),
        ("ruler_8192", None, ""),
        ("mmlu_pro", 16, ""),
        ("ruler_vt", 16, ""),
    ],
)
def test_a_length_above_the_window_is_refused(task: str, window: int | None, said: str) -> None:
    assert derived.too_long(task, window) == said
