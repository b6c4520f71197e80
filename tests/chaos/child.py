"""The evaluation of a chaos run: `python -m tests.chaos.child RUN_FOLDER [SECONDS]`. Fast, exact, and it takes time.

An answer follows from the revision and the item, so that whoever measures it, and however often, finds the same. Each
is journalled as the harness does it; a suite's description ("take 0.6") says how many seconds all of them take. Every
sample names the attempt that it was written in: results made of two attempts give themselves away.
"""

import hashlib
import statistics
import sys
import time
from pathlib import Path

from evaluator import run
from evaluator.contract import Sample, TaskResult, TaskSpec, canonical_json, encode_sample, item_hash, spelled
from evaluator.journal import Journal
from evaluator.kept import next_run

ITEMS = 6
"""Of each task."""


def answer(sha: str, suite: str, task: str, item: int) -> float:
    """1 where this revision is right, 0 where it is wrong."""
    return float(hashlib.sha256(f"{sha} {suite} {task} {item}".encode()).digest()[0] % 2)


def score_of(sha: str, suite: str, task: str) -> float:
    return statistics.fmean(answer(sha, suite, task, item) for item in range(ITEMS))


def measured(folder: Path, spec: run.RunSpec) -> dict[tuple[str, int], float]:
    """Every item's answer, from the journal or after its share of the time."""
    assert spec.journal is not None
    identity = {"engine": "chaos", "revision": spec.model.sha, "settings": spelled(spec.settings), "scope": spec.scope}
    journal = Journal(Path(spec.journal), identity)
    run.write(folder, run.RESPONSES, run.Responses(name=journal.path.name, begin=journal.begin))
    items = [(task.task, item) for task in spec.suite.tasks for item in range(ITEMS)]
    each = float(spec.suite.description.removeprefix("take ")) / len(items)
    answers = {}
    for done, (task, item) in enumerate(items):
        key = hashlib.sha256(canonical_json([spec.suite.slug, task, item])).hexdigest()
        if key not in journal:
            time.sleep(each)
            journal.record([(key, answer(spec.model.sha, spec.suite.slug, task, item))])
        answers[task, item] = journal[key]
        run.write(folder, run.PROGRESS, run.Progress(phase="evaluating", done=done + 1, total=len(items)))
    journal.close()
    return answers


def result_of(task: TaskSpec, scores: list[float]) -> TaskResult:
    return TaskResult(
        task=task.task, metric=task.metric, filter=task.filter, score=statistics.fmean(scores),
        stderr=statistics.stdev(scores) / len(scores) ** 0.5, n=len(scores), item_scores=tuple(scores),
        item_hashes=tuple(item_hash(task.task, {"item": item}, "1") for item in range(len(scores))),
    )  # fmt: skip


def evaluate(folder: Path) -> None:
    spec = run.read_spec(folder)
    answers = measured(folder, spec)
    with (folder / run.SAMPLES).open("wb") as samples:
        for task in spec.suite.tasks:
            for item in range(ITEMS):
                right = answers[task.task, item]
                sample = Sample(
                    task=task.task, doc_id=item, item_hash=item_hash(task.task, {"item": item}, "1"), target="1",
                    prompts=(folder.name,), responses=(str(right),), answers={task.filter: str(right)},
                    scores={task.filter: {task.metric: right}},
                )  # fmt: skip
                samples.write(encode_sample(sample) + b"\n")
    tasks = tuple(result_of(task, [answers[task.task, item] for item in range(ITEMS)]) for task in spec.suite.tasks)
    told = {"engine": "chaos", "attempt": folder.name}
    run.write(
        folder, run.OUTCOME, run.Outcome(tasks=tasks, table={}, provenance=told, load_seconds=0, evaluation_seconds=0)
    )


def main(arguments: list[str]) -> None:
    seconds = float(arguments[1]) if len(arguments) > 1 else 0.0
    folder: Path | None = Path(arguments[0])
    while folder is not None:
        evaluate(folder)
        folder = next_run(seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
