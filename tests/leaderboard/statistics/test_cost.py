import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.statistics.cost import (
    HOURS,
    MILLION,
    Curve,
    Plan,
    Tariff,
    api_month,
    curve,
    hosting,
    monthly,
    sensitivity,
    steps,
    token_cost,
)

EVEN = curve([1])
WEIGHTS = st.lists(st.floats(0, 100), min_size=1, max_size=30).filter(any)
PLANS = st.builds(
    Plan,
    requests=st.floats(1, 1e8),
    input=st.floats(1, 1e4),
    output=st.floats(0, 1e4),
    curve=WEIGHTS.map(curve),
    price=st.floats(0.01, 50),
    throughput=st.floats(1, 1e5),
    gpus=st.integers(1, 16),
    utilisation=st.floats(0.01, 1),
    spare=st.integers(0, 3),
    hourly=st.booleans(),
    staff=st.floats(0, 1e5),
    other=st.floats(0, 1e5),
)


def test_a_token_costs_ten_times_as_much_at_a_tenth_of_the_use() -> None:
    """A GPU for $3.60 an hour with 1,000 tokens a second: 3.6 million tokens an hour, so $1 a million when full."""
    assert token_cost(3.6, 1_000) == pytest.approx(1.0)
    assert token_cost(3.6, 1_000, 0.1) == pytest.approx(10.0)


@given(st.floats(0.01, 100), st.floats(1, 1e6), st.floats(0.01, 1))
def test_the_price_of_a_token_is_inverse_to_the_use(price: float, throughput: float, share: float) -> None:
    assert token_cost(price, throughput, share) == pytest.approx(token_cost(price, throughput) / share)


@pytest.mark.parametrize(("throughput", "share"), [(0, 1), (-1, 1), (100, 0), (100, 1.01), (math.nan, 1)])
def test_machines_that_answer_nothing_have_no_price(throughput: float, share: float) -> None:
    with pytest.raises(ValueError):
        token_cost(1.0, throughput, share)


def test_a_month_worked_by_hand() -> None:
    """2.628 million requests of 1,000 tokens: 1,000 tokens a second on average, 3,000 in the busiest hour.

    A replica may take 80 % of 1,000: 3,000 / 800 = 3.75, so four and a spare one, each on two GPUs. 730 h x 10 GPUs =
    7,300 GPU hours at $2 = $14,600; they could answer 5 x 1,000 tokens a second, so 20 % is used and 80 % idle.
    """
    plan = Plan(
        requests=2.628e6, input=800, output=200, curve=curve([3, 1, 1, 1, 0, 0, 1, 1]), price=2.0, throughput=1_000,
        gpus=2, utilisation=0.8, spare=1, staff=3_000, other=400,
    )  # fmt: skip
    found = hosting(plan)
    assert plan.tokens / (HOURS * 3_600) == pytest.approx(1_000)
    assert (found.gpus, found.gpu_hours, found.hardware) == (10, pytest.approx(7_300), pytest.approx(14_600))
    assert (found.used, found.idle) == (pytest.approx(0.2), pytest.approx(11_680))
    assert found.total == pytest.approx(18_000)
    assert found.for_million == pytest.approx(18_000 / 2_628)
    by_name = {one.name: one.dollars for one in steps(plan)}
    assert by_name == pytest.approx(
        {
            "full": 4 / 3.6,  # $4 an hour for a replica's 3.6 million tokens
            "room": 4 / 3.6 / 0.8 - 4 / 3.6,
            "curve": 2 * 4 / 3.6 / 0.8,  # three times as many machines as the mean needs
            "whole": (4 - 3.75) * 4 * 730 / 2_628,
            "spare": 4 * 730 / 2_628,
            "staff": 3_000 / 2_628,
            "other": 400 / 2_628,
        }
    )


def test_machines_that_follow_the_traffic_are_off_at_night() -> None:
    """Half of the hours have all the traffic: half of the machine hours, and no spare one where there is no traffic."""
    plan = Plan(requests=2.628e6, input=1_000, output=0, curve=curve([1, 0]), price=1.0, throughput=1_000, spare=1)
    assert hosting(plan).gpu_hours == pytest.approx(730 * (2 + 1))
    assert hosting(dataclasses.replace(plan, hourly=True)).gpu_hours == pytest.approx(365 * (2 + 1))


def test_a_curve_keeps_its_hours() -> None:
    found = curve([0] * 16 + [2] * 4 + [4] * 4)
    assert found.rates == pytest.approx((0, 2, 4))  # the mean weight is 24 / 24 = 1
    assert found.hours == pytest.approx((HOURS * 16 / 24, HOURS / 6, HOURS / 6))
    assert found.peak == 4
    assert curve([7]) == Curve((1.0,), (HOURS,))


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [1, math.nan], [1, math.inf], [[1, 2]]])
def test_no_traffic_has_no_curve(weights: list[float]) -> None:
    with pytest.raises(ValueError):
        curve(weights)


@given(WEIGHTS)
def test_curves_sum_to_a_month_with_a_mean_of_one(weights: list[float]) -> None:
    found = curve(weights)
    assert sum(found.hours) == pytest.approx(HOURS)
    assert float(np.dot(found.rates, found.hours)) == pytest.approx(HOURS)
    assert found.peak >= 1 - 1e-9


@given(PLANS)
def test_the_causes_sum_to_the_price(plan: Plan) -> None:
    found = steps(plan)
    assert sum(one.dollars for one in found) == pytest.approx(hosting(plan).for_million)
    assert all(one.dollars >= -1e-6 * hosting(plan).for_million for one in found)


@given(PLANS)
def test_machines_suffice_and_not_one_is_too_many(plan: Plan) -> None:
    found = hosting(plan)
    needed = plan.tokens / (HOURS * 3_600) * plan.curve.peak / (plan.throughput * plan.utilisation)
    replicas = found.gpus / plan.gpus - plan.spare
    assert needed <= replicas + 1e-6 * needed
    assert replicas < needed + 1 or replicas == 1
    assert 0 < found.used <= plan.utilisation + 1e-9
    assert 0 <= found.idle <= found.hardware
    assert found.total == pytest.approx(monthly(plan, [plan.tokens])[0])


@given(PLANS, st.floats(1.01, 10))
def test_more_volume_never_costs_less_and_a_better_plan_never_more(plan: Plan, factor: float) -> None:
    cost = hosting(plan).total
    assert hosting(dataclasses.replace(plan, requests=plan.requests * factor)).total >= cost - 1e-9 * cost
    assert hosting(dataclasses.replace(plan, throughput=plan.throughput * factor)).total <= cost + 1e-9 * cost
    assert hosting(dataclasses.replace(plan, hourly=True)).total <= cost + 1e-9 * cost
    assert hosting(dataclasses.replace(plan, spare=plan.spare + 1)).total >= cost


@given(PLANS)
def test_sensitivities_are_what_a_plan_so_changed_costs(plan: Plan) -> None:
    found = sensitivity(plan)
    assert [one.swing for one in found] == sorted((one.swing for one in found), reverse=True)
    for one in found:
        again = hosting(dataclasses.replace(plan, **{one.field: one.high})).for_million
        assert one.at_high == pytest.approx(again)
        assert 0 <= one.low <= getattr(plan, one.field) <= one.high


@pytest.mark.parametrize(
    "change",
    [
        {"requests": 0}, {"throughput": 0}, {"utilisation": 0}, {"utilisation": 1.2}, {"gpus": 0}, {"price": -1},
        {"spare": -1}, {"input": 0, "output": 0}, {"price": math.nan}, {"staff": math.inf},
    ],
)  # fmt: skip
def test_plans_that_cannot_be_are_refused(change: dict[str, float]) -> None:
    usual = {"requests": 1e6, "input": 500, "output": 100, "curve": EVEN, "price": 1.0, "throughput": 100.0}
    with pytest.raises(ValueError):
        Plan(**(usual | change))  # type: ignore[arg-type]


def test_an_api_worked_by_hand() -> None:
    """1,000 tokens in at $2, 40 % of them cached at $0.50, and 200 out at $10: (600 x 2 + 400 x 0.5 + 200 x 10) / 10^6
    = $0.0034; half of the requests at half price: three quarters of it."""
    assert Tariff(2, 10, 0.5, cached=0.4).request(1_000, 200) == pytest.approx(0.0034)
    half = Tariff(2, 10, 0.5, cached=0.4, batch=0.5, discount=0.5)
    assert half.request(1_000, 200) == pytest.approx(0.00255)
    plan = Plan(requests=1e6, input=1_000, output=200, curve=EVEN, price=1, throughput=1)
    assert api_month(plan, half) == pytest.approx(2_550)


def test_a_cache_without_a_known_price_is_no_discount() -> None:
    assert Tariff(2, 10, None, cached=0.9).request(1_000, 0) == Tariff(2, 10).request(1_000, 0)


@pytest.mark.parametrize("change", [{"cached": 1.1}, {"batch": -0.1}, {"discount": 2}, {"input_price": -1}])
def test_tariffs_that_cannot_be_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Tariff(**({"input_price": 1.0, "output_price": 1.0} | change))


@given(st.floats(0, 100), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_discounts_never_make_an_api_dearer(price: float, cached: float, batch: float, discount: float) -> None:
    plain = Tariff(price, price).request(700, 300)
    assert plain == pytest.approx(price * 1_000 / MILLION)
    reduced = Tariff(price, price, price / 2, cached, batch, discount)
    assert 0 <= reduced.request(700, 300) <= plain + 1e-12
