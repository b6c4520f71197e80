"""How managed APIs did, hour by hour, as our own evaluations saw it: what they sell beside the answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models.functions import Now

from evaluator.contract import LATENCY_BOUNDS
from leaderboard.models import EndpointHour, Model
from leaderboard.queries.errors import Missing
from leaderboard.statistics.histogram import quantile_of

DAYS, MOST = 30, 24 * 30


@dataclass(frozen=True)
class Hour:
    """What was asked of one origin in one hour. Shares are fractions of all attempts; None: nothing was asked."""

    origin: str
    hour: datetime
    requests: int
    errors: int
    throttled: int
    output_tokens: int
    busy_seconds: float
    latency: Sequence[int]

    @property
    def attempts(self) -> int:
        return self.requests + self.errors

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.attempts if self.attempts else None

    @property
    def throttled_share(self) -> float | None:
        return self.throttled / self.attempts if self.attempts else None

    @property
    def p50_seconds(self) -> float | None:
        return self.quantile(0.5)

    @property
    def p95_seconds(self) -> float | None:
        return self.quantile(0.95)

    @property
    def tokens_per_second(self) -> float | None:
        """Out, of all requests that were under way at once."""
        return self.output_tokens / self.busy_seconds if self.busy_seconds > 0 else None

    def quantile(self, share: float) -> float | None:
        return quantile_of(self.latency, LATENCY_BOUNDS, share) if self.latency else None


@dataclass(frozen=True)
class Reliability:
    """The newest hours of a model, newest first, and all of them together."""

    hours: list[Hour]
    total: Hour | None


def reliability(model: Model, *, days: int = DAYS) -> Reliability:
    """The last `days` of every endpoint of `model`, one line for each origin and hour."""
    rows = EndpointHour.objects.filter(revision__model=model, hour__gte=Now() - timedelta(days=days))
    lines: dict[tuple[str, datetime], list[EndpointHour]] = {}
    for row in rows.select_related("revision").order_by("-hour")[:MOST]:
        lines.setdefault((row.revision.origin, row.hour), []).append(row)
    hours = [together(origin, hour, same) for (origin, hour), same in lines.items()]
    whole = [row for same in lines.values() for row in same]
    return Reliability(hours, together("", whole[0].hour, whole) if whole else None)


def together(origin: str, hour: datetime, rows: Iterable[EndpointHour]) -> Hour:
    """Several lines as one."""
    rows = list(rows)
    counted = [row.latency for row in rows if row.latency]
    return Hour(
        origin=origin, hour=hour, requests=sum(row.requests for row in rows), errors=sum(row.errors for row in rows),
        throttled=sum(row.throttled for row in rows), output_tokens=sum(row.output_tokens for row in rows),
        busy_seconds=sum(row.busy_seconds for row in rows),
        latency=[sum(column) for column in zip(*counted, strict=True)],
    )  # fmt: skip


def reliability_of(name: str) -> Reliability:
    """By `org/name`; raises Missing."""
    model = Model.objects.filter(name=name).first() if "\x00" not in name else None
    if model is None:
        raise Missing("model", f"There is no model {name[:200]!r} here.")
    return reliability(model)
