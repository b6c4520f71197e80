"""The gap between the best open-weights and the best proprietary models over time, as a page and as a file."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from leaderboard.pages.charts import Data
from leaderboard.pages.conditional import conditional
from leaderboard.pages.errors import readable
from leaderboard.pages.spreadsheet import spreadsheet
from leaderboard.queries import suites
from leaderboard.queries.errors import Missing
from leaderboard.queries.gap import Capability, Gap, Line, gap
from leaderboard.queries.gap_tests import Step, Today
from leaderboard.queries.snapshots import state_of
from leaderboard.templatetags.parity import visible

HEADER = (
    "suite", "as_of", "capability", "weights", "origin", "released", "model", "evaluation", "score", "half_interval",
)  # fmt: skip
SECTIONS = 64
"""Drawn pages of a process, less than what is around them: some hundred kilobytes each."""


@require_safe
@conditional()
@readable
def gap_page(request: HttpRequest) -> HttpResponse:
    """`/gap?suite=parity-core@1&task=parity_gsm8k`."""
    found = gap(request.GET.get("suite", ""))
    name = request.GET.get("task", "") or "suite"
    if name not in found.by_name:
        raise Missing("task", f"{found.suite.slug} has no task {name[:80]!r}.")
    state = state_of(found.suite.slug)
    context = {
        "gap": found, "sections": sections(found, name), "charted": charted(found, found.by_name[name]),
        "suites": suites.tabs(state.suite if state else None),
    }  # fmt: skip
    return render(request, "gap/page.html", context)


@lru_cache(maxsize=SECTIONS)
def sections(found: Gap, name: str) -> SafeString:
    """All of the page that the ranking decides, the same for every reader; `name` is that of a capability."""
    shown = found.by_name[name]
    context = {"gap": found, "shown": shown, "chart": chart(found, shown, "gap-chart"), "small": multiples(found)}
    return render_to_string("gap/sections.html", context)


def multiples(found: Gap) -> list[tuple[Capability, Data | None]]:
    """Each task with its small chart."""
    return [(one, chart(found, one, f"gap-{place}")) for place, one in enumerate(found.capabilities) if one.task]


@require_safe
@conditional()
@readable
def gap_csv(request: HttpRequest) -> HttpResponse:
    """`/gap.csv?suite=`: every step of every line, of the suite and of each task."""
    found = gap(request.GET.get("suite", ""))
    return spreadsheet(f"gap-{found.suite.slug.replace('@', '-')}", HEADER, lines(found))


def lines(found: Gap) -> Iterator[tuple[object, ...]]:
    for capability in found.capabilities:
        for line in capability.lines:
            for step in line.steps:
                yield (
                    found.suite.slug, found.as_of, capability.name, line.side,
                    "imported" if line.imported else "measured", step.day, step.model, step.key, step.score, step.half,
                )  # fmt: skip


def charted(found: Gap, shown: Capability) -> bool:
    """Whether there is any line to draw."""
    return bool(shown.lines) and found.as_of is not None


def chart(found: Gap, shown: Capability, name: str) -> Data | None:
    """Lines of [day, score, half, model], each from its first step to the ranking's day; None where there are none."""
    if not shown.lines or found.as_of is None:
        return None
    until = max([found.as_of, *(line.best.day for line in shown.lines)])
    return {
        "id": name, "kind": "gap", "until": until.isoformat(),
        "lower": shown.task is not None and not shown.task.higher_is_better,
        "lines": [drawn(line) for line in shown.lines], "lag": lagging(shown.today),
    }  # fmt: skip


def drawn(line: Line) -> Data:
    return {
        "side": line.side, "imported": line.imported,
        "steps": [[one.day.isoformat(), round(one.score, 3), rounded(one.half), visible(one.model)]
                  for one in line.steps],
    }  # fmt: skip


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def lagging(today: Today | None) -> list[Any] | None:
    """From when to when, at which score: the lag as a line."""
    if today is None or today.at is None or today.lag is None:
        return None
    own: Step = today.open if today.behind == "open" else today.proprietary
    return [today.at.day.isoformat(), own.day.isoformat(), round(own.score, 3)]
