"""Choosing columns and weights, and addresses that change such a choice."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django import template
from django.http import HttpRequest

from leaderboard.models import SuiteTask
from leaderboard.statistics.ranks import Z95

register = template.Library()

LEAST = 2
"""Tasks whose names begin alike that make a group."""


class Group(NamedTuple):
    """Tasks that are chosen together."""

    title: str
    tasks: list[SuiteTask]


@register.simple_tag
def task_groups(tasks: Sequence[SuiteTask]) -> list[Group]:
    """Tasks by the first word of their names ("mmlu" of mmlu_astronomy); what stands alone is in the last group."""
    groups: dict[str, list[SuiteTask]] = {}
    for task in tasks:
        groups.setdefault(task.task.partition("_")[0], []).append(task)
    alone = [task for found in groups.values() if len(found) < LEAST for task in found]
    listed = [Group(name, found) for name, found in groups.items() if len(found) >= LEAST]
    return [*listed, Group("Others" if listed else "Tasks", alone)] if alone else listed


@register.simple_tag
def only_columns(request: HttpRequest, tasks: Sequence[SuiteTask]) -> str:
    """This page with these columns alone."""
    query = request.GET.copy()
    query.setlist("col", [task.task for task in tasks])
    return f"?{query.urlencode()}"


@register.simple_tag
def without(request: HttpRequest, name: str) -> str:
    """This page without a parameter."""
    query = request.GET.copy()
    query.pop(name, None)
    return f"?{query.urlencode()}"


@register.filter
def weight(weights: Mapping[str, float], task: str) -> str:
    """A task's weight as a field holds it."""
    return f"{weights[task]:g}" if task in weights else ""


@register.filter
def task_half_width(stderr: float) -> str:
    """Half of a task's 95 % interval, in points of 100, from its standard error as a fraction."""
    return f"{100 * Z95 * stderr:.1f}"
