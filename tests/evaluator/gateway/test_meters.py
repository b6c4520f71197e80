"""The small parts that the gateway's counts and waits are made of."""

import random
import time
from email.utils import formatdate

import numpy as np
import pytest

from evaluator.contract import Spent
from evaluator.gateway.faults import retry_after
from evaluator.gateway.meter import Cost, Meter, quantile


@pytest.mark.parametrize("share", [0.5, 0.95])
@pytest.mark.parametrize("middle", [0.05, 1.0, 30.0])
def test_quantiles_are_off_by_a_tenth_at_most_and_a_bound(share: float, middle: float) -> None:
    chance = random.Random(7)
    seconds = [chance.lognormvariate(np.log(middle), 0.5) for _ in range(2_000)]
    meter = Meter(Spent())
    for number, one in enumerate(seconds):
        meter.reserve(number, Cost())
        meter.answered(number, Cost(), one, one / 2)
    spent = meter.spent()
    found = {0.5: spent.p50_seconds, 0.95: spent.p95_seconds}[share]
    assert found == pytest.approx(np.quantile(seconds, share), rel=0.13)
    assert spent.p50_first_token_seconds == pytest.approx(np.median(seconds) / 2, rel=0.13)
    assert sum(spent.latency) == 2_000


def test_quantiles_at_the_ends() -> None:
    assert quantile([], 0.5) is None
    assert quantile([0] * 51, 0.5) is None
    assert quantile([1] + [0] * 50, 0.5) == pytest.approx(0.01, rel=0.13)
    longest = quantile([0] * 50 + [1], 0.95)
    assert longest is not None
    assert longest > 400


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7), ({"retry-after": " 0.5 "}, 0.5), ({"retry-after": "500"}, 60),
        ({"retry-after": "1e400"}, 60), ({"retry-after": "-3"}, 0), ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None), ({}, None), ({"retry-after": "Mon, 99 Foo 2026"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0), ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 60),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25), ({"retry-after-ms": "x", "retry-after": "9"}, 9),
    ],
)  # fmt: skip
def test_what_an_endpoint_asks_us_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, 60) == seconds


def test_a_date_is_a_time_to_wait() -> None:
    soon = retry_after({"retry-after": formatdate(time.time() + 20, usegmt=True)}, 60)
    assert soon is not None
    assert 17 < soon <= 20
