"""What changed between two versions of a suite, in words."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Definition = Mapping[str, Any]
"""A whole `SuiteSpec`, as a suite keeps it."""

OF_SUITE = {"title": "Title", "description": "Description", "normalise": "Scale of the score", "bundle": "Task files"}
OF_TASK = {
    "title": "title",
    "num_fewshot": "examples shown",
    "limit": "items",
    "metric": "metric",
    "filter": "filter of the answers",
    "baseline": "score of guessing",
    "higher_is_better": "better is",
}


class Change(NamedTuple):
    """`kind` is added, removed or changed; `before` and `after` are "" where there was or is nothing."""

    kind: str
    what: str
    before: str = ""
    after: str = ""


def changes(before: Definition, after: Definition) -> list[Change]:
    """Everything that differs, tasks first; nothing is left out, so none means the same definition."""
    old = {task["task"]: task for task in before["tasks"]}
    new = {task["task"]: task for task in after["tasks"]}
    found = [Change("added", called(new[name]), after=settings(new[name])) for name in new if name not in old]
    found += [Change("removed", called(old[name]), before=settings(old[name])) for name in old if name not in new]
    for name in new:
        if name in old:
            found += of_task(old[name], new[name])
    both = [[name for name in one if name in old and name in new] for one in (old, new)]
    if both[0] != both[1]:
        found.append(Change("changed", "Order of the tasks", ", ".join(both[0]), ", ".join(both[1])))
    return found + list(of_suite(before, after))


def of_task(old: Definition, new: Definition) -> list[Change]:
    return [
        Change("changed", f"{called(new)}: {words}", said(field, old.get(field)), said(field, new.get(field)))
        for field, words in OF_TASK.items()
        if old.get(field) != new.get(field)
    ]


def of_suite(before: Definition, after: Definition) -> Iterator[Change]:
    for field, words in OF_SUITE.items():
        old, new = before.get(field), after.get(field)
        if old != new:
            yield Change("changed", words, said(field, old), said(field, new))


def called(task: Definition) -> str:
    """ "Alpha (alpha)": two tasks may share a title."""
    return f"{task['title']} ({task['task']})"


def settings(task: Definition) -> str:
    """ "acc, 5 examples shown, all items"."""
    metric = task["metric"] if task.get("filter", "none") == "none" else f"{task['metric']} ({task['filter']})"
    shown, limit = (said(field, task.get(field)) for field in ("num_fewshot", "limit"))
    return f"{metric}, {shown} examples shown, {limit} items"


def said(field: str, value: Any) -> str:
    """A setting as people say it."""
    if field == "normalise":
        return "from chance (0) to perfect (100)" if value else "plain scores"
    if field == "higher_is_better":
        return "higher" if value else "lower"
    if field == "num_fewshot":
        return "the task’s own" if value is None else str(value)
    if field == "limit":
        return "all" if value is None else f"the first {value:,}"
    if field == "baseline":
        return f"{100 * value:.4g}"
    if field == "bundle":
        return f"SHA-256 {value[:12]}" if value else "lm-eval’s own"
    return str(value) or "none"
