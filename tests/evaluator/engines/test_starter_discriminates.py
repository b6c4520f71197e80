"""starter@1 tells a model that learned English from one that did not: SmolLM2 against the same shape, untrained.

Through lm-eval itself, with its `hf` model in float32; the harness is not involved.
"""

import math
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoConfig, AutoTokenizer, LlamaForCausalLM

from evaluator import suites
from evaluator.engines.gguf import DEMO_MODEL

pytestmark = pytest.mark.engine

ITEMS = 40
SPEC, BUNDLE = suites.find("starter@1")

Scores = dict[str, tuple[float, float]]
"""Task to score and standard error."""


def evaluate(model: Any, folder: Path) -> Scores:
    tasks = TaskManager(include_path=str(folder), include_defaults=False)
    found = simple_evaluate(
        HFLM(pretrained=model[0], tokenizer=model[1], batch_size=16, device="cpu"),
        tasks=[task.task for task in SPEC.tasks],
        task_manager=tasks,
        limit=ITEMS,
    )["results"]
    key = {task.task: f"{task.metric},{task.filter}" for task in SPEC.tasks}
    errors = {task: name.replace(",", "_stderr,") for task, name in key.items()}
    assert all(found[task]["sample_len"] == ITEMS for task in key)
    return {task: (float(found[task][key[task]]), float(found[task][errors[task]])) for task in key}


def mean(scores: Scores) -> tuple[float, float]:
    values = scores.values()
    return sum(score for score, _ in values) / len(values), math.hypot(*(error for _, error in values)) / len(values)


@pytest.fixture(scope="module")
def measured(demo_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scores, Scores]:
    """Scores of SmolLM2 and of an untrained model of its shape."""
    place = tmp_path_factory.mktemp("starter")
    assert BUNDLE is not None
    suites.unpack(BUNDLE, place / "tasks")
    suites.anchor(place / "tasks")
    checkpoint = demo_mirror / "models" / DEMO_MODEL
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, local_files_only=True)
    trained = LlamaForCausalLM.from_pretrained(checkpoint, dtype=torch.float32, local_files_only=True)
    torch.manual_seed(1)
    untrained = LlamaForCausalLM(AutoConfig.from_pretrained(checkpoint)).to(torch.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", str(place / "cache"))
        return tuple(evaluate((model.eval(), tokenizer), place / "tasks") for model in (trained, untrained))


def test_an_untrained_model_guesses(measured: tuple[Scores, Scores]) -> None:
    for task in SPEC.tasks:
        score, _ = measured[1][task.task]
        error = math.sqrt(task.baseline * (1 - task.baseline) / ITEMS)
        assert abs(score - task.baseline) <= 3 * error, f"{task.task}: {score}"


def test_smollm2_does_not(measured: tuple[Scores, Scores]) -> None:
    for task in SPEC.tasks:
        score, error = measured[0][task.task]
        assert score > task.baseline + 3 * error, f"{task.task}: {score} ± {error}"
    (trained, trained_error), (untrained, untrained_error) = map(mean, measured)
    assert trained - untrained > 10 * math.hypot(trained_error, untrained_error)
