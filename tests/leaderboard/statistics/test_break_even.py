import dataclasses
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.statistics.break_even import break_even
from leaderboard.statistics.cost import HOURS, Plan, Tariff, curve, monthly
from tests.leaderboard.statistics.test_cost import PLANS

MONTH = HOURS * 3_600
ONE = Plan(requests=1, input=1_000, output=0, curve=curve([1]), price=1.0, throughput=1_000.0)
"""A GPU for $730 a month that answers 2,628 million tokens: $0.2778 a million when full."""


def test_one_gpu_against_an_api_by_hand() -> None:
    """At $1 a million the API costs $730 at 730 million tokens. From there on the GPU is cheaper, and so is the second
    one as soon as it is needed: 2,628 million cost $2,628 there, and $1,460 on two GPUs."""
    found = break_even(ONE, Tariff(1.0, 1.0))
    assert found is not None
    assert (found.first, found.always, found.exact) == (pytest.approx(7.3e8), pytest.approx(7.3e8), True)


def test_between_first_and_always_it_changes_with_every_gpu() -> None:
    """At $0.40 a million the first GPU wins from 1,825 to 2,628 million tokens ($730 to $1,051); the second ($1,460)
    only from 3,650, the third ($2,190) from 5,475 of its 7,884, and is needed from 5,256 on: $2,102.40 at the API. The
    fourth ($2,920) is needed from 7,884, where the API asks $3,153.60. So it is always cheaper from 5,475 on."""
    found = break_even(ONE, Tariff(0.4, 0.4))
    assert found is not None
    assert found.first == pytest.approx(1.825e9)
    assert found.always == pytest.approx(5.475e9)


def test_staff_moves_it_up() -> None:
    """$2,000 with one GPU, at $1 a million; the second makes it $2,730, and is needed from 2,628 million on."""
    found = break_even(dataclasses.replace(ONE, staff=1_270), Tariff(1.0, 1.0))
    assert found is not None
    assert (found.first, found.always) == (pytest.approx(2e9), pytest.approx(2.73e9))


def test_an_api_below_the_price_of_a_full_gpu_is_never_reached() -> None:
    assert break_even(ONE, Tariff(0.27, 0.27)) is None
    assert break_even(ONE, Tariff(0.0, 0.0)) is None
    assert break_even(dataclasses.replace(ONE, utilisation=0.5), Tariff(0.5, 0.5)) is None  # $0.556 when half full


def test_too_many_steps_give_a_bound_that_holds_and_no_wait() -> None:
    """An API that asks hardly more than the machines cost: millions of GPUs would have to be looked at."""
    almost = Tariff(0.27778, 0.27778)
    begun = time.perf_counter()
    found = break_even(dataclasses.replace(ONE, staff=1), almost)
    assert time.perf_counter() - begun < 0.5
    assert found is not None
    assert not found.exact
    beyond = found.always * np.linspace(1, 1.2, 500)
    assert (monthly(dataclasses.replace(ONE, staff=1), beyond) <= 0.27778e-6 * beyond * (1 + 1e-9)).all()


@given(PLANS, st.floats(0.001, 100), st.floats(0.001, 100))
def test_before_it_the_api_is_cheaper_and_after_it_never(plan: Plan, price_in: float, price_out: float) -> None:
    tariff = Tariff(price_in, price_out)
    found = break_even(plan, tariff)
    line = tariff.request(plan.input, plan.output) / plan.each
    if found is None:
        volumes = np.geomspace(1, 1e15, 3_000)
        assert (monthly(plan, volumes) >= line * volumes * (1 - 1e-9)).all()
        return
    assert 0 <= found.first <= found.always
    before = found.first * np.concatenate([np.linspace(1e-6, 1 - 1e-6, 400), 1 - np.geomspace(1e-6, 1, 100)[:-1]])
    after = found.always * np.concatenate([1 + np.geomspace(1e-9, 1e4, 600), np.linspace(1, 4, 400)])
    if found.exact:
        assert (monthly(plan, before) >= line * before * (1 - 1e-6)).all()
        assert monthly(plan, [found.first])[0] == pytest.approx(line * found.first, rel=1e-6)
    assert (monthly(plan, after) <= line * after * (1 + 1e-6)).all()
