"""Models that see may think: room for the thought, what ends an answer, and what is kept of both."""

import json
import subprocess
import sys
from typing import Any

import pytest

from evaluator.engines import environment
from tests.environment import ROOT

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """ray, which lm-eval's module imports for replicas, is an empty file here."""
    folder = tmp_path_factory.mktemp("ray")
    (folder / "ray.py").touch()
    variables = {**environment.for_child(), "PYTHONPATH": f"{folder}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.evaluator.engines.looks"],
        cwd=ROOT, env=variables, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_a_thought_has_room_and_is_cut_off_its_answer(found: dict[str, Any]) -> None:
    told = found["thinking"]
    assert told["asked"] == [[110, ["<end>"]]] * 3, "a blank line within the thought does not end it"
    assert told["texts"] == ["Red"] * 3
    assert told["template"] == [
        {"add_generation_prompt": True, "continue_final_message": False, "enable_thinking": True}
    ]


def test_the_whole_text_is_kept_with_its_request(found: dict[str, Any]) -> None:
    for way in ("thinking", "plain"):
        assert found[way]["kept"] == {request: [found["said"]] for request in ("seen 0", "seen 1", "read 0")}
        assert found[way]["requests"] == 3


def test_without_thinking_all_is_upstreams(found: dict[str, Any]) -> None:
    told = found["plain"]
    assert told["asked"] == [[10, ["\n\n", "<end>"]]] * 3
    assert told["texts"][:2] == [found["said"]] * 2, "vLLM itself stops there"
    assert "enable_thinking" not in told["template"][0]
