import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluator.engines.provenance import arguments_of, recommended_sampling, template_of

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"temperature": 0.6, "top_k": 20, "eos_token_id": 2}, ["temperature", "top_k"]),
        ({"temperature": "hot", "top_p": None, "top_k": [1]}, []),
        ([], []),
    ],
)  # fmt: skip
def test_what_the_makers_recommend_is_kept(tmp_path: Path, told: Any, kept: list[str]) -> None:
    (tmp_path / "generation_config.json").write_text(json.dumps(told))
    assert recommended_sampling(tmp_path) == {name: told[name] for name in kept}


def test_nothing_recommended_is_nothing(tmp_path: Path) -> None:
    assert recommended_sampling(tmp_path) == {}
    (tmp_path / "generation_config.json").write_text("{")
    assert recommended_sampling(tmp_path) == {}


def test_engine_arguments_name_no_folder_of_the_worker() -> None:
    model = SimpleNamespace(model_args={"model": "/weights", "dtype": "auto", "max_num_seqs": 32, "revision": None})
    assert arguments_of(model) == {"dtype": "auto", "max_num_seqs": 32}
    assert arguments_of(SimpleNamespace(batch_size=8)) == {"batch_size": 8}


def test_a_template_is_its_text() -> None:
    assert template_of(SimpleNamespace(tokenizer=SimpleNamespace(chat_template="{{ x }}"))) == "{{ x }}"
    several = SimpleNamespace(tokenizer=SimpleNamespace(chat_template={"default": "a", "tool": "b"}))
    assert template_of(several) == '{"default":"a","tool":"b"}'
    assert template_of(SimpleNamespace(tokenizer=SimpleNamespace(chat_template=None))) == ""
    assert template_of(SimpleNamespace()) == ""
