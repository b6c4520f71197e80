"""The evaluation of a chaos run: `python -m tests.chaos.child RUN_FOLDER [SECONDS]`. Fast, exact, and it takes time.

An answer follows from the revision and the item, so that whoever measures it, and however often, finds the same. Each
is journalled as the harness does it; a suite's description ("take 0.6") says how many seconds all of them take. Every
sample names the attempt that it was written in, and the one that its item was answered in: results made of two attempts
give themselves away, and so do answers that came from somewhere else than the submission's own shards.
"""

import hashlib
import statistics
import sys
import time
from pathlib import Path

from msgspec.structs import replace

from evaluator import run
from evaluator.contract import Sample, Shard, TaskResult, TaskSpec, canonical_json, encode_sample, item_hash, spelled
from evaluator.journal import Journal
from evaluator.kept import next_run

TASKS = ("alpha", "beta")
ITEMS = {"long@1": 12}
"""Of each task, by suite: so many that it has shards; of all others `FEW`."""
FEW = 6


def answer(sha: str, suite: str, task: str, item: int) -> float:
    """1 where this revision is right, 0 where it is wrong."""
    return float(hashlib.sha256(f"{sha} {suite} {task} {item}".encode()).digest()[0] % 2)


def items_of(suite: str) -> range:
    return range(ITEMS.get(suite, FEW))


def score_of(sha: str, suite: str, task: str) -> float:
    return statistics.fmean(answer(sha, suite, task, item) for item in items_of(suite))


def turns(shard: Shard | None, items: int) -> list[int]:
    """The items that a run asks, in its order: those of its shard; the first one then the others', from their ends."""
    if shard is None:
        return list(range(items))
    own = [item for item in range(items) if item * shard.of // items == shard.index]
    return own if shard.helps else own + [item for item in reversed(range(items)) if item not in own]


def measured(folder: Path, spec: run.RunSpec) -> dict[tuple[str, int], tuple[float, str]]:
    """Each item's answer and the attempt that got it, from the journal or after its share of the time."""
    assert spec.journal is not None
    identity = {"engine": "chaos", "revision": spec.model.sha, "settings": spelled(spec.settings), "scope": spec.scope}
    journal = Journal(Path(spec.journal), identity, taken=folder / run.TAKEN if spec.shard else None)
    run.write(folder, run.RESPONSES, run.Responses(name=journal.path.name, begin=journal.begin))
    items = [(task.task, item) for task in spec.suite.tasks for item in items_of(spec.suite.slug)]
    each = float(spec.suite.description.removeprefix("take ")) / len(items)
    order = turns(spec.shard, len(items))
    answers = {}
    for done, turn in enumerate(order):
        task, item = items[turn]
        key = hashlib.sha256(canonical_json([spec.suite.slug, task, item])).hexdigest()
        if spec.shard is not None:
            journal.refresh()
        if key not in journal:
            time.sleep(each)
            journal.record([(key, [answer(spec.model.sha, spec.suite.slug, task, item), folder.name])])
        right, by = journal[key]
        answers[task, item] = (float(right), str(by))
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
    told = {"engine": "chaos", "attempt": folder.name}
    outcome = run.Outcome(tasks=(), table={}, provenance=told, load_seconds=0, evaluation_seconds=0)
    if spec.shard is not None and spec.shard.helps:
        run.write(folder, run.OUTCOME, outcome)
        return
    every = items_of(spec.suite.slug)
    with (folder / run.SAMPLES).open("wb") as samples:
        for task in spec.suite.tasks:
            for item in every:
                right, by = answers[task.task, item]
                sample = Sample(
                    task=task.task, doc_id=item, item_hash=item_hash(task.task, {"item": item}, "1"), target="1",
                    prompts=(folder.name, by), responses=(str(right),), answers={task.filter: str(right)},
                    scores={task.filter: {task.metric: right}},
                )  # fmt: skip
                samples.write(encode_sample(sample) + b"\n")
    tasks = tuple(result_of(task, [answers[task.task, item][0] for item in every]) for task in spec.suite.tasks)
    run.write(folder, run.OUTCOME, replace(outcome, tasks=tasks))


def main(arguments: list[str]) -> None:
    seconds = float(arguments[1]) if len(arguments) > 1 else 0.0
    folder: Path | None = Path(arguments[0])
    while folder is not None:
        evaluate(folder)
        folder = next_run(seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
