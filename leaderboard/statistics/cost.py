"""What tokens cost: on machines of one's own, by whole GPUs, and at an API.

A month has `HOURS` hours. A replica is a copy of the model on `gpus` GPUs; it answers `throughput` tokens a second, in
and out together, when it is always full. Of that a share, `utilisation`, may be used in the busiest hour, for whoever
fills a machine to the brim makes its users wait. Traffic follows a `Curve`; a fixed fleet is there for the busiest hour
all month long, an hourly one follows the curve. Money is US dollars; prices of tokens are for a million.

This module does not know what a model is worth: a cheaper answer may be a worse one.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from leaderboard.statistics.arrays import Floats, finite

HOURS = 8_760 / 12
"""Of a month, on average."""
SECONDS = 3_600 * HOURS
MILLION = 1e6
EXACT = 1e-9
"""Of a replica: what rounding may add to a whole number of them."""


class Curve(NamedTuple):
    """How traffic lies over the hours: each distinct `rate` relative to the mean, (k,), and its `hours` of a month,
    (k,), which sum to HOURS."""

    rates: tuple[float, ...]
    hours: tuple[float, ...]

    @property
    def peak(self) -> float:
        """The busiest hour's rate, in means."""
        return max(self.rates)


def curve(weights: ArrayLike) -> Curve:
    """Traffic whose hours weigh `weights`, (n,), again and again: of a day (24), of a week (168), or [1] for even.

    Raises ValueError for no weights, one below 0 or not finite, or none above 0.
    """
    found = finite(weights, "Weights", least=1)
    if found.ndim != 1 or (found < 0).any() or not found.any():
        raise ValueError("Weights are a list of numbers from 0, at least one of them above it.")
    rates, counts = np.unique(found / found.mean(), return_counts=True)
    return Curve(tuple(rates.tolist()), tuple((counts * HOURS / len(found)).tolist()))


@dataclass(frozen=True)
class Plan:
    """Self-hosting, with all that it is based on. `requests` a month, each of `input` and `output` tokens; `price` of a
    GPU hour; `staff` and `other` dollars a month; `spare` replicas are there in case one fails."""

    requests: float
    input: float
    output: float
    curve: Curve
    price: float
    throughput: float
    gpus: int = 1
    utilisation: float = 1.0
    spare: int = 0
    hourly: bool = False
    staff: float = 0.0
    other: float = 0.0

    def __post_init__(self) -> None:
        positive = (self.requests, self.input + self.output, self.throughput, self.gpus, self.utilisation)
        others = (self.input, self.output, self.price, self.spare, self.staff, self.other)
        if not (all(0 < one < math.inf for one in positive) and all(0 <= one < math.inf for one in others)):
            raise ValueError("Requests, tokens, throughput, GPUs and utilisation are above 0, the rest is not below.")
        if self.utilisation > 1:
            raise ValueError("Nothing is used by more than 100 %.")

    @property
    def each(self) -> float:
        """Tokens of a request, in and out."""
        return self.input + self.output

    @property
    def tokens(self) -> float:
        """Of a month."""
        return self.requests * self.each

    @property
    def replica(self) -> float:
        """Dollars of a replica's hour."""
        return self.price * self.gpus


class Hosting(NamedTuple):
    """A month of self-hosting. `gpus` are those of the busiest hour, spare ones included; `used` is the share of what
    the whole fleet could answer, and `idle` the dollars that the rest of it costs."""

    gpus: int
    gpu_hours: float
    hardware: float
    staff: float
    other: float
    tokens: float
    used: float

    @property
    def total(self) -> float:
        return self.hardware + self.staff + self.other

    @property
    def idle(self) -> float:
        return self.hardware * (1 - self.used)

    @property
    def for_million(self) -> float:
        """Dollars for a million tokens."""
        return self.total / self.tokens * MILLION


def token_cost(price: float, throughput: float, utilisation: float = 1.0) -> float:
    """Dollars for a million tokens of a machine at `price` dollars an hour that answers `utilisation` (a share) of
    `throughput` tokens a second: at 10 % ten times as much as when it is full. Raises ValueError."""
    if not (throughput > 0 and 0 < utilisation <= 1):
        raise ValueError("Throughput is above 0, utilisation a share above 0.")
    return price / (3_600 * throughput * utilisation) * MILLION


def hosting(plan: Plan) -> Hosting:
    """What a month costs."""
    found = fleet(plan)
    replicas = found.replicas(np.array([plan.tokens]))
    gpu_hours = float(replicas[0] @ found.hours) * plan.gpus
    answered = plan.throughput * 3_600 * gpu_hours / plan.gpus
    return Hosting(
        gpus=int(replicas.max()) * plan.gpus, gpu_hours=gpu_hours, hardware=gpu_hours * plan.price, staff=plan.staff,
        other=plan.other, tokens=plan.tokens, used=plan.tokens / answered,
    )  # fmt: skip


def monthly(plan: Plan, tokens: ArrayLike) -> Floats:
    """Dollars a month for other volumes, (n,), everything else as planned: a staircase."""
    found = fleet(plan)
    cost: Floats = found.replicas(np.asarray(tokens, dtype=float)) @ found.hours * plan.replica + fixed(plan)
    return cost


def fixed(plan: Plan) -> float:
    """Dollars a month whatever the volume, machines aside."""
    return plan.staff + plan.other


class Fleet(NamedTuple):
    """Groups of hours in which as many machines run: their `hours` a month, (k,), and how many replicas a month's token
    asks for in them, `density`, (k,)."""

    hours: Floats
    density: Floats
    spare: int

    def replicas(self, tokens: Floats) -> Floats:
        """Whole replicas for volumes (n,), (n, k): at least one, and the spare ones."""
        needed: Floats = np.maximum(1.0, np.ceil(tokens[:, None] * self.density - EXACT))
        return needed + self.spare


def fleet(plan: Plan) -> Fleet:
    """A fixed fleet has one group of hours, with the busiest one's traffic; an hourly one is off where none comes."""
    rates, hours = (np.array([plan.curve.peak]), np.array([HOURS]))
    if plan.hourly:
        rates, hours = np.array(plan.curve.rates), np.array(plan.curve.hours)
        rates, hours = rates[rates > 0], hours[rates > 0]
    return Fleet(hours, rates / (SECONDS * plan.throughput * plan.utilisation), plan.spare)


class Step(NamedTuple):
    """What one thing adds to the price of a million tokens."""

    name: str
    dollars: float


def steps(plan: Plan) -> list[Step]:
    """From a machine that is always full to the whole price, one cause after the other; they sum to `for_million`."""
    million = MILLION / plan.tokens
    full = token_cost(plan.replica, plan.throughput)
    room = full / plan.utilisation
    found = fleet(plan)
    curved = float(plan.tokens * found.density @ found.hours) * plan.replica * million
    alone = dataclasses.replace(plan, spare=0, staff=0.0, other=0.0)
    whole = hosting(alone).hardware * million
    spared = hosting(plan).hardware * million
    return [
        Step("full", full),
        Step("room", room - full),
        Step("curve", curved - room),
        Step("whole", whole - curved),
        Step("spare", spared - whole),
        Step("staff", plan.staff * million),
        Step("other", plan.other * million),
    ]


@dataclass(frozen=True)
class Tariff:
    """What an API asks for a million tokens. `cached_price` None: nobody knows one, and cached tokens cost as others.

    `cached`: the share of tokens in that come from a cache; `batch`: the share of requests that may wait, for which
    `discount` (a share) is taken off.
    """

    input_price: float
    output_price: float
    cached_price: float | None = None
    cached: float = 0.0
    batch: float = 0.0
    discount: float = 0.0

    def __post_init__(self) -> None:
        prices = (self.input_price, self.output_price, self.cached_price or 0.0)
        shares = (self.cached, self.batch, self.discount)
        if not (all(0 <= one < math.inf for one in prices) and all(0 <= one <= 1 for one in shares)):
            raise ValueError("Prices are not below 0, shares lie between 0 and 1.")

    def request(self, input_tokens: float, output_tokens: float) -> float:
        """Dollars of an average request."""
        known = self.input_price if self.cached_price is None else self.cached_price
        price = (1 - self.cached) * self.input_price + self.cached * known
        whole = (input_tokens * price + output_tokens * self.output_price) / MILLION
        return whole * (1 - self.batch * self.discount)


def api_month(plan: Plan, tariff: Tariff) -> float:
    """Dollars a month for the plan's requests at an API."""
    return plan.requests * tariff.request(plan.input, plan.output)


class Varied(NamedTuple):
    """One assumption changed, and the price of a million tokens (dollars) with it: lower, as planned, higher."""

    field: str
    low: float
    high: float
    at_low: float
    at_high: float

    @property
    def swing(self) -> float:
        """How much hangs on it."""
        return abs(self.at_high - self.at_low)


FACTOR = 2.0


def sensitivity(plan: Plan) -> list[Varied]:
    """Each assumption halved and doubled, all others as planned, the weightiest first.

    Shares end at 100 %, spare replicas change by one. What is 0 has no half and no double, and is left out.
    """
    return sorted((varied(plan, *change) for change in changes(plan)), key=lambda one: -one.swing)


def changes(plan: Plan) -> Iterator[tuple[str, float, float]]:
    for field in ("requests", "price", "throughput", "staff", "other"):
        value = float(getattr(plan, field))
        if value:
            yield field, value / FACTOR, value * FACTOR
    yield "utilisation", plan.utilisation / FACTOR, min(1.0, plan.utilisation * FACTOR)
    yield "spare", max(0, plan.spare - 1), plan.spare + 1


def varied(plan: Plan, field: str, low: float, high: float) -> Varied:
    at_low, at_high = (
        hosting(dataclasses.replace(plan, **{field: value})).for_million  # type: ignore[arg-type]  # numbers all
        for value in (low, high)
    )
    return Varied(field, low, high, at_low, at_high)
