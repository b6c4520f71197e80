"""What was asked and what it cost, and what may still be asked. Used by one thread, read by any."""

import math
import threading
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import msgspec

from evaluator.contract import LATENCY_BOUNDS, Price, Spent
from evaluator.gateway.asking import Usage

KINDS = 90
"""Kinds of errors that are told apart; a hostile endpoint has hundreds of statuses."""
MOST = 2**62


@dataclass(frozen=True)
class Cost:
    """Tokens and dollars of one exchange: what it cost, or the most that it can have cost."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0
    dollars: float = 0.0

    @classmethod
    def of(cls, usage: Usage, price: Price | None) -> "Cost":
        dollars = 0.0
        if price is not None:
            cached = price.input if price.cached is None else price.cached
            dollars = ((usage.input - usage.cached) * price.input + usage.cached * cached) / 1e6
            dollars += usage.output * price.output / 1e6
        return cls(usage.input, usage.output, usage.cached, usage.reasoning, dollars)

    @property
    def tokens(self) -> int:
        return self.input + self.output


@dataclass
class Meter:
    """`base`: what earlier attempts spent. Reserved costs count against the budget until they are settled."""

    base: Spent
    budget_tokens: int | None = None
    budget_dollars: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _reserved: dict[int, Cost] = field(default_factory=dict)
    _first_token: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS) + 1))

    def __post_init__(self) -> None:
        self._spent = self.base

    def start(self, base: Spent) -> None:
        """With what earlier attempts spent, as it turned out."""
        with self._lock:
            self.base = self._spent = base

    def fits(self, most: Cost) -> bool:
        """Whether `most` can be paid, should everything in flight cost its most too."""
        held = [*self._reserved.values(), most]
        tokens = self._spent.input_tokens + self._spent.output_tokens + sum(one.tokens for one in held)
        dollars = self._spent.dollars + math.fsum(one.dollars for one in held)
        within = self.budget_tokens is None or tokens <= self.budget_tokens
        return within and (self.budget_dollars is None or dollars <= self.budget_dollars)

    @property
    def waiting(self) -> bool:
        """Whether something in flight may turn out cheaper than reserved."""
        return bool(self._reserved)

    def reserved(self, number: int) -> Cost:
        return self._reserved[number]

    def reserve(self, number: int, most: Cost) -> None:
        self._reserved[number] = most

    def answered(self, number: int, cost: Cost, seconds: float, first_token: float | None) -> None:
        """An answer came after `seconds`, its first token after `first_token`."""
        self._reserved.pop(number)
        with self._lock:
            counts = list(self._spent.latency) or [0] * (len(LATENCY_BOUNDS) + 1)
            counts[bisect_left(LATENCY_BOUNDS, seconds)] += 1
            if first_token is not None:
                self._first_token[bisect_left(LATENCY_BOUNDS, first_token)] += 1
            spent = self._spent
            self._spent = msgspec.structs.replace(
                added(spent, cost),
                requests=spent.requests + 1,
                latency=tuple(counts),
            )

    def failed(self, number: int, kind: str, *, unknown: Cost | None) -> None:
        """No answer came. `unknown`: the most that it can have cost, where nobody knows."""
        self._reserved.pop(number)
        with self._lock:
            errors = dict(self._spent.errors)
            kind = kind if kind in errors or len(errors) < KINDS else "other"
            errors[kind] = errors.get(kind, 0) + 1
            self._spent = msgspec.structs.replace(lost(self._spent, unknown), errors=errors)

    def gone(self, number: int) -> None:
        """It was sent and given up by ourselves: nobody knows what it cost, and the endpoint is not to blame."""
        unknown = self._reserved.pop(number)
        with self._lock:
            self._spent = lost(self._spent, unknown)

    def gone_all(self) -> None:
        """Everything that was under way."""
        for number in list(self._reserved):
            self.gone(number)

    def replayed(self) -> None:
        with self._lock:
            self._spent = msgspec.structs.replace(self._spent, replayed=self._spent.replayed + 1)

    def spent(self) -> Spent:
        """So far, with the quantiles."""
        with self._lock:
            spent, first = self._spent, list(self._first_token)
        return msgspec.structs.replace(
            spent,
            p50_seconds=quantile(spent.latency, 0.5) or spent.p50_seconds,
            p95_seconds=quantile(spent.latency, 0.95) or spent.p95_seconds,
            p50_first_token_seconds=quantile(first, 0.5) or spent.p50_first_token_seconds,
        )


def added(spent: Spent, cost: Cost) -> Spent:
    return msgspec.structs.replace(
        spent,
        input_tokens=min(MOST, spent.input_tokens + cost.input),
        output_tokens=min(MOST, spent.output_tokens + cost.output),
        cached_tokens=min(MOST, spent.cached_tokens + cost.cached),
        reasoning_tokens=min(MOST, spent.reasoning_tokens + cost.reasoning),
        dollars=min(1e12, spent.dollars + cost.dollars),
    )


def lost(spent: Spent, unknown: Cost | None) -> Spent:
    """With an exchange of which nobody knows what it cost."""
    if unknown is None:
        return spent
    return msgspec.structs.replace(added(spent, unknown), unknown=spent.unknown + 1)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Seconds from counts between LATENCY_BOUNDS, in the middle (by ratio) of the one that it falls into."""
    total = sum(counts)
    if not total:
        return None
    place = next(index for index, count in enumerate(accumulate(counts)) if count >= share * total)
    upper = LATENCY_BOUNDS[min(place, len(LATENCY_BOUNDS) - 1)]
    lower = LATENCY_BOUNDS[place - 1] if place else upper / 1.25
    return round(math.sqrt(lower * upper), 4)
