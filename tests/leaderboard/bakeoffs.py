"""Workloads and bake-offs as tests have them: models whose answers are told, through the worker's own calls."""

import gzip
import hashlib
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from evaluator import contract
from evaluator.contract import (
    Chunk,
    ClaimRequest,
    EarlyScores,
    JobSpec,
    Results,
    Sample,
    TaskResult,
    encode_sample,
    item_hash,
)
from evaluator.hub import PinnedModel
from evaluator.scoring.scored import score as scored
from evaluator.scoring.spec import scoring_of
from evaluator.suites import bundle, workload
from leaderboard.actions import lease, record, validate
from leaderboard.actions.begin_bakeoff import Candidate, Weights, begin_bakeoff
from leaderboard.actions.keep_workload import make_workload
from leaderboard.actions.score import score
from leaderboard.actions.stop_early import take_look
from leaderboard.models import Bakeoff, Bundle, Owner, Submission, WorkerToken, WorkloadVersion
from tests.leaderboard.path import pinned

REQUEST = ClaimRequest(worker="w", queues=("cpu", "gpu"), engines=("vllm", "transformers"), edition=contract.EDITION)
Answer = Callable[[str, int], str]
"""What a model says: of its name and an item's number."""


def items(n: int, word: str = "") -> list[dict[str, Any]]:
    """Sums with their results, every third one tagged "odd", every other "even"."""
    return [
        {"prompt": f"What is {k} + 1? {word}".strip(), "reference": str(k + 1), "id": f"{word}q{k}",
         "tags": [f"{word}third" if k % 3 == 0 else f"{word}other"]}
        for k in range(n)
    ]  # fmt: skip


def kept(owner: Owner, n: int = 40, *, word: str = "", scoring: Any = None, name: str = "Sums") -> WorkloadVersion:
    assert owner.user
    return make_workload(
        owner=owner, maker=owner.user, name=name, items=items(n, word), scoring=scoring or {"kind": "number"}
    )


def begun(
    version: WorkloadVersion, *models: str, candidates: Sequence[Candidate] = (), margin: float = 2.0,
    stops: bool = False,
) -> Bakeoff:  # fmt: skip
    owner = version.workload.owner
    assert owner.user
    return begin_bakeoff(
        owner=owner, maker=owner.user, workload=version.workload_id, version=version.number, margin=margin,
        stops=stops, candidates=[*(Weights(name, "f" * 40) for name in models), *candidates],
    )  # fmt: skip


def queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """The validator looks at every model that waits for it."""

    def pin(name: str, *_: Any, **__: Any) -> PinnedModel:
        return pinned(name)

    monkeypatch.setattr(validate.hub, "pin", pin)
    for row in Submission.everything.filter(state="validating").order_by("pk"):
        validate.validate(submission=row.pk)


def worked(token: WorkerToken, answer: Answer) -> list[Submission]:
    """A worker does every job that waits, and the site scores it."""
    done = []
    while (spec := lease.claim(token=token, request=REQUEST)) is not None:
        done.append(finished(spec, answer))
    return done


def finished(spec: JobSpec, answer: Answer) -> Submission:
    """Post what a worker would measure if the model said what `answer` tells: all of it, or up to a look after which
    the site says that it is enough."""
    samples = samples_of(spec, answer)
    scores = tuple(one.scores[workload.FILTER][workload.METRIC] for one in samples)
    samples = samples[: next((after for after in spec.looks if looked(spec, scores[:after])), len(samples))]
    body = gzip.compress(b"".join(encode_sample(one) + b"\n" for one in samples), mtime=0)
    digest = hashlib.sha256(body).hexdigest()
    record.record_chunk(
        job=spec.job, attempt=spec.attempt, token=spec.token, sequence=0, digest=digest, body=body
    )  # fmt: skip
    scores = tuple(one.scores[workload.FILTER][workload.METRIC] for one in samples)
    result = TaskResult(
        task=workload.TASK, metric=workload.METRIC, filter=workload.FILTER, score=statistics.fmean(scores),
        stderr=statistics.stdev(scores) / len(scores) ** 0.5, n=len(scores),
        item_hashes=tuple(one.item_hash for one in samples), item_scores=scores,
    )  # fmt: skip
    results = Results(
        attempt=spec.attempt, tasks=(result,), chunks=(Chunk(sequence=0, digest=digest, samples=len(samples)),),
        provenance={"engine": spec.settings.engine, "tokens": {"input": 900, "output": 300}}, load_seconds=1.0,
        evaluation_seconds=20.0,
    )  # fmt: skip
    record.record_results(job=spec.job, token=spec.token, results=results)
    row = Submission.everything.get(jobs=spec.job)
    score(submission=row.pk)
    row.refresh_from_db()
    return row


def looked(spec: JobSpec, scores: tuple[float, ...]) -> bool:
    """What the site says to a worker that shows these scores."""
    return take_look(job=spec.job, token=spec.token, look=EarlyScores(attempt=spec.attempt, scores=scores))


def samples_of(spec: JobSpec, answer: Answer) -> list[Sample]:
    """One for each item of the bundle, scored as the harness scores it."""
    assert spec.suite.bundle is not None
    head, *lines = bundle.read(bytes(Bundle.objects.get(pk=spec.suite.bundle).data))[workload.FILE].splitlines()
    scoring = scoring_of(contract.decode(head, dict)["scoring"])
    found = []
    for number, line in enumerate(lines):
        item = contract.decode(line, workload.Asked)
        said = answer(spec.model.name, number)
        judged = scored(scoring, said, item.references, item.choices)
        found.append(Sample(
            task=workload.TASK, doc_id=number,
            item_hash=item_hash(workload.TASK, {"messages": item.messages, "n": number}, item.references),
            target="\n".join(item.references), prompts=(workload.transcript(item.messages),), responses=(said,),
            answers={workload.FILTER: said},
            scores={workload.FILTER: {workload.METRIC: judged.score, "extracted": float(judged.answer is not None)}},
            tokens_in=20, tokens_out=len(said.split()), finish=("stop",),
        ))  # fmt: skip
    return found
