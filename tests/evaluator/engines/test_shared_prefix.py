"""Contexts computed once give lm-eval's own numbers: real vLLM, a real model, float32, both ways in one engine."""

from pathlib import Path
from typing import Any

import pytest

from evaluator.contract import Settings
from evaluator.engines import vllm

pytestmark = pytest.mark.engine

LONGEST = 512
TOLERANCE = 1e-4
"""Of a log-likelihood: float32 sums in another order."""
STORY = (
    "The harbour lay still in the early light. A boat with a torn sail came round the point, and the men on the quay "
    "stopped talking. Nobody had expected it before the end of the month. "
)
Request = tuple[Any, list[int], list[int]]


@pytest.fixture(scope="module")
def model(demo_mirror: Path) -> vllm.SharingVLLM:
    path = demo_mirror / "models" / "parity-demo" / "SmolLM2-135M-Instruct-Q4_1"
    settings = Settings(dtype="float32", max_length=LONGEST)
    return vllm.load(str(path), settings, report=lambda _: None)


def requests(model: vllm.SharingVLLM) -> dict[str, list[Request]]:
    """By kind, what lm-eval asks: (key, tokens of the context, tokens of the continuation)."""

    def pairs(context: str, *choices: str) -> list[Request]:
        return [((context, choice), *model._encode_pair(context, choice)) for choice in choices]

    questions = [STORY + f"Question {number}: what came round the point?\nAnswer:" for number in range(6)]
    long = " the boat with the torn sail that nobody had expected came slowly" * 4
    return {
        "single tokens": [one for text in questions for one in pairs(text, " A", " B", " C", " D")],
        "longer choices": [
            one
            for text in questions
            for one in pairs(text, " a boat", " the men on the quay", " light", " a torn sail")
        ],
        "a beginning in common": pairs(questions[0], f"{long} in.", f"{long} out.", f"{long} in again."),
        "equal requests": pairs(questions[1], " a boat", " a boat") + pairs(questions[1], " a boat"),
        "many choices": pairs(
            questions[2], *[f" {word}" for word in sorted(model.tokenizer.get_vocab()) if word.isalpha()][:200]
        ),
        "the likeliest": [(None, model.tok_encode(STORY)[:40], model.tok_encode(STORY)[40:44])],
        "rolling": [(None, [model.prefix_token_id], model.tok_encode(STORY * 3)[:200])],
        "too long": pairs(STORY * 16 + "Answer:", " a boat", " the men"),
    }


@pytest.mark.parametrize(
    "kind",
    [
        "single tokens", "longer choices", "a beginning in common", "equal requests", "many choices", "the likeliest",
        "rolling", "too long",
    ],
)  # fmt: skip
def test_answers_are_lm_evals(model: vllm.SharingVLLM, kind: str) -> None:
    asked = requests(model)[kind]
    ours = model._loglikelihood_tokens(asked)
    stock = vllm.ReportingVLLM._loglikelihood_tokens(model, asked, disable_tqdm=True)
    assert [greedy for _, greedy in ours] == [greedy for _, greedy in stock]
    differences = [abs(first - second) for (first, _), (second, _) in zip(ours, stock, strict=True)]
    assert max(differences) < TOLERANCE


def test_contexts_are_computed_once(model: vllm.SharingVLLM) -> None:
    before = model.path_facts()["scoring_tokens"]
    texts = [STORY * 3 + f"The number is {number}.\nAnswer:" for number in range(700, 708)]
    asked = [
        ((text, one), *model._encode_pair(text, one)) for text in texts for one in (" yes, it is", " no", " I see")
    ]
    model._loglikelihood_tokens(asked)
    after = model.path_facts()["scoring_tokens"]
    used = {name: after[name] - before[name] for name in after}
    assert used["requests"] == 24
    assert used["computed"] < used["asked"] / 3
    assert used["computed"] < used["least"] + 24 * vllm.CPU_BLOCK * 2
    assert used["fallbacks"] == 0


def test_rows_that_the_cache_covers_are_asked_again(model: vllm.SharingVLLM) -> None:
    before = model.path_facts()["scoring_tokens"]["fallbacks"]
    model._loglikelihood_tokens(requests(model)["a beginning in common"])
    assert model.path_facts()["scoring_tokens"]["fallbacks"] > before
