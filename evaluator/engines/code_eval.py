"""What lm-eval's tasks get for `evaluate.load("code_eval")`: their programs run in our sandbox.

The `evaluate` library would download that metric's code at run time, and run what a model wrote in this very process.
`install` puts `load` in its place: it knows this one metric and downloads nothing.

lm-eval asks for one program at a time; `run_ahead` runs those of a whole task at once, on all cores, before that.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import evaluate
import numpy
from lm_eval.api.instance import Instance
from lm_eval.api.task import Task

from evaluator import sandbox
from evaluator.pass_at_k import pass_at_k

log = logging.getLogger(__name__)

PACKAGES = Path(numpy.__file__).parents[1]


class CodeEval:
    """The metric, with what is known of each program so far."""

    def __init__(self) -> None:
        self._known: dict[str, sandbox.Result] = {}

    def compute(
        self, *, references: Sequence[str], predictions: Sequence[Sequence[str]], k: Sequence[int] = (1, 10, 100)
    ) -> tuple[dict[str, float], dict[int, list[tuple[int, dict[str, Any]]]]]:
        """As the library's metric: ({"pass@k": mean over problems}, {problem: [(answer, what became of it)]}).

        `references` are the tests of each problem, `predictions` its answers. A k larger than any problem's number of
        answers is left out.
        """
        programs = [
            [program(answer, tests) for answer in row] for row, tests in zip(predictions, references, strict=True)
        ]
        self.run_ahead(one for row in programs for one in row)
        found = [[self._known[one] for one in row] for row in programs]
        details = {
            problem: [(answer, detail(problem, answer, one)) for answer, one in enumerate(row)]
            for problem, row in enumerate(found)
        }
        means = {
            f"pass@{many}": sum(pass_at_k(len(row), sum(one.passed for one in row), many) for row in found) / len(found)
            for many in k
            if all(len(row) >= many for row in found)
        }
        return means, details

    def run_ahead(self, programs: Iterable[str]) -> None:
        """Run those that have not been run yet."""
        fresh = list(dict.fromkeys(one for one in programs if one not in self._known))
        self._known |= dict(zip(fresh, sandbox.run_all(fresh, packages=PACKAGES), strict=True))

    def why_not(self, source: str) -> str:
        """Run a program, unless it was run before: why it did not pass, "" where it did."""
        self.run_ahead([source])
        return why([self._known[source]])

    def results(self) -> dict[str, sandbox.Result]:
        """What became of every program, by its source."""
        return dict(self._known)


def program(answer: str, tests: str) -> str:
    """An answer with the tests behind it."""
    return f"{answer}\n{tests}"


def detail(problem: int, answer: int, found: sandbox.Result) -> dict[str, Any]:
    """In the library's words."""
    result = "passed" if found.passed else f"failed: {found.reason}"
    return {"task_id": problem, "completion_id": answer, "passed": found.passed, "result": result}


KINDS = {
    "AssertionError": "Wrong answer",
    "SyntaxError": "Not a program",
    "IndentationError": "Not a program",
    "MemoryError": "Too much memory",
    "PermissionError": "Forbidden call",
}
"""What an exception means for a reader; others speak for themselves."""

METRIC = CodeEval()


def install() -> None:
    """From now on `evaluate.load` gives our metric, and no other."""
    evaluate.load = load


def load(path: str, *_: Any, **__: Any) -> CodeEval:
    """The metric named `code_eval`. Raises sandbox.Unsafe on a host that cannot keep programs in, and ValueError for
    any other metric; the task that asked then has no score, and this reason."""
    if path != "code_eval":
        raise ValueError(f"The metric {path!r} would be downloaded and run here, which does not happen.")
    sandbox.chosen_wall()
    return METRIC


def maker(task: Task) -> Callable[[str, str], str]:
    """How the task makes a program of an answer and its tests."""
    found: Callable[[str, str], str] = getattr(task, "program_of", program)
    return found


def judge_at_once(task: Task) -> None:
    """Let a task that runs code have all of its programs run together, once its answers are there and filtered."""
    if not getattr(task, "UNSAFE_CODE", False):
        return
    upstream: Callable[[], Any] = task.apply_filters

    def apply_filters() -> Any:
        ensembles = upstream()
        METRIC.run_ahead(programs_of(task, task.instances))
        return ensembles

    task.apply_filters = apply_filters


def explain(task: Task, samples: Iterable[MutableMapping[str, Any]]) -> None:
    """Give lm-eval's samples of a task that runs code a "reason": why their programs did not pass, "" where all did."""
    if not getattr(task, "UNSAFE_CODE", False):
        return
    known, made = METRIC.results(), maker(task)
    for sample in samples:
        tests = str(sample["target"])
        found = [known.get(made(answer, tests)) for answer in answers_in(sample["filtered_resps"])]
        sample["reason"] = why([one for one in found if one is not None])


def answers_in(value: Any) -> list[str]:
    """The texts in lm-eval's lists of answers, however deep."""
    return [text for one in value for text in answers_in(one)] if isinstance(value, list | tuple) else [str(value)]


def why(found: Sequence[sandbox.Result]) -> str:
    """Why programs did not pass, the most frequent reason first; with numbers where there are several programs."""
    counts = Counter(in_words(one.reason) for one in found if not one.passed)
    if len(found) == 1:
        return "".join(counts)
    return " ".join(f"{many} of {len(found)}: {reason}" for reason, many in counts.most_common())


def in_words(reason: str) -> str:
    """The sandbox's reason, and before it what its exception means."""
    name, _, _ = reason.partition(":")
    return f"{KINDS[name]} ({reason})" if name in KINDS else reason


def programs_of(task: Task, instances: Iterable[Instance]) -> list[str]:
    """Every program that lm-eval will ask about when it scores these answered requests."""
    found: list[str] = []
    made = maker(task)
    for instance in instances:
        tests = str(task.doc_to_target(instance.doc))
        for answers in instance.filtered_resps.values():
            row = answers if isinstance(answers, list) else [answers]
            found += [made(str(answer), tests) for answer in row]
    return found
