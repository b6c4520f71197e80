"""Choosing columns, weights and the values of facets, written straight as HTML as in `board`; and addresses that change
a choice."""

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import NamedTuple
from urllib.parse import urlencode

from django import template
from django.http import HttpRequest
from django.template.context import RequestContext
from django.utils.safestring import SafeString, mark_safe

from leaderboard.columnar.facts import SIZE_CLASSES
from leaderboard.columnar.select import FacetValue
from leaderboard.models import SuiteTask
from leaderboard.queries.board import Board, Facet
from leaderboard.queries.personal import MOST, PREFIX
from leaderboard.statistics.ranks import Z95
from leaderboard.templatetags.board import text

register = template.Library()

SHOWN_VALUES = 40
"""Of a facet; the others are found by a search."""
OPEN = 3
"""Facets that are open from the start."""
LEAST = 2
"""Tasks whose names begin alike that make a group."""


class Group(NamedTuple):
    """Tasks that are chosen together."""

    title: str
    tasks: list[SuiteTask]


@register.simple_tag(takes_context=True)
def column_choices(context: RequestContext, board: Board) -> SafeString:
    """A check box for each task, in groups; a group can be chosen alone."""
    groups, picked = task_groups(board.tasks), set(board.picked)
    query = context["request"].GET.copy()
    query.pop("col", None)
    others = escape(f"?{query.urlencode()}&" if query else "?")
    listed = []
    for group in groups:
        if len(groups) > 1:
            target = others + escape(urlencode([("col", task.task) for task in group.tasks]))
            listed.append(
                f'<p class="group">{text(group.title)} <a href="{target}" hx-get="{target}" hx-target="#board" '
                f'hx-push-url="true">only these</a></p>'
            )
        boxes = [column_box(task, checked=task.task in picked) for task in group.tasks]
        listed.append(f"<ul>\n{''.join(boxes)}</ul>\n")
    return mark_safe("".join(listed))  # noqa: S308  # see `text`


def column_box(task: SuiteTask, *, checked: bool) -> str:
    title = text(task.title)
    return (
        f'<li><label><input type="checkbox" name="col" value="{escape(task.task)}" form="filters" '
        f'id="col-{task.position}"{" checked" if checked else ""}><span class="clip" title="{title}">{title}</span>'
        "</label></li>\n"
    )


@register.simple_tag
def weight_choices(board: Board) -> SafeString:
    """A field for the weight of each task that can be averaged with others."""
    fields = [weight_field(task, board.weights.get(task.task)) for task in board.tasks if task.higher_is_better]
    return mark_safe("".join(fields))  # noqa: S308  # see `text`


def weight_field(task: SuiteTask, weight: float | None) -> str:
    title = text(task.title)
    return (
        f'<li><label><span class="clip" title="{title}">{title}</span><input type="number" '
        f'name="{PREFIX}{escape(task.task)}" value="{"" if weight is None else f"{weight:g}"}" min="0" max="{MOST:g}" '
        f'step="any" inputmode="decimal" form="filters" id="w-{task.position}"></label></li>\n'
    )


@register.simple_tag
def facets(board: Board) -> SafeString:
    """Every facet with its values, open where it comes first or leaves rows out. Those of all rows are kept."""
    if not board.filtered:
        kept: dict[str, SafeString] = board.kept.setdefault(facets, {})
        if "all" not in kept:
            kept["all"] = drawn_facets(board)
        return kept["all"]
    return drawn_facets(board)


def drawn_facets(board: Board) -> SafeString:
    listed = []
    for number, facet in enumerate(board.facets, 1):
        chosen = f' <span class="dim">{len(facet.chosen)} chosen</span>' if facet.chosen else ""
        listed.append(
            f'<details class="facet" id="facet-{facet.name}"{" open" if facet.chosen or number <= OPEN else ""}>\n'
            f"<summary>{facet.title}{chosen}</summary>\n<ul>\n{facet_values(facet)}</ul>\n</details>\n"
        )
    return mark_safe("".join(listed))  # noqa: S308  # see `text`


def facet_values(facet: Facet) -> str:
    """The values of a facet as check boxes: the most frequent first, but sizes from small to large."""
    values = sorted(facet.values, key=by_size) if facet.name == "size_class" else facet.values
    listed = []
    for number, one in enumerate(values[:SHOWN_VALUES], 1):
        before, after = facet_box(facet.name, one.value)
        checked = " checked" if one.chosen else ""
        listed.append(f'{before}{number}"{checked}{after}{one.count}</small></label></li>\n')
    more = len(facet.values) - SHOWN_VALUES
    if more > 0:
        listed.append(f'<li class="dim">and {more} more: search with {facet.name}:…</li>')
    return "".join(listed)


def by_size(one: FacetValue) -> int:
    """The place of a size class; the unknown comes last."""
    titles = [title for _, title in SIZE_CLASSES]
    return titles.index(one.value) if one.value in titles else len(titles)


@lru_cache(maxsize=10_000)
def facet_box(name: str, value: str) -> tuple[str, str]:
    """The check box of a value up to its number on the page, and on from there up to its count."""
    shown = text(value)
    return (
        f'<li><label><input type="checkbox" name="{name}" value="{escape(value)}" form="filters" id="facet-{name}-',
        f'><span class="clip" title="{shown}">{shown}</span> <small>',
    )


def task_groups(tasks: Sequence[SuiteTask]) -> list[Group]:
    """Tasks by the first word of their names ("mmlu" of mmlu_astronomy); what stands alone is in the last group."""
    groups: dict[str, list[SuiteTask]] = {}
    for task in tasks:
        groups.setdefault(task.task.partition("_")[0], []).append(task)
    alone = [task for found in groups.values() if len(found) < LEAST for task in found]
    listed = [Group(name, found) for name, found in groups.items() if len(found) >= LEAST]
    return [*listed, Group("Others" if listed else "Tasks", alone)] if alone else listed


@register.simple_tag
def without(request: HttpRequest, name: str) -> str:
    """This page without a parameter."""
    query = request.GET.copy()
    query.pop(name, None)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def toggled_pin(context: RequestContext, key: str) -> str:
    """This page's query with one more pinned row, or without it."""
    query = context["request"].GET.copy()
    pins = [one for one in query.getlist("pin") if one]
    query.setlist("pin", [one for one in pins if one != key] if key in pins else [*pins, key])
    return f"?{query.urlencode()}"


@register.filter
def task_half_width(stderr: float) -> str:
    """Half of a task's 95 % interval, in points of 100, from its standard error as a fraction."""
    return f"{100 * Z95 * stderr:.1f}"
