"""Times the report of a bake-off: python -m tests.benchmarks.board.bakeoff [ITEMS] [MODELS]. The last line is JSON."""

import hashlib
import json
import sys
import time

import numpy as np
from django.conf import settings
from django.test import Client
from django.urls import reverse

from evaluator.contract import Settings, settings_digest, spelled
from leaderboard.actions.accounts import create_person
from leaderboard.actions.keep_workload import make_workload
from leaderboard.actions.workload_suite import private_suite
from leaderboard.models import (
    Bakeoff,
    BakeoffEntry,
    ItemSet,
    Job,
    Model,
    Result,
    Revision,
    Submission,
    User,
    WorkloadAnswers,
    WorkloadVersion,
)

TIMES = 100


def made(items: int, models: int) -> tuple[User, Bakeoff]:
    """A bake-off whose models have all been measured; right in different shares, with some refusals."""
    ada = create_person(username="ada", password=None)
    prompts = [
        {"prompt": f"What is {n} + 1?", "reference": str(n + 1), "tags": [f"tag {n % 12}"]} for n in range(items)
    ]
    version = make_workload(owner=ada.owner, maker=ada, name="Sums", items=prompts, scoring={"kind": "number"})
    bakeoff = Bakeoff.objects.create(version=version, margin=2.0, made_by=ada)
    rng = np.random.default_rng(7)
    hashes = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(items))
    shared = ItemSet.objects.create(digest=hashlib.sha256(hashes).hexdigest(), n=items, hashes=hashes)
    for place in range(models):
        right = (rng.random(items) < 0.6 + 0.05 * place).astype("<f4")
        row = submission(ada, version, place, right, shared)
        BakeoffEntry.objects.create(bakeoff=bakeoff, position=place, submission=row)
    return ada, bakeoff


def submission(
    ada: User, version: WorkloadVersion, place: int, right: np.ndarray[tuple[int], np.dtype[np.float32]], items: ItemSet
) -> Submission:
    suite = private_suite(version=version)
    model = Model.everything.create(name=f"org/m{place}", hidden=True)
    revision = Revision.everything.create(model=model, sha=f"{place:040x}", source="mirror", hidden=True)
    told = Settings()
    row = Submission.everything.create(
        owner=ada.owner, submitter=ada, suite=suite, requested_model=model.name, revision=revision,
        settings=spelled(told), settings_digest=settings_digest(told), state="succeeded",
        score=100 * float(right.mean()), provenance={"evaluation_seconds": 600.0},
    )  # fmt: skip
    job = Job.everything.create(
        submission=row, queue="cpu", engine="vllm", state="done", attempt=1, not_before=row.created_at
    )
    Result.everything.create(
        submission=row, task=suite.tasks.get(), job=job, attempt=1, score=float(right.mean()), stderr=0.01,
        n=len(right), items=items, item_scores=right.tobytes(),
    )  # fmt: skip
    counts = np.full(len(right), 40, dtype="<i4").tobytes()
    flags = np.where(np.arange(len(right)) % 50, 1, 2).astype(np.uint8).tobytes()
    WorkloadAnswers.objects.create(submission=row, flags=flags, tokens_in=counts, tokens_out=counts)
    return row


def main(arguments: list[str]) -> None:
    items, models = (int(arguments[0]), int(arguments[1])) if len(arguments) > 1 else (10_000, 6)
    settings.ALLOWED_HOSTS = ["*"]
    ada, bakeoff = made(items, models)
    client = Client(headers={"x-forwarded-proto": "https"}, raise_request_exception=True)
    client.force_login(ada)
    page = reverse("bakeoff", args=[bakeoff.version.workload_id, bakeoff.pk])
    took = []
    for _ in range(TIMES + 3):
        begun = time.perf_counter()
        reply = client.get(page, secure=True)
        took.append(1_000 * (time.perf_counter() - begun))
        assert reply.status_code == 200, reply.status_code
    warm = np.sort(took[3:])
    print(json.dumps({
        "report_items": items, "report_models": models, "report_first_ms": round(took[0], 1),
        "report_p50_ms": round(float(np.percentile(warm, 50)), 1),
        "report_p99_ms": round(float(np.percentile(warm, 99)), 1),
    }))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
