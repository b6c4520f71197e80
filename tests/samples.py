"""Samples that agree with results, and the chunks they travel in."""

import gzip
import hashlib
from collections.abc import Iterable
from typing import Any

from evaluator.contract import Chunk, JobSpec, Results, Sample, TaskResult, encode_sample
from leaderboard.actions import record


def sample(task: str = "alpha", doc_id: int = 0, score: float = 1.0, **changes: Any) -> Sample:
    """One item of the tiny suite's task alpha, unless `changes` say otherwise."""
    values: dict[str, Any] = {
        "item_hash": hashlib.sha256(f"{task}{doc_id}".encode()).hexdigest(),
        "target": "4",
        "prompts": ("2 + 2 =",),
        "responses": (" 4",),
        "answers": {"none": "4"},
        "scores": {"none": {"acc": score}},
    }
    return Sample(task=task, doc_id=doc_id, **values | changes)


def measured(task: str, scores: list[float], metric: str = "acc", filter_: str = "none") -> TaskResult:
    """A task of the tiny suite with these scores of its items."""
    return TaskResult(
        task=task, metric=metric, filter=filter_, score=sum(scores) / len(scores), stderr=0.1, n=len(scores),
        item_hashes=tuple(sample(task, number).item_hash for number in range(len(scores))),
        item_scores=tuple(scores),
    )  # fmt: skip


BETA = measured("beta", [1.0, 0.0], "exact_match", "strict")


def agreeing(tasks: Iterable[TaskResult]) -> list[Sample]:
    """What these results were computed from."""
    return [
        sample(result.task, number, item_hash=item, scores={result.filter: {result.metric: score}})
        for result in tasks
        for number, (item, score) in enumerate(zip(result.item_hashes, result.item_scores, strict=True))
    ]


def packed(samples: Iterable[Sample]) -> bytes:
    """A chunk's body."""
    return gzip.compress(b"".join(encode_sample(one) + b"\n" for one in samples), mtime=0)


def post(spec: JobSpec, body: bytes, sequence: int = 0) -> bool:
    """Send a chunk, as the worker that holds the job."""
    return record.record_chunk(
        job=spec.job, attempt=spec.attempt, token=spec.token, sequence=sequence,
        digest=hashlib.sha256(body).hexdigest(), body=body,
    )  # fmt: skip


def listed(body: bytes, sequence: int = 0, samples: int | None = None) -> Chunk:
    """A chunk as results list it."""
    count = gzip.decompress(body).count(b"\n") if samples is None else samples
    return Chunk(sequence=sequence, digest=hashlib.sha256(body).hexdigest(), samples=count)


def finish(
    spec: JobSpec, tasks: Iterable[TaskResult], samples: Iterable[Sample] | None = None, *, each: int = 250
) -> None:
    """Post samples (those that agree, unless others are given), `each` to a chunk, and then the results."""
    tasks = tuple(tasks)
    found = list(agreeing(tasks) if samples is None else samples)
    bodies = [packed(found[start : start + each]) for start in range(0, len(found), each)]
    for sequence, body in enumerate(bodies):
        post(spec, body, sequence)
    results = Results(
        attempt=spec.attempt, tasks=tasks, chunks=tuple(listed(body, at) for at, body in enumerate(bodies)),
        provenance={"engine": "vllm"}, load_seconds=1.0, evaluation_seconds=2.0,
    )  # fmt: skip
    record.record_results(job=spec.job, token=spec.token, results=results)
