"""A job that may end early: its one task is measured look by look, each with more of its items than the one before.

What was answered at earlier looks comes from the journal, or from the gateway, so that nothing is asked twice.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from evaluator import early, run
from evaluator.contract import TaskSpec
from evaluator.engines import passes
from evaluator.engines.building import Loaded

Group = list[tuple[TaskSpec, Loaded]]
Measure = Callable[[Any, Group, run.RunSpec], list[dict[str, Any]]]
"""Measures a group's tasks to their limits: what lm-eval returns, nothing where nothing could be asked."""


def measured(
    measure: Measure, folder: Path, model: Any, group: Group, spec: run.RunSpec
) -> tuple[list[dict[str, Any]], Group]:
    """What `measure` gives, and the tasks with the limit that they were measured to: a look's, where its first items
    were enough, else their own."""
    for after in spec.looks:
        some = [(replace(task, limit=after), entry) for task, entry in group]
        found, task = measure(model, some, spec), some[0][0]
        said = found[0]["samples"][task.task] if found else []
        if not said or early.enough(folder, passes.scores_of(said, task.metric, task.filter)):
            return found, some
        model.look_again()
    return measure(model, group, spec), group
