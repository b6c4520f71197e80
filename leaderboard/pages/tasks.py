"""One task: where it is used, and which of its items tell models apart."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard.pages.errors import readable
from leaderboard.pages.spreadsheet import spreadsheet
from leaderboard.queries import tasks as kept
from leaderboard.queries.items import ItemTable
from leaderboard.queries.remarks import contamination_of


@require_safe
@readable
def task(request: HttpRequest, task: str) -> HttpResponse:
    """`/tasks/arc_easy`."""
    context = {"detail": kept.task_detail(task), "notes": contamination_of(task=task)}
    return render(request, "tasks/page.html", context)


@require_safe
@readable
def items(request: HttpRequest, task: str) -> HttpResponse:
    """`/tasks/arc_easy/items.csv`: every item of the sets on the page."""
    _, tables, _ = kept.task_items(task)
    header = (
        "item_set",
        "metric",
        "filter",
        "examples_shown",
        "item",
        "item_hash",
        "models",
        "solved",
        "discrimination",
    )
    return spreadsheet("task-items", header, (row for one in tables for row in rows(one)))


def rows(table: ItemTable) -> Iterator[tuple[object, ...]]:
    if table.solved is None or table.telling is None:
        return
    setting = table.setting
    for index, (solved, telling) in enumerate(zip(table.solved.tolist(), table.telling.tolist(), strict=True)):
        yield (
            table.items.digest, setting.metric, setting.filter, setting.num_fewshot, index + 1, table.hash_of(index),
            table.models, solved, None if telling != telling else round(telling, 4),
        )  # fmt: skip
