"""Can one model take another's place? Yes, no, or not yet known, each with the bound that decides."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from leaderboard.statistics.power import items_needed


class Answer(StrEnum):
    SWITCH = "switch"
    STAY = "stay"
    UNKNOWN = "not yet known"


class Check(NamedTuple):
    """One thing that was asked for: `holds` None where nobody can say yet. `said` is the reason, in a sentence."""

    name: str
    holds: bool | None
    said: str


class Quality(NamedTuple):
    """The candidate against today's model on the same prompts, in points, with the paired interval at 95 %.

    `stderr` is the paired standard error in points, of `n` prompts.
    """

    difference: float
    low: float
    high: float
    stderr: float
    n: int


class Decision(NamedTuple):
    """`more`: so many further prompts would decide about quality; None: it is decided, infinite: none would."""

    answer: Answer
    checks: tuple[Check, ...]
    more: float | None

    @property
    def deciding(self) -> tuple[Check, ...]:
        """Those that make it so."""
        wanted = {Answer.SWITCH: True, Answer.STAY: False, Answer.UNKNOWN: None}[self.answer]
        return tuple(one for one in self.checks if one.holds is wanted)


def quality_check(quality: Quality, margin: float) -> Check:
    """Whether the candidate is worse by less than the margin (points), by the bounds of the interval alone.

    low > -margin: it is not worse by the margin, a one-sided test at 2.5 % (non-inferiority). high <= -margin: it is.
    With a margin of 0 only a model that is surely better may take the place.
    Source: Piaggio et al. 2012 (CONSORT extension for non-inferiority), figure 1.
    """
    bound = f"{signed(quality.low)} to {signed(quality.high)} points at 95 %"
    if quality.low > -margin:
        return Check("quality", True, f"It is worse by less than {margin:g} points for sure: the lower bound is "
                     f"{signed(quality.low)} ({bound}).")  # fmt: skip
    if quality.high <= -margin:
        return Check("quality", False, f"It is worse by {margin:g} points or more for sure: the upper bound is "
                     f"{signed(quality.high)} ({bound}).")  # fmt: skip
    return Check("quality", None, f"The interval still holds −{margin:g}: {bound}.")


def more_prompts(quality: Quality, margin: float, *, power: float = 0.8) -> float:
    """Prompts to add so that the interval leaves out -margin with this chance, if the difference that was seen is the
    true one: `items_needed` for the distance |difference + margin|, less the n that are there.

    Source: as `power.items_needed`. Infinite where the difference is exactly the margin.
    """
    sd = quality.stderr * math.sqrt(quality.n)
    needed = float(items_needed(quality.difference + margin, sd, power=power)) if sd > 0 else float(quality.n)
    return max(1.0, needed - quality.n)


def limit_check(
    name: str, value: float | None, limit: float | None, *, most: bool, unit: str, unknown: str
) -> Check | None:
    """A number that has to be at most, or at least, the limit; None where no limit was asked for."""
    if limit is None:
        return None
    if value is None:
        return Check(name, None, unknown)
    holds = value <= limit if most else value >= limit
    wanted = "at most" if most else "at least"
    return Check(name, holds, f"{number(value)} {unit}; {wanted} {number(limit)} was asked for.")


def one_of_check(name: str, has: Sequence[str], wanted: Sequence[str], *, every: bool, unknown: str) -> Check | None:
    """What a model has, against what is wanted: all of it, or one of it; None where nothing is wanted."""
    if not wanted:
        return None
    if not has:
        return Check(name, None, unknown)
    missing = [one for one in wanted if one not in has]
    holds = not missing if every else len(missing) < len(wanted)
    joined = (", ".join if every else " or ".join)(wanted)
    return Check(name, holds, f"It has {', '.join(has)}; {joined} was asked for.")


def decide(quality: Quality, margin: float, others: Sequence[Check | None] = ()) -> Decision:
    """Stay where one thing that was asked for is surely missing, switch where all are surely there, else not yet
    known. Raises ValueError for a margin that is negative or not a number."""
    if not (math.isfinite(margin) and margin >= 0):
        raise ValueError(f"A margin must not be negative, nor {margin}.")
    first = quality_check(quality, margin)
    checks = (first, *(one for one in others if one is not None))
    more = more_prompts(quality, margin) if first.holds is None else None
    if any(one.holds is False for one in checks):
        return Decision(Answer.STAY, checks, more)
    if all(one.holds for one in checks):
        return Decision(Answer.SWITCH, checks, more)
    return Decision(Answer.UNKNOWN, checks, more)


def signed(points: float) -> str:
    text = f"{abs(points):.1f}"
    return text if text == "0.0" else f"{'+' if points > 0 else '−'}{text}"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"
