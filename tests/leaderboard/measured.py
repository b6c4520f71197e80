"""What an honest worker would post for a claimed job: samples in chunks, and the results that follow from them.

The one place that makes them, so that a stricter check of what workers send is met here and nowhere else. Items,
scores and standard errors agree with the samples as lm-eval's would; every revision answers a little differently.
"""

import gzip
import hashlib
import statistics
from dataclasses import dataclass
from typing import Any

import msgspec

from evaluator.contract import Chunk, JobSpec, Results, Sample, TaskResult, TaskSpec, encode, item_hash

ITEMS = 5
"""Of each task."""


@dataclass(frozen=True)
class Measured:
    """The chunks' bodies in order, and the results that list them."""

    bodies: tuple[bytes, ...]
    results: Results

    def digest(self, sequence: int) -> str:
        return hashlib.sha256(self.bodies[sequence]).hexdigest()


def measured(spec: JobSpec, *, variant: int = 0) -> Measured:
    """One chunk a task. Two variants of one job are two honest runs which did not come out equal."""
    samples = {
        task.task: [sample_of(spec, task, doc_id, variant) for doc_id in range(ITEMS)] for task in spec.suite.tasks
    }
    bodies = tuple(
        gzip.compress(b"".join(encode(sample) + b"\n" for sample in of_task), mtime=0) for of_task in samples.values()
    )
    chunks = tuple(
        Chunk(sequence=sequence, digest=hashlib.sha256(body).hexdigest(), samples=ITEMS)
        for sequence, body in enumerate(bodies)
    )
    results = Results(
        attempt=spec.attempt,
        tasks=tuple(result_of(task, samples[task.task]) for task in spec.suite.tasks),
        chunks=chunks,
        provenance={"engine": spec.settings.engine},
        load_seconds=1.0,
        evaluation_seconds=2.0,
    )
    return Measured(bodies, results)


def differing(results: Results) -> Results:
    """The same measurement told in another way: not the results that were sent before."""
    return msgspec.structs.replace(results, evaluation_seconds=results.evaluation_seconds + 1.0)


def sample_of(spec: JobSpec, task: TaskSpec, doc_id: int, variant: int) -> Sample:
    """The first item is always right and the second always wrong; the model decides about the others."""
    coin = hashlib.sha256(f"{spec.model.name} {spec.model.sha} {task.task} {doc_id} {variant}".encode()).digest()
    right = doc_id == 0 or (doc_id > 1 and coin[0] % 2 == 0)
    doc: dict[str, Any] = {"question": f"What is {doc_id} of {task.task}?", "choices": ["this", "that"]}
    shown: dict[str, Any]
    if task.metric == "acc":
        target = str(doc_id % 2)
        likely = doc_id % 2 if right else 1 - doc_id % 2
        pairs = [(-1.0 - coin[1] / 256 if choice == likely else -4.0 - coin[2] / 256) for choice in range(2)]
        shown = {
            "prompts": tuple(f"{doc['question']}␟ {choice}" for choice in doc["choices"]),
            "responses": tuple(f"({value!r}, False)" for value in pairs),
            "answers": {task.filter: str([(value, False) for value in pairs])},
        }
    else:
        target = f"answer {doc_id}"
        answer = target if right else f"guess {coin.hex()[:8]}"
        shown = {
            "prompts": (doc["question"],),
            "responses": (f"I think that it is {answer} ({coin.hex()[:6]}).",),
            "answers": {task.filter: answer},
        }
    return Sample(
        task=task.task,
        doc_id=doc_id,
        item_hash=item_hash(task.task, doc, target),
        target=target,
        scores={task.filter: {task.metric: float(right)}},
        **shown,
    )


def result_of(task: TaskSpec, samples: list[Sample]) -> TaskResult:
    """The mean of the samples' scores and its standard error."""
    scores = tuple(sample.scores[task.filter][task.metric] for sample in samples)
    return TaskResult(
        task=task.task,
        metric=task.metric,
        filter=task.filter,
        score=statistics.fmean(scores),
        stderr=statistics.stdev(scores) / len(scores) ** 0.5,
        n=len(scores),
        item_hashes=tuple(sample.item_hash for sample in samples),
        item_scores=scores,
    )
