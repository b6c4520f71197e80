"""All of a plan reaches vLLM, and nothing that this machine does not have."""

import json
import subprocess
import sys
from typing import Any

import pytest

from evaluator.engines import environment
from tests.environment import ROOT

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.evaluator.engines.vllm_arguments"],
        cwd=ROOT, env=environment.for_child(), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_on_gpus_every_part_of_the_plan_counts(told: dict[str, dict[str, Any]]) -> None:
    expected = {
        "pretrained": "/weights", "dtype": "float16", "quantization": "fp8", "tensor_parallel_size": 4,
        "max_model_len": 4096, "gpu_memory_utilization": 0.8, "max_num_seqs": 64,
    }  # fmt: skip
    assert expected.items() <= told["gpu"].items()
    assert "enforce_eager" not in told["gpu"] and "lora_local_path" not in told["gpu"]


def test_on_cpu_there_is_no_share_and_the_checkpoints_quantisation_is_its_own(told: dict[str, dict[str, Any]]) -> None:
    found = told["cpu"]
    assert (found["dtype"], found["max_model_len"], found["max_num_seqs"]) == ("auto", None, 32)
    assert not {"quantization", "tensor_parallel_size", "gpu_memory_utilization"} & set(found)


def test_an_adapter_comes_with_its_rank_and_tokenizer(told: dict[str, dict[str, Any]]) -> None:
    expected = {"max_lora_rank": 32, "tokenizer": "/adapter", "lora_target_modules": ["q_proj"]}
    assert expected.items() <= told["adapter"].items()
    assert told["adapter"]["lora_local_path"]
    assert told["its base's tokenizer"]["tokenizer"] == "/weights"
