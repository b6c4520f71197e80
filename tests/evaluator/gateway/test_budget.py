"""The budget: held whatever runs at once, and used up to the last request that fits."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evaluator.contract import Price, Sampling, Spent
from evaluator.gateway import Gateway
from tests import hostile_endpoint as hostile
from tests.evaluator.gateway.asked import HASTY, body_of, post, spec_of

MOST = 2 + 64 + 16
"""Tokens that a request of two letters can take at most."""


def statuses(gateway: Gateway, number: int) -> list[int]:
    """Of so many different requests at once."""
    bodies = [body_of(f"{one:02}") for one in range(number)]
    with ThreadPoolExecutor(number) as pool:
        return [reply.status_code for reply in pool.map(lambda body: post(gateway, body), bodies)]


@pytest.mark.parametrize("given", [5, 66])
def test_requests_at_once_never_go_over_the_budget(tmp_path: Path, given: int) -> None:
    """Each takes less than its most, or all of it: the budget holds, and whatever fits is asked."""
    budget = 1_000
    answer = hostile.slow(0.02, hostile.chat("x", given=given, made=16))
    with hostile.serving(answer) as endpoint:
        spec = spec_of(endpoint, budget_tokens=budget, budget_dollars=None, concurrency=32)
        with Gateway(spec, journal=tmp_path, limits=HASTY) as gateway:
            found = statuses(gateway, 80)
            spent = gateway.spent()
            ended = gateway.ended()
    used = spent.input_tokens + spent.output_tokens
    assert budget - MOST < used <= budget
    assert found.count(200) == spent.requests == len(endpoint.calls)
    assert found.count(402) == 80 - spent.requests
    assert ended is not None
    assert (ended.kind, ended.code) == ("budget", "budget")
    assert f"{used:,} tokens" in ended.message


def test_dollars_are_held_too(tmp_path: Path) -> None:
    price = Price(input=10.0, output=1_000.0, cached=1.0)
    usage = {"prompt_tokens_details": {"cached_tokens": 20}}
    with hostile.serving(hostile.chat("x", given=30, made=10, **usage)) as endpoint:
        spec = spec_of(endpoint, budget_tokens=None, budget_dollars=0.1, price=price, concurrency=16)
        with Gateway(spec, journal=tmp_path, limits=HASTY) as gateway:
            found = statuses(gateway, 20)
            spent = gateway.spent()
    each = (10 * 10 + 20 * 1 + 10 * 1_000) / 1e6
    most = (66 * 10 + 16 * 1_000) / 1e6
    assert spent.dollars == pytest.approx(each * found.count(200))
    assert 0.1 - most < spent.dollars <= 0.1
    assert spent.cached_tokens == 20 * found.count(200)


def test_what_earlier_attempts_spent_counts(tmp_path: Path) -> None:
    with hostile.serving() as endpoint:
        told = Spent(requests=10, input_tokens=900, output_tokens=50)
        with Gateway(spec_of(endpoint, budget_tokens=1_000, spent=told), journal=tmp_path) as gateway:
            assert post(gateway).status_code == 402
            assert gateway.spent() == told
    assert endpoint.calls == []


def test_known_answers_are_given_without_a_budget(tmp_path: Path) -> None:
    with hostile.serving() as endpoint:
        with Gateway(spec_of(endpoint), journal=tmp_path) as gateway:
            post(gateway)
        with Gateway(spec_of(endpoint, budget_tokens=1), journal=tmp_path) as gateway:
            assert post(gateway, body_of("other")).status_code == 402
            assert post(gateway).status_code == 200


def test_what_nobody_knows_counts_with_the_most(tmp_path: Path) -> None:
    """Every time-out may have been paid: two of them, and the third is not risked."""
    with hostile.serving(hostile.hang(10)) as endpoint:
        spec = spec_of(endpoint, budget_tokens=2 * MOST + 10, budget_dollars=None)
        with Gateway(spec, journal=tmp_path, limits=HASTY) as gateway:
            assert post(gateway, body_of("Hi")).status_code == 402
            spent = gateway.spent()
            assert (spent.unknown, spent.input_tokens + spent.output_tokens) == (2, 2 * MOST)
    assert len(endpoint.calls) == 2


@pytest.mark.parametrize(
    ("sampling", "output"),
    [(Sampling(), 16), (Sampling(max_tokens=500), 500), (Sampling(thinking_tokens=200), 216)],
)
def test_thinking_is_reserved_too(tmp_path: Path, sampling: Sampling, output: int) -> None:
    with hostile.serving() as endpoint:
        for budget, status in ((66 + output - 1, 402), (66 + output, 200)):
            spec = spec_of(endpoint, budget_tokens=budget, budget_dollars=None, sampling=sampling)
            with Gateway(spec, journal=None, limits=HASTY) as gateway:
                assert post(gateway).status_code == status
    assert endpoint.bodies[0]["max_tokens"] == output


def test_a_budget_in_dollars_needs_a_price(tmp_path: Path) -> None:
    with hostile.serving() as endpoint, Gateway(spec_of(endpoint, price=None), journal=tmp_path) as gateway:
        reply: Any = post(gateway)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "no_price")
    assert endpoint.calls == []


def test_meters(tmp_path: Path) -> None:
    """Reasoning tokens are part of the output; the first token of a stream is timed apart from the last."""
    events = [
        {"choices": [{"delta": {"reasoning_content": "hm"}}]}, *hostile.deltas("a b c d"),
        {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 30, "total_tokens": 37,
                                  "completion_tokens_details": {"reasoning_tokens": 26}}}, "[DONE]",
    ]  # fmt: skip
    with (
        hostile.serving(hostile.streamed(events, pause=0.05)) as endpoint,
        Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway,
    ):
        for number in range(5):
            post(gateway, body_of(str(number)))
        spent = gateway.spent()
    assert (spent.output_tokens, spent.reasoning_tokens) == (150, 130)
    assert spent.p50_seconds is not None
    assert spent.p95_seconds is not None
    assert spent.p50_first_token_seconds is not None
    assert spent.p50_first_token_seconds < 0.1 < 0.3 < spent.p50_seconds <= spent.p95_seconds
    assert sum(spent.latency) == 5
