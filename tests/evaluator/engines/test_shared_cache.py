"""Contexts computed once in transformers give lm-eval's own numbers: tiny models in float32, both ways in one model.

`make families` asks every family; `make test` those whose caches differ: full, sliding, latent, recurrent.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from lm_eval.models import huggingface
from lm_eval.models.huggingface import HFLM

from evaluator.contract import Settings
from evaluator.engines import shared_cache, transformers
from evaluator.journal import Journal
from tests.evaluator.engines.asked import LONGEST, STORY, requests
from tests.evaluator.engines.families import write
from tests.evaluator.engines.family_table import chosen
from tests.prefix_tree import tree_size

pytestmark = pytest.mark.engine

TOLERANCE = 5e-4
"""Of a log-likelihood, up to 1,300 here, of which float32 keeps 1e-4: sums in another order."""
SLICE = ("llama", "gemma3", "deepseek_v3", "qwen3_5")
ASKED = chosen(SLICE)
RECURRENT = {"qwen3_5", "qwen3_5_moe", "qwen3_5_vision"}


@pytest.fixture(scope="module", params=ASKED)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, demo_mirror: Path) -> Iterator[Any]:
    """One of each family, as the engine loads it."""
    bar = huggingface.tqdm
    tokenizer = demo_mirror / "models" / "parity-demo" / "SmolLM2-135M-Instruct-Q4_1"
    folder = write(request.param, tmp_path_factory.mktemp("tiny") / request.param, tokenizer)
    settings = Settings(engine="transformers", dtype="float32", max_length=LONGEST)
    yield transformers.load(str(folder), settings, report=lambda _: None)
    huggingface.tqdm = bar


def test_answers_are_lm_evals(model: Any) -> None:
    largest = 0.0
    for kind, asked in requests(model, most=20).items():
        stock = HFLM._loglikelihood_tokens(model, asked, disable_tqdm=True)
        ours = model._loglikelihood_tokens(asked)
        assert [greedy for _, greedy in ours] == [greedy for _, greedy in stock], kind
        largest = max(largest, *(abs(one - other) for (one, _), (other, _) in zip(ours, stock, strict=True)))
    print(f"{model.pretrained}: log-likelihoods differ by at most {largest:.1e}")
    assert largest < TOLERANCE


def test_the_likeliest_choice_is_found_greedy(model: Any) -> None:
    """Random weights hardly ever say what is asked: here are the tokens that they do say."""
    context = model.tok_encode(STORY)
    said = context
    for _ in range(3):
        with torch.no_grad():
            said = [*said, int(model.model(torch.tensor([said])).logits[0, -1].argmax())]
    likely, other = said[len(context) :], [*said[len(context) : -1], said[-1] ^ 1]
    asked = [(None, context, likely), (None, context, other), (None, context, likely[:1])]
    assert [greedy for _, greedy in model._loglikelihood_tokens(asked)] == [True, False, True]
    assert [greedy for _, greedy in model._loglikelihood_tokens(asked[:1])] == [True]


def test_contexts_are_computed_once_where_the_cache_can_be_shared(model: Any, request: Any) -> None:
    name = request.node.callspec.params["model"]
    facts = model.path_facts()
    if name in RECURRENT:
        assert facts["path"] == "strict" and "choices cannot share" in facts["path_reason"]
        return
    model.begin_again(lambda _: None)
    asked = requests(model, most=1)["contexts in turn"]
    model._loglikelihood_tokens(asked)
    work = model.path_facts()["scoring_tokens"]
    least = tree_size((*context, *rest[:-1]) for _, context, rest in asked)
    assert (facts["path"], work["requests"], work["fallbacks"], work["truncated"]) == ("fast", 24, 0, 0)
    assert work["computed"] < work["asked"] / 3
    assert work["computed"] < least + 8 * shared_cache.APART
    assert work["cached"] > 0
    before = work["computed"]
    model._loglikelihood_tokens(asked)
    again = model.path_facts()["scoring_tokens"]["computed"] - before
    assert again < before, "the next slice finds the beginning of its contexts kept"


def test_rolling_ones_and_what_is_too_long_are_lm_evals(model: Any) -> None:
    story = Instance("loglikelihood_rolling", {}, (STORY * 16,), 0, ("story", 0, 1))
    assert model.loglikelihood_rolling([story]) == pytest.approx(HFLM.loglikelihood_rolling(model, [story]))
    if model.path_facts()["path"] == "fast":
        model.begin_again(lambda _: None)
        model._loglikelihood_tokens(requests(model, most=1)["too long"])
        assert model.path_facts()["scoring_tokens"]["truncated"] == 2


def test_progress_and_journal_are_as_in_any_engine(model: Any, tmp_path: Path) -> None:
    done: list[int] = []
    model.begin_again(done.append)
    model.journal = Journal(tmp_path, {})
    asked = [
        Instance("loglikelihood", {}, (STORY + f"Question {number}:", choice), place, ("story", number, 1))
        for number in range(20)
        for place, choice in enumerate((" a boat", " the men"))
    ]
    first = model.loglikelihood(asked)
    counted = asdict(model._sharing.work)
    assert model.loglikelihood(asked) == first and asdict(model._sharing.work) == counted
    assert (model.asked, model.replayed) == (40, 40)
    assert done == sorted(done) and done[-1] == 20
