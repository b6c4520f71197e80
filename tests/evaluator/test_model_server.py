"""The look, and likelihoods through the gateway, at a real server: vLLM's own, with SmolLM2."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.api.instance import Instance
from transformers import AutoTokenizer, LlamaForCausalLM

from evaluator.contract import EndpointSpec, Preflight, Protocol, Sampling
from evaluator.engines import endpoint
from evaluator.gateway import Gateway
from evaluator.looks import NotFit, look
from evaluator.run import Behind
from leaderboard.demo.journey import MODEL
from tests import model_server
from tests.model_server import KEY, NAME, ModelServer

pytestmark = pytest.mark.engine

PROTOCOLS: tuple[Protocol, ...] = ("openai-chat", "openai-completions", "anthropic-messages")


@pytest.fixture(scope="module")
def server(demo_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with model_server.serving(demo_mirror / "models" / MODEL, tmp_path_factory.mktemp("server")) as one:
        yield one


def spec_of(server: ModelServer, protocol: Protocol, **about: Any) -> EndpointSpec:
    given = {"base_url": server.url, "model": NAME, "api_key": KEY, "allowed": ("127.0.0.1",)}
    return EndpointSpec(protocol=protocol, **(given | about))


def looked(spec: EndpointSpec) -> Preflight:
    with Gateway(spec, journal=None) as gateway:
        return look(gateway, spec, attempt=1, patience=60)  # it computes beside this


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_it_is_found_fit(server: ModelServer, protocol: Protocol) -> None:
    found, again = (looked(spec_of(server, protocol)) for _ in range(2))
    told = {check.name: check for check in found.checks}
    assert [check for check in found.checks if not check.ok] == []
    assert found.context_length == 8192 and found.seconds < 60
    assert found.fingerprint == again.fingerprint, "a server says `created` anew each time"
    assert found.echo == (protocol == "openai-completions")
    if found.echo:
        assert "consistent for" in told["prompt log-probabilities"].detail


@pytest.mark.parametrize(
    ("change", "code"),
    [({"api_key": "sk-wrong"}, "credentials_refused"), ({"model": "gpt-nothing"}, "model_unknown")],
)
def test_what_is_wrong_is_named(server: ModelServer, change: dict[str, str], code: str) -> None:
    for protocol in PROTOCOLS:
        with pytest.raises(NotFit) as caught:
            looked(spec_of(server, protocol, **change))
        assert (caught.value.kind, caught.value.code) == ("model", code)
        assert "sk-wrong" not in caught.value.message


PAIRS = [
    ("The capital of France is", " Paris"),
    ("The capital of France is", " a city that lies on the river Seine"),
    ("Question: how do you say good day in Japanese? ", "今日は"),
    ("Une heure de l'après-midi est une heure où l'on", " déjeune"),
]


def by_transformers(weights: Path) -> list[tuple[float, bool]]:
    """The same in float32 by another library, split as lm-eval does."""
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = LlamaForCausalLM.from_pretrained(weights, dtype=torch.float32).eval()
    found = []
    for context, continuation in PAIRS:
        bare = context.rstrip()
        before, tokens = len(tokenizer.encode(bare)), tokenizer.encode(context + continuation)
        with torch.inference_mode():
            logs = model(torch.tensor([tokens])).logits[0, :-1].log_softmax(-1)
        rows, chosen = logs[before - 1 :], torch.tensor(tokens[before:])
        numbers = rows.gather(1, chosen[:, None])[:, 0]
        found.append((float(numbers.sum()), bool((rows.argmax(-1) == chosen).all())))
    return found


def test_likelihoods_of_given_answers_are_the_models(server: ModelServer, demo_mirror: Path) -> None:
    with Gateway(spec_of(server, "openai-completions"), journal=None) as gateway:
        behind = Behind(
            url=gateway.url, token=gateway.token, model=NAME, chat=False, sampling=Sampling(), concurrency=2
        )
        asked = endpoint.load(behind, lambda _: None)
        requests = [Instance("loglikelihood", {}, pair, 0, ("pairs", number, 1)) for number, pair in enumerate(PAIRS)]
        told = asked.loglikelihood(requests)
        asked._http.close()
    known = by_transformers(demo_mirror / "models" / MODEL)
    assert [greedy for _, greedy in told] == [greedy for _, greedy in known]
    assert [number for number, _ in told] == pytest.approx([number for number, _ in known], abs=2e-3)
