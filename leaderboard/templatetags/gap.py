"""The gap in words, and small beside a ranking."""

from datetime import date
from typing import Any

from django import template

from leaderboard.queries.gap import SIDES, WORDS, Capability, Gap, Line
from leaderboard.queries.gap_tests import Step, Today
from leaderboard.statistics.verdict import Word

register = template.Library()

WIDTH, HEIGHT, PAD = 150, 40, 4


@register.filter
def side_words(side: str) -> str:
    """ "open-weights"."""
    return WORDS[side]


@register.filter
def months(value: float) -> str:
    """ "7.2 months", "1.0 month", without a sign."""
    text = f"{abs(value):.1f}"
    return f"{text} month{'' if text == '1.0' else 's'}"


@register.filter
def minus(value: float) -> str:
    """One decimal, with a minus sign that is as wide as a plus."""
    return f"{value:.1f}".replace("-", "−")


@register.filter
def lag_words(today: Today) -> str:
    """Who came how much later, in a sentence."""
    if not today.behind:
        return "Both bests have the same score: neither is behind."
    own, other = WORDS[today.behind], WORDS[leader(today)]
    if today.lag is None:
        return f"No {other} model of the line has as good a score on these items."
    if today.lag.months < 0:
        return f"The best {own} model came {months(today.lag.months)} before the first {other} one that is as good."
    return f"The best {own} model came {months(today.lag.months)} after the first {other} one that is as good."


@register.filter
def lag_short(today: Today) -> str:
    """ "3.9, open-weights behind", or who came first where the lag is negative."""
    if today.lag is None:
        return "–"
    if today.lag.months < 0:
        return f"−{abs(today.lag.months):.1f}, {WORDS[today.behind]} first"
    return f"{today.lag.months:.1f}, {WORDS[today.behind]} behind"


@register.filter
def lag_range(today: Today) -> str:
    """How sure the lag is: "4.0 to 11.5 months", or "at most 11.5 months, perhaps none"."""
    if today.lag is None:
        return ""
    high = f"{today.lag.high:.1f}".replace("-", "−")
    if today.lag.low is None:
        return f"at most {high} months: it is not sure that anybody is ahead"
    return f"{today.lag.low:.1f} to {high} months".replace("-", "−")


@register.filter
def leader(today: Today) -> str:
    """The side that is ahead."""
    return next(side for side in SIDES if side != today.behind)


@register.filter
def verdict_words(today: Today) -> str:
    """What the test says of both bests, in a sentence."""
    word = today.verdict.word
    if word == Word.EQUIVALENT:
        return f"The two are equivalent within {100 * today.comparison.margin:g} point."
    if word == Word.UNDECIDED:
        return "Which of the two is better is undecided: the interval holds 0."
    ahead = WORDS["proprietary" if word == Word.BETTER else "open"]
    return f"The best {ahead} model is better, beyond chance."


@register.filter
def origin_words(line: Line) -> str:
    return "imported, not verified here" if line.imported else "measured here"


@register.filter
def until_next(step: Step, line: Line) -> date | None:
    """The day on which the line rises again; None of its last step."""
    later = [one.day for one in line.steps if one.day > step.day]
    return later[0] if later else None


@register.inclusion_tag("gap/small.html")
def small_gap(found: Gap) -> dict[str, Any]:
    """Both lines as a picture of a few pixels with the difference beside it."""
    shown = found.whole
    return {"gap": found, "shown": shown, "today": shown.today, "paths": paths(found, shown),
            "width": WIDTH, "height": HEIGHT}  # fmt: skip


def paths(found: Gap, shown: Capability) -> list[dict[str, Any]]:
    """Lines as paths of an SVG of WIDTH x HEIGHT."""
    if not shown.lines or found.as_of is None:
        return []
    steps = [step for line in shown.lines for step in line.steps]
    first, last = min(one.day for one in steps), max([found.as_of, *(one.day for one in steps)])
    low, high = min(one.score for one in steps), max(one.score for one in steps)
    days, span = max(1, (last - first).days), max(1e-9, high - low)

    def x(day: date) -> str:
        return f"{PAD + (day - first).days / days * (WIDTH - 2 * PAD):.1f}"

    def y(score: float) -> str:
        return f"{HEIGHT - PAD - (score - low) / span * (HEIGHT - 2 * PAD):.1f}"

    return [
        {
            "side": line.side,
            "imported": line.imported,
            "d": f"M{x(line.steps[0].day)} {y(line.steps[0].score)}"
            + "".join(f"H{x(one.day)}V{y(one.score)}" for one in line.steps[1:])
            + f"H{x(last)}",
            "end": (x(line.best.day), y(line.best.score)),
        }
        for line in shown.lines
    ]
