"""What a month of tokens costs: at APIs as the catalogue prices them, and on machines of one's own as our runs measured
them. What nobody knows is not computed, and is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluator.contract import Price
from leaderboard.imports.rentals import RENTALS, Rental
from leaderboard.models import Model, Submission
from leaderboard.queries.assumptions import Assumptions, assumptions
from leaderboard.queries.endpoints import catalogue_price
from leaderboard.queries.errors import Missing
from leaderboard.queries.history import Speed, speeds_of
from leaderboard.statistics.arrays import Floats
from leaderboard.statistics.break_even import BreakEven, break_even, edges
from leaderboard.statistics.cost import (
    MILLION,
    Hosting,
    Plan,
    Step,
    Tariff,
    Varied,
    fleet,
    hosting,
    monthly,
    sensitivity,
    steps,
    token_cost,
)

OWN = "your own price"
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Of use, for which the price of a token is told."""
FACTORS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Of the volume, for the table."""
DRAWN = 300
"""Steps of the staircase that a chart draws."""
REACH = 40
"""A break-even further away than so many times the volume is told, not drawn."""


@dataclass(frozen=True)
class Offer:
    """What an API asks. `difference`: dollars a month that self-hosting costs more, None where it is not computed."""

    name: str
    price: Price
    request: float
    month: float
    for_million: float
    difference: float | None
    break_even: BreakEven | None

    def cost(self, requests: float) -> float:
        return self.request * requests


@dataclass(frozen=True)
class Volume:
    """What another volume costs; `gpus` of the busiest hour."""

    requests: float
    gpus: int | None
    month: float | None
    for_million: float | None
    apis: list[float]

    @property
    def cheapest(self) -> int | None:
        """The place of the lowest cost: 0 self-hosting, from 1 on the APIs; None unless there are two to compare."""
        known = [(cost, place) for place, cost in enumerate([self.month, *self.apis]) if cost is not None]
        return min(known)[1] if len(known) > 1 else None


@dataclass(frozen=True)
class Staircase:
    """Dollars a month by requests, up to `top`: on `places` (n + 1,) lie the edges of steps with `costs` (n,).
    `whole` False: there are too many steps, and these are only some of them."""

    places: Floats
    costs: Floats
    whole: bool

    @property
    def top(self) -> float:
        return float(self.places[-1])


@dataclass(frozen=True)
class Tco:
    """A calculation. `plan` and what follows from it are None while `missing` names what nobody has said.

    `measured`: how fast our own runs of the model were; `taken` is the one whose speed is used.
    """

    asked: Assumptions
    missing: list[str]
    measured: list[Speed]
    taken: Speed | None
    rentals: Sequence[Rental]
    offers: list[Offer]
    plan: Plan | None = None
    hosting: Hosting | None = None
    steps: list[Step] | None = None
    uses: list[tuple[float, float]] | None = None
    volumes: list[Volume] | None = None
    staircase: Staircase | None = None
    sensitivity: list[Varied] | None = None

    @property
    def peak(self) -> float:
        """The busiest hour's traffic, in means."""
        return self.asked.traffic.peak


def tco(parameters: Mapping[str, Sequence[str]]) -> Tco:
    """The calculation that a query string asks for. 2 queries and 2 for each API; raises BadQuery, Missing."""
    asked = assumptions(parameters)
    measured = [one for one in speeds_of(known(asked.model)) if one.tokens] if asked.model else []
    taken = None
    if measured and asked.values["throughput"] is None:
        taken = measured[0]
        asked = Assumptions(
            {**asked.values, "throughput": float(f"{taken.tokens:.4g}")}, asked.curve, asked.fleet, asked.model,
            asked.apis,
        )  # fmt: skip
    prices = [(name, priced(name)) for name in asked.apis]
    if asked.values["own_input"] is not None:
        own = Price(input=asked["own_input"], output=asked["own_output"], cached=asked.values["own_cached"])
        prices.append((OWN, own))
    plan = plan_of(asked)
    found = hosting(plan) if plan else None
    offers = [offer(asked, plan, found, name, price) for name, price in prices]
    missing = [name for name in ("throughput", "price") if asked.values[name] is None]
    if plan is None or found is None:
        return Tco(asked, missing, measured, taken, RENTALS, offers, volumes=volumes(asked, None, offers))
    uses = [(share, token_cost(plan.replica, plan.throughput, share)) for share in SHARES]
    return Tco(
        asked, missing, measured, taken, RENTALS, offers, plan, found, steps(plan), uses,
        volumes(asked, plan, offers), staircase(plan, offers), sensitivity(plan),
    )  # fmt: skip


def known(name: str) -> Model:
    found = Model.objects.filter(name=name).first()
    if found is None:
        raise Missing("model", f"There is no model {name[:200]!r} here.")
    return found


def priced(name: str) -> Price:
    """Today's price of a model in the catalogue; raises Missing."""
    model = Model.objects.filter(name=name).first()
    price = catalogue_price(model) if model else None
    if price is None:
        raise Missing("api", f"The catalogue has no price for {name[:200]!r}. Type it as a price of your own.")
    return price


def plan_of(asked: Assumptions) -> Plan | None:
    """None while throughput or price are not known."""
    if asked.values["throughput"] is None or asked.values["price"] is None:
        return None
    return Plan(
        requests=asked["requests"], input=asked["input"], output=asked["output"], curve=asked.traffic,
        price=asked["price"], throughput=asked["throughput"], gpus=int(asked["gpus"]),
        utilisation=asked.share("utilisation"), spare=int(asked["spare"]), hourly=asked.fleet == "hourly",
        staff=asked["staff"] * asked["wage"], other=asked["other"],
    )  # fmt: skip


def offer(asked: Assumptions, plan: Plan | None, found: Hosting | None, name: str, price: Price) -> Offer:
    tariff = Tariff(
        price.input, price.output, price.cached, *(asked.share(one) for one in ("cached", "batch", "discount"))
    )
    request = tariff.request(asked["input"], asked["output"])
    month = request * asked["requests"]
    return Offer(
        name=name, price=price, request=request, month=month,
        for_million=request / (asked["input"] + asked["output"]) * MILLION,
        difference=found.total - month if found else None, break_even=break_even(plan, tariff) if plan else None,
    )  # fmt: skip


def volumes(asked: Assumptions, plan: Plan | None, offers: list[Offer]) -> list[Volume]:
    """The costs of other volumes, the asked one among them."""
    found = []
    for factor in FACTORS:
        requests = asked["requests"] * factor
        apis = [one.cost(requests) for one in offers]
        if plan is None:
            found.append(Volume(requests, None, None, None, apis))
            continue
        tokens = np.array([requests * plan.each])
        gpus = int(fleet(plan).replicas(tokens).max()) * plan.gpus
        month = float(monthly(plan, tokens)[0])
        found.append(Volume(requests, gpus, month, month / float(tokens[0]) * MILLION, apis))
    return found


def staircase(plan: Plan, offers: list[Offer]) -> Staircase:
    """Far enough to show the volume and where each API is reached, if that is near enough to be seen."""
    reached = [one.break_even.always for one in offers if one.break_even]
    top = max([3 * plan.tokens, *(1.3 * one for one in reached if one <= REACH * plan.tokens)])
    density = fleet(plan).density
    whole = float((top * density).sum()) <= DRAWN
    places = edges(density, 0.0, top) if whole else np.linspace(0, top, DRAWN + 1)
    costs = monthly(plan, (places[:-1] + places[1:]) / 2)
    return Staircase(places / plan.each, costs, whole)


NAMES = 300


@dataclass(frozen=True)
class Choices:
    """Names that a form offers: models that were measured here, and priced ones."""

    measured: list[str]
    priced: list[str]


def choices() -> Choices:
    """2 queries."""
    ran = Submission.objects.filter(state=Submission.State.SUCCEEDED, revision__isnull=False)
    names = ran.order_by("revision__model__name").values_list("revision__model__name", flat=True).distinct()
    costly = Model.objects.filter(input_price__isnull=False, output_price__isnull=False).order_by("name")
    return Choices(list(names[:NAMES]), list(costly.values_list("name", flat=True)[:NAMES]))
