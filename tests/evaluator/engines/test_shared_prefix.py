"""Contexts computed once give lm-eval's own numbers: real vLLM, a real model, float32, both ways in one engine."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluator.engines import environment
from tests.environment import ROOT

pytestmark = pytest.mark.engine

TOLERANCE = 1e-4
"""Of a log-likelihood: float32 sums in another order."""
BLOCK = 32
"""Tokens of a block of the cache, `vllm.CPU_BLOCK`."""
KINDS = (
    "single tokens", "longer choices", "a beginning in common", "equal requests", "many choices", "the likeliest",
    "rolling", "too long", "contexts in turn",
)  # fmt: skip


@pytest.fixture(scope="module")
def both(demo_mirror: Path) -> dict[str, Any]:
    model = demo_mirror / "models" / "parity-demo" / "SmolLM2-135M-Instruct-Q4_1"
    done = subprocess.run(
        [sys.executable, "-m", "tests.evaluator.engines.both_ways", str(model)],
        cwd=ROOT, env=environment.for_child(), capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def answers(both: dict[str, Any]) -> dict[str, Any]:
    return dict(both["answers"])


def test_every_kind_is_asked(answers: dict[str, Any]) -> None:
    assert set(answers) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_lm_evals(answers: dict[str, Any], kind: str) -> None:
    ours, stock = answers[kind]["ours"], answers[kind]["stock"]
    assert [greedy for _, greedy in ours] == [greedy for _, greedy in stock]
    differences = [abs(first - second) for (first, _), (second, _) in zip(ours, stock, strict=True)]
    assert max(differences) < TOLERANCE


def test_contexts_are_computed_once(answers: dict[str, Any]) -> None:
    work = answers["contexts in turn"]["work"]
    assert work["requests"] == 24
    assert work["computed"] < work["asked"] / 3
    assert work["computed"] < work["least"] + 24 * BLOCK * 2
    assert work["fallbacks"] == 0


def test_rows_that_the_cache_covers_are_asked_again(answers: dict[str, Any]) -> None:
    assert answers["a beginning in common"]["work"]["fallbacks"] > 0


def test_what_is_too_long_is_counted(answers: dict[str, Any]) -> None:
    assert answers["too long"]["work"]["truncated"] == 2


def test_texts_are_lm_evals_and_are_asked_once(both: dict[str, Any]) -> None:
    found = both["texts"]
    assert found["ours"] == found["stock"] == found["again"]
    assert (found["asked"], found["replayed"], found["lines"]) == (7, 7, 6)


def test_what_vllm_tells_of_a_text_is_kept_with_its_request(both: dict[str, Any]) -> None:
    told, texts = both["texts"]["told"], both["texts"]["ours"]
    assert [one["text"].strip().startswith(text.strip()) for one, text in zip(told, texts, strict=True)] == [True] * 7
    assert [one["tokens_in"] for one in told] == sorted(one["tokens_in"] for one in told[:3]) * 2 + [
        told[0]["tokens_in"]
    ]
    assert all(one["tokens_out"] <= 4 + place % 6 for place, one in enumerate(told))
    assert {one["finish_reason"] for one in told} <= {"length", "stop"}
