"""A suite's tasks, built: from lm-eval's files and ours, with the same seeds each time, or left out with the reason."""

import logging
import random
import tempfile
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import langdetect
import numpy as np
from lm_eval.api.group import Group
from lm_eval.api.task import Task
from lm_eval.evaluator_utils import get_sample_size
from lm_eval.tasks import TaskManager

from evaluator import run
from evaluator.contract import TaskSpec
from evaluator.engines import code_eval, core, derived, endpoint, workload
from evaluator.model_facts import Json, context_length, has_vision, parse_json
from evaluator.suites import images

log = logging.getLogger(__name__)

Loaded: TypeAlias = "Task | Group"

SEEDS = {"random_seed": 0, "numpy_random_seed": 1234, "torch_random_seed": 1234, "fewshot_random_seed": 1234}
"""lm-eval's own defaults, written down because the score depends on them."""
ABSENT = ("couldn't reach", "doesn't exist on the hub", "couldn't find", "offline", "connection")
"""What the library says of a data set that is not to be had."""


def load_tasks(spec: run.RunSpec) -> tuple[list[tuple[TaskSpec, Loaded]], dict[str, str]]:
    """Build the suite's tasks; a task whose data or code is nowhere is left out with the reason."""
    with tempfile.TemporaryDirectory(prefix="parity-tasks-") as folder:
        ours = [core.FOLDER, derived.write(Path(folder), spec.suite.tasks, spec.tokenizer_path)]
        workload.write(Path(folder), spec.suite.tasks, spec.task_files)
        folders: list[str | Path] = [*ours, *([spec.task_files] if spec.task_files else [])]
        return build_tasks(spec, index_of(folders, {task.task for task in spec.suite.tasks}))


def index_of(folders: list[str | Path], wanted: set[str]) -> TaskManager:
    """Knows the tasks in these folders; and lm-eval's own, thousands of files that take seconds to read, only where one
    of them is wanted. Groups are: their members may be anywhere."""
    ours = TaskManager(include_path=folders, include_defaults=False)
    return ours if wanted <= set(ours.all_subtasks) else TaskManager(include_path=folders)


def build_tasks(spec: run.RunSpec, manager: TaskManager) -> tuple[list[tuple[TaskSpec, Loaded]], dict[str, str]]:
    """As `load_tasks`, with the manager that knows where their files are."""
    window = window_of(spec)
    loaded: list[tuple[TaskSpec, Loaded]] = []
    missing: dict[str, str] = {}
    for task in spec.suite.tasks:
        if reason := derived.too_long(task.task, window) or cannot_show(task.task, spec):
            missing[task.task] = reason
            continue
        seed()
        try:
            found = manager.load([task.task])
        except MemoryError:
            raise
        except Exception as error:  # whatever a task's own code raises, the other tasks can still be measured
            log.warning("%s cannot be built:\n%s", task.task, traceback.format_exc())
            missing[task.task] = why_missing(error)
            continue
        entry = found["groups"].get(task.task) or found["tasks"].get(task.task)
        if entry is None:
            missing[task.task] = f"lm-eval knows {task.task} as a tag; a suite names tasks and groups."
            continue
        for leaf in leaves(entry):
            # As `lm_eval run --num_fewshot`: a task that fixes 0 in its own file keeps it.
            if task.num_fewshot is not None and leaf.get_config("num_fewshot") != 0:
                leaf.set_config(key="num_fewshot", value=task.num_fewshot)
            code_eval.judge_at_once(leaf)
        reasons = [endpoint.why_not(leaf, chat=spec.behind.chat) for leaf in leaves(entry)] if spec.behind else []
        if reason := next(filter(None, reasons), ""):
            missing[task.task] = reason
        else:
            loaded.append((task, entry))
    return loaded, missing


def leaves(entry: Loaded) -> list[Task]:
    """The tasks that hold documents: a group's subtasks, or the task itself."""
    return entry.get_all_tasks() if isinstance(entry, Group) else [entry]


def name_of(entry: Loaded) -> str:
    return str(entry.name if isinstance(entry, Group) else entry.task_name)


def items_of(entry: Loaded, limit: int | None) -> int:
    """How many documents will be evaluated."""
    total = 0
    for task in leaves(entry):
        here = get_sample_size(task, limit)
        total += len(task.eval_docs) if here is None else min(here, len(task.eval_docs))
    return total


def refused(model: endpoint.EndpointLM, loaded: Iterable[tuple[TaskSpec, Loaded]]) -> dict[str, str]:
    """The tasks of which an endpoint refused too many items, with the reason."""
    found = {
        task.task: model.too_often_refused((leaf.task_name for leaf in leaves(entry)), items_of(entry, task.limit))
        for task, entry in loaded
    }
    return {task: reason for task, reason in found.items() if reason}


def seed() -> None:
    """Before each task: some draw as they are built (GPQA the order of its choices), and its items must not depend on
    the run, nor on which tasks came before. IFEval's langdetect draws lots as it judges, unless it has a seed."""
    random.seed(SEEDS["random_seed"])
    np.random.seed(SEEDS["numpy_random_seed"])  # the generator that lm-eval's tasks draw from
    langdetect.DetectorFactory.seed = 0


def cannot_show(task: str, spec: run.RunSpec) -> str:
    """Why a task's images cannot be shown to this model on this host, "" where they can, and where it has none."""
    if not images.shows(task) or spec.behind is not None:
        return ""
    if spec.settings.engine != "vllm":
        return "It shows images, which only the engine vllm does here."
    if not has_vision(config_of(spec)):
        return "It shows images; the model reads none: its config.json has no vision_config."
    if missing := images.missing_here():
        return f"It shows images, for which this host lacks {' and '.join(missing)}."
    return ""


def engine_of(spec: run.RunSpec) -> str:
    """The engine that the tasks need: the settings', or the one that shows images."""
    shown = any(images.shows(task.task) and not cannot_show(task.task, spec) for task in spec.suite.tasks)
    return images.ENGINE if shown else spec.settings.engine


def config_of(spec: run.RunSpec) -> Json:
    """The model's config.json; empty where there is none."""
    config = Path(spec.model_path) / "config.json"
    return parse_json(config.read_bytes(), str(config)) if config.is_file() else {}


def window_of(spec: run.RunSpec) -> int | None:
    """The most tokens of a text that the model can read here; None where nothing says."""
    return spec.plan.max_length or spec.settings.max_length or context_length(config_of(spec))


def why_missing(error: Exception) -> str:
    """Why a task cannot be built, in a sentence: gated and absent data in plain words, anything else as it was said."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
    lower = said.lower()
    if "gated" in lower:
        return (
            f"Its data is gated: whoever asks has to agree to its terms on the Hub, and an evaluation has no "
            f"token. Put a copy that you may use into a folder of PARITY_HUB_MIRROR. ({said})"
        )
    if any(words in lower for words in ABSENT):
        return f"Its data is in none of this host's mirrors, and the Hub does not give it. ({said})"
    return f"Its data or code could not be loaded: {said}"
