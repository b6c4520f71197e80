"""The pace against servers that are made up: time is a number here."""

import heapq
import math
import random

import pytest

from evaluator.gateway.pacing import Pacer


def run(
    *,
    seconds: float,
    limit: float = math.inf,
    store: float = math.inf,
    at_once: int | None = None,
    latency: float = 0.05,
    most: int = 32,
    retry_after: float = 1.0,
) -> tuple[float, float]:
    """Answers a second, and the share of requests refused, against a token bucket and a bound of requests at once."""
    pacer, chance = Pacer(most), random.Random(1)
    now, filled, tokens, answered, refused = 0.0, 0.0, store, 0, 0
    under_way: list[tuple[float, float, bool]] = []
    while now < seconds:
        wait = pacer.wait(now)
        if wait <= 0:
            pacer.sent(now)
            tokens, filled = min(store, tokens + (now - filled) * limit) if limit < math.inf else store, now
            taken = tokens >= 1 and (at_once is None or sum(good for *_, good in under_way) < at_once)
            tokens -= taken
            heapq.heappush(under_way, (now + (latency * chance.uniform(0.8, 1.2) if taken else 0.003), now, taken))
            continue
        back = under_way[0][0] if under_way else math.inf
        if now + wait < back:
            now += wait + 1e-6
            continue
        now, sent_at, taken = heapq.heappop(under_way)
        pacer.back()
        answered, refused = answered + taken, refused + (not taken)
        if taken:
            pacer.answered()
        else:
            pacer.throttled(now, sent_at, retry_after)
    return answered / seconds, refused / (answered + refused)


@pytest.mark.parametrize("latency", [0.02, 0.2, 0.5])
@pytest.mark.parametrize("retry_after", [0.0, 1.0])
def test_a_limit_of_requests_a_second_is_found_and_kept(latency: float, retry_after: float) -> None:
    """A store of one second's requests, as most providers have."""
    rate, refused = run(seconds=40, limit=50, store=50, latency=latency, retry_after=retry_after)
    assert rate > 0.85 * 50
    assert refused < 0.03


def test_a_limit_without_a_store_is_found_too() -> None:
    rate, refused = run(seconds=90, limit=50, store=5, retry_after=0.0)
    assert rate > 0.85 * 50
    assert refused < 0.02


def test_a_slow_limit_is_waited_for() -> None:
    """Sixty a minute, and a Retry-After of five seconds."""
    rate, refused = run(seconds=600, limit=1, store=10, latency=2.0, retry_after=5.0)
    assert rate > 0.9
    assert refused < 0.12


def test_a_bound_of_requests_at_once_that_is_told_by_429_is_lived_with() -> None:
    rate, refused = run(seconds=120, at_once=4, latency=1.0, retry_after=0.0)
    assert rate > 0.7 * 4
    assert refused < 0.1


def test_without_a_limit_nothing_is_held_back() -> None:
    rate, refused = run(seconds=20, latency=0.1, most=32)
    assert rate == pytest.approx(32 / 0.1, rel=0.05)
    assert refused == 0


def test_the_submissions_bound_holds_whatever_happens() -> None:
    pacer = Pacer(2)
    for _ in range(50):
        while pacer.wait(0.0) == 0:
            pacer.sent(0.0)
        assert pacer.in_flight <= 2
        pacer.back()
        pacer.answered()


def test_overload_halves_what_is_under_way_once_a_round_trip() -> None:
    pacer = Pacer(64)
    for _ in range(60):
        pacer.sent(0.0)
        pacer.back()
        pacer.answered()
    assert pacer.window == 64
    for _ in range(40):
        pacer.sent(1.0)
    for _ in range(8):
        pacer.back()
        pacer.overloaded(2.0, sent_at=1.0, pause=0.0)
    assert pacer.window == 20
    pacer.overloaded(3.0, sent_at=2.5, pause=0.0)
    assert pacer.window == 10
    pacer.answered()
    assert 10 < pacer.window < 10.2


def test_a_pause_stops_everything() -> None:
    pacer = Pacer(8)
    pacer.sent(10.0)
    pacer.back()
    pacer.throttled(10.1, sent_at=10.0, pause=3.0)
    assert pacer.wait(10.1) == pytest.approx(3.0)
    assert pacer.wait(13.1) == 0
