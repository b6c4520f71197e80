"""The terms of a claim's test: which rows, which tasks, which margin. Stored as JSON, read strictly."""

import math
from typing import Any, Literal

import msgspec


class BadTerms(ValueError):
    """The terms are not those of a test; the message says what is wrong."""


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of a ranking that were measured here: of one model, or of a kind of weights, or of a range of sizes. The
    best of them stands for all."""

    model: str = ""
    kind: Literal["", "open", "proprietary"] = ""
    least_parameters: float | None = None
    most_parameters: float | None = None


class At(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task of a suite."""

    suite: str
    task: str


class NotBehind(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="test", tag="not_behind"
):  # fmt: skip
    """The best of `first` is at most `margin` points behind the best of `second`, on identical items.

    `over` "mean": on the mean of the tasks, which are of one suite; "each": on every task, the best of each task.
    """

    first: Group
    second: Group
    tasks: tuple[At, ...]
    margin: float
    over: Literal["mean", "each"] = "mean"


class Cheaper(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="test", tag="cheaper"):
    """A month of self-hosting costs at least `least` percent less than an API, for every price of a GPU hour from
    `price_low` to `price_high` dollars. The claim itself says `least` to `most`.

    `model` and `api` "": the best measured open-weights model of `suite` whose throughput was measured on `hardware`
    (a part of its name), and the best proprietary one that has a price.
    """

    suite: str
    least: float
    most: float
    hardware: str
    price_low: float
    price_high: float
    requests: float
    model: str = ""
    api: str = ""


class LongerContext(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="test", tag="longer_context"):
    """The longest measured context of `first` is at least `at_least` tokens, that of `second` at most `at_most`."""

    first: Group
    second: Group
    at_least: int
    at_most: int


Terms = NotBehind | Cheaper | LongerContext
MOST_TOKENS = 10**9


def groups(terms: Terms) -> tuple[Group, ...]:
    """The groups of rows that a test compares."""
    return () if isinstance(terms, Cheaper) else (terms.first, terms.second)


def read(value: Any) -> Terms:
    """Raises BadTerms."""
    try:
        found: Terms = msgspec.convert(value, Terms)
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadTerms(f"These are no terms of a test: {error}") from error
    if not finite(value):
        raise BadTerms("Numbers of a test are finite: neither NaN nor infinite.")
    if isinstance(found, NotBehind):
        if not found.tasks or not 0 <= found.margin <= 100:
            raise BadTerms("A claim that a model is not behind names at least one task, and a margin of 0 to 100.")
        if found.over == "mean" and len({one.suite for one in found.tasks}) > 1:
            raise BadTerms("A mean is taken over tasks of one suite; with over=each they may be of several.")
    if isinstance(found, LongerContext) and not all(1 <= one <= MOST_TOKENS for one in (found.at_least, found.at_most)):
        raise BadTerms("Contexts have 1 to a billion tokens.")
    for group in groups(found):
        low, high = group.least_parameters, group.most_parameters
        if (low or 0) < 0 or (high is not None and high < (low or 0)):
            raise BadTerms("Sizes are parameters, 0 or more, and the least is not above the most.")
    if isinstance(found, Cheaper) and not (
        0 < found.price_low <= found.price_high and found.requests >= 1 and found.least <= found.most < 100
    ):
        raise BadTerms("Prices are above 0 and in order, requests at least 1, percents in order and under 100.")
    return found


def finite(value: Any) -> bool:
    """Whether JSON values hold no number that JSON has no word for."""
    if isinstance(value, dict | list | tuple):
        return all(map(finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def written(terms: Terms) -> Any:
    """As JSON values."""
    return msgspec.json.decode(msgspec.json.encode(terms))
