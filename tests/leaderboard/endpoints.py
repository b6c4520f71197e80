"""Submissions of endpoints, step by step: what their owner and an api worker do in turn."""

from typing import Any

import msgspec

from evaluator.contract import (
    ClaimRequest,
    Failure,
    Heartbeat,
    JobSpec,
    Preflight,
    Sampling,
    Spent,
    SuiteSpec,
    TaskSpec,
    encode,
)
from leaderboard.actions import lease, record
from leaderboard.actions.access import Access
from leaderboard.actions.load_suites import release
from leaderboard.actions.preflight import record_preflight
from leaderboard.actions.score import score
from leaderboard.actions.submit_endpoint import submit_endpoint
from leaderboard.models import Owner, Submission, Suite, WorkerToken
from tests.leaderboard.measured import measured

CANARY = "sk-canary-5f1d0c7e9b3a4e6f8a2b"
"""A key that may be found nowhere."""
URL = "https://api.example.org/v1"


def generated_suite(name: str = "talk", *, limit: int | None = 50) -> Suite:
    """A suite that any endpoint can answer."""
    tasks = tuple(
        TaskSpec(task=task, title=task.capitalize(), metric="exact_match", filter="strict", limit=limit)
        for task in ("gamma", "delta")
    )
    spec = SuiteSpec(name=name, version=1, title="Talk", tasks=tasks)
    return release(spec, msgspec.json.decode(encode(spec)), None)


def access(**changes: Any) -> Access:
    """An endpoint as a person would give it."""
    given: dict[str, Any] = {
        "base_url": URL, "protocol": "openai-chat", "model": "gpt-5", "api_key": CANARY, "budget_tokens": 1_000_000,
    }  # fmt: skip
    return Access(**(given | changes))


def submitted(owner: Owner, *, suite: str = "talk@1", **changes: Any) -> Submission:
    assert owner.user
    return submit_endpoint(owner=owner, submitter=owner.user, suite=suite, access=access(**changes))


def asking(**changes: Any) -> ClaimRequest:
    """What an api worker of today says of itself."""
    said: dict[str, Any] = {"worker": "api-1", "queues": ("api",), "engines": ("endpoint",), "edition": 3}
    return ClaimRequest(**(said | changes))


def claim(token: WorkerToken, **changes: Any) -> JobSpec | None:
    return lease.claim(token=token, request=asking(**changes))


def claimed(token: WorkerToken) -> JobSpec:
    spec = claim(token)
    assert spec is not None
    return spec


def found(spec: JobSpec, **changes: Any) -> Preflight:
    """What a worker finds at an endpoint that is fit."""
    said: dict[str, Any] = {
        "attempt": spec.attempt, "fingerprint": "fp_1", "seconds": 0.5, "context_length": 8_192,
        "spent": Spent(requests=2, input_tokens=20, output_tokens=10),
    }  # fmt: skip
    return Preflight(**(said | changes))


def looked(token: WorkerToken, **changes: Any) -> JobSpec:
    """Let a worker look at the endpoint that waits; what it finds may differ."""
    spec = claimed(token)
    assert spec.endpoint is not None and spec.endpoint.preflight
    assert record_preflight(job=spec.job, token=spec.token, found=found(spec, **changes))
    return spec


def running(owner: Owner, token: WorkerToken, **changes: Any) -> tuple[Submission, JobSpec]:
    """A submission whose evaluation a worker has just claimed."""
    row = submitted(owner, **changes)
    looked(token)
    spec = claimed(token)
    row.refresh_from_db()
    return row, spec


def beat(spec: JobSpec, spent: Spent, *, done: int = 1, total: int = 10) -> None:
    told = Heartbeat(attempt=spec.attempt, phase="evaluating", done=done, total=total, spent=spent)
    lease.heartbeat(job=spec.job, token=spec.token, beat=told)


def fail(spec: JobSpec, kind: Any, *, code: str = "broken", message: str = "It broke.", **told: Any) -> bool:
    failure = Failure(attempt=spec.attempt, kind=kind, code=code, message=message, **told)
    return record.record_failure(job=spec.job, token=spec.token, failure=failure)


def finished(row: Submission, spec: JobSpec, *, spent: Spent | None = None, variant: int = 0) -> Submission:
    """Post what an honest worker measures, and score it."""
    made = measured(spec, variant=variant)
    for sequence, body in enumerate(made.bodies):
        record.record_chunk(
            job=spec.job, attempt=spec.attempt, token=spec.token, sequence=sequence, digest=made.digest(sequence),
            body=body,
        )  # fmt: skip
    results = msgspec.structs.replace(made.results, spent=spent)
    record.record_results(job=spec.job, token=spec.token, results=results)
    score(submission=row.pk)
    row.refresh_from_db()
    return row


WARM = Sampling(temperature=0.7, passes=3)
