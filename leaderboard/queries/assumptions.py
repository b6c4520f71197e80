"""What a calculation of costs is based on: each assumption is a parameter of its address, with bounds and a default."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from leaderboard.queries.errors import BadQuery
from leaderboard.statistics.cost import Curve, curve


@dataclass(frozen=True)
class Field:
    """A number. `default` "": there is none, and without it some things are not computed."""

    name: str
    title: str
    unit: str
    default: str
    most: float
    least: float = 0.0
    whole: bool = False
    help: str = ""


TRAFFIC = (
    Field("requests", "Requests", "a month", "1000000", 1e12, 1, whole=True),
    Field("input", "Tokens in", "a request", "1000", 1e7, 1),
    Field("output", "Tokens out", "a request", "250", 1e7, 0),
)
MACHINES = (
    Field("throughput", "Throughput of a replica", "tokens/s", "", 1e9, 0.001, help="in and out together, when full"),
    Field("price", "Price of a GPU", "$ an hour", "", 1e5, 0),
    Field("gpus", "GPUs of a replica", "", "1", 4096, 1, whole=True),
    Field("utilisation", "Used in the busiest hour", "%", "60", 100, 0.1, help="of the throughput; fuller ones queue"),
    Field("spare", "Spare replicas", "", "1", 1000, 0, whole=True, help="for one that fails or is replaced"),
)
PEOPLE = (
    Field("staff", "People’s time", "hours a month", "20", 1e5, 0),
    Field("wage", "An hour of it", "$", "90", 1e5, 0),
    Field("other", "Everything else", "$ a month", "0", 1e9, 0, help="storage, network, monitoring, licences"),
)
DISCOUNTS = (
    Field("cached", "Tokens in from a cache", "%", "0", 100),
    Field("batch", "Requests that can wait", "%", "0", 100, help="sent as a batch"),
    Field("discount", "Off for a batch", "%", "50", 100),
)
OWN = (
    Field("own_input", "In", "$", "", 1e6),
    Field("own_output", "Out", "$", "", 1e6),
    Field("own_cached", "In, from a cache", "$", "", 1e6),
)
FIELDS = {field.name: field for group in (TRAFFIC, MACHINES, PEOPLE, DISCOUNTS, OWN) for field in group}

FLEETS = {"fixed": "There all month, for the busiest hour", "hourly": "Switched on and off hour by hour"}
DAY = (3, 2, 2, 2, 2, 3, 4, 6, 8, 10, 11, 11, 10, 11, 11, 11, 10, 9, 8, 7, 6, 6, 5, 4)
WORKDAY = (0, 0, 0, 0, 0, 0, 0, 2, 6, 10, 10, 9, 8, 10, 10, 9, 6, 3, 1, 0, 0, 0, 0, 0)
CURVES: dict[str, tuple[float, ...]] = {
    "flat": (1,),
    "day": DAY,
    "office": WORKDAY * 5 + (0,) * 48,
    "burst": (1,) * 23 + (10,),
}
"""Traffic by the hour, of a day or a week, as weights."""
MOST_WEIGHTS = 168
MOST_APIS = 5
NAME = 200


@dataclass(frozen=True)
class Assumptions:
    """`values`: by field, None where none is given and there is no default; shares are in percent, as typed."""

    values: Mapping[str, float | None]
    curve: str
    fleet: str
    model: str
    apis: tuple[str, ...]

    def __getitem__(self, name: str) -> float:
        """A number that is there."""
        found = self.values[name]
        assert found is not None, name
        return found

    def share(self, name: str) -> float:
        return self[name] / 100

    @property
    def requests_a_month(self) -> float:
        return self["requests"]

    @property
    def cached_share(self) -> float:
        return self.share("cached")

    @property
    def utilisation_percent(self) -> float:
        return self["utilisation"]

    @property
    def spare_replicas(self) -> float:
        return self["spare"]

    @property
    def traffic(self) -> Curve:
        return curve_of(self.curve)

    def query(self, **changed: float | str) -> str:
        """The query string that holds all of them, some changed."""
        pairs = [(name, written(value)) for name, value in (dict(self.values) | changed).items() if value is not None]
        words = [("curve", self.curve), ("fleet", self.fleet), ("model", self.model)]
        return "?" + urlencode([*pairs, *(one for one in words if one[1]), *(("api", name) for name in self.apis)])


def written(value: float | str) -> str:
    """A number as it is typed: "1000000", "0.5"."""
    if isinstance(value, str):
        return value
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def assumptions(asked: Mapping[str, Sequence[str]]) -> Assumptions:
    """Those of a query string, each parameter with its values; raises BadQuery, with the parameter as its field."""
    names = tuple(dict.fromkeys(one.strip() for one in asked.get("api", ()) if one.strip()))
    if len(names) > MOST_APIS:
        raise BadQuery("api", f"At most {MOST_APIS} APIs are compared at once.")
    for name in (*names, text_of(asked, "model")):
        if len(name) > NAME or "\x00" in name:
            raise BadQuery("model" if name not in names else "api", f"{name[:40]!r} is no model’s name.")
    fleet, shape = text_of(asked, "fleet") or "fixed", text_of(asked, "curve") or "day"
    if fleet not in FLEETS:
        raise BadQuery("fleet", f"A fleet is {' or '.join(FLEETS)}, not {fleet[:40]!r}.")
    curve_of(shape)
    found = Assumptions(
        {name: value_of(field, text_of(asked, name)) for name, field in FIELDS.items()},
        shape, fleet, text_of(asked, "model"), names,
    )  # fmt: skip
    if (found.values["own_input"] is None) != (found.values["own_output"] is None):
        raise BadQuery("own_input", "Give both prices of your own, for tokens in and out.")
    return found


def text_of(asked: Mapping[str, Sequence[str]], name: str) -> str:
    given: Any = asked.get(name, ())
    return str(given[-1]).strip() if given else ""


def value_of(field: Field, text: str) -> float | None:
    """The number that `text` says, or the default where it is empty."""
    text = text or field.default
    if not text:
        return None
    value = number(text)
    if value is None:
        raise BadQuery(field.name, f"{field.title} is a plain number such as 1200 or 0.5, not {text[:40]!r}.")
    if field.whole and value != int(value):
        raise BadQuery(field.name, f"{field.title} is a whole number, not {text[:40]}.")
    if not field.least <= value <= field.most:
        raise BadQuery(field.name, f"{field.title} lies from {field.least:g} to {field.most:g}, not at {text[:40]}.")
    return value


def number(text: str) -> float | None:
    """A plain decimal number, None for anything else."""
    try:
        value = float(text) if text.isascii() and len(text) <= 40 and "_" not in text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def curve_of(text: str) -> Curve:
    """The traffic that a name or 1 to 168 numbers with commas between them say; raises BadQuery."""
    if text in CURVES:
        return curve(CURVES[text])
    weights = [number(one.strip()) for one in text.split(",", MOST_WEIGHTS)]
    known = [one for one in weights if one is not None and 0 <= one <= 1e9]
    if len(known) != len(weights) or len(known) > MOST_WEIGHTS or not any(known):
        raise BadQuery(
            "curve",
            f"A traffic curve is {', '.join(CURVES)}, or the weights of a day’s 24 or a week’s 168 hours: numbers from "
            f"0 with commas between them, not {text[:40]!r}.",
        )
    return curve(known)
