"""A site with a past and a long line: submissions that ended long ago, and as many of several owners that wait."""

import json
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from evaluator.contract import Settings, encode, settings_digest, spelled
from leaderboard.actions.accounts import create_person, register_worker_token
from leaderboard.actions.load_suites import release
from leaderboard.models import Job, Model, Outbox, Revision, Submission, Suite, WorkerToken
from tests.conftest import suite_spec

OWNERS = 20
SECRET = "a-worker-of-the-benchmark"
AT_ONCE = 2_000


def fill(ended: int, waiting: int) -> WorkerToken:
    """So many submissions that succeeded, and so many that wait, each of another model and with its turn; returns the
    workers' token."""
    spec = suite_spec()
    suite = release(spec, json.loads(encode(spec)), None)
    owners = [create_person(username=f"owner{number}", password=None).owner.pk for number in range(OWNERS)]
    for first in range(0, ended + waiting, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, ended + waiting))
        insert(suite, owners, numbers, ended)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return register_worker_token(name="benchmark", token=SECRET, trusted=True)


def insert(suite: Suite, owners: list[int], numbers: range, ended: int) -> None:
    """The rows of these submissions; those below `ended` are over."""
    settings, now = Settings(), timezone.now()
    models = Model.objects.bulk_create(Model(name=f"org/m{number}", created_at=now) for number in numbers)
    revisions = Revision.objects.bulk_create(
        Revision(model=model, sha=f"{number:040x}", source="mirror", created_at=now)
        for model, number in zip(models, numbers, strict=True)
    )
    submissions = Submission.objects.bulk_create(
        Submission(
            owner_id=owners[number % OWNERS], suite=suite, requested_model=model.name, revision=revision,
            settings=spelled(settings), settings_digest=settings_digest(settings), created_at=now, queued_at=now,
            state="succeeded" if number < ended else "queued", finished_at=now if number < ended else None,
        )
        for model, revision, number in zip(models, revisions, numbers, strict=True)
    )  # fmt: skip
    jobs = Job.objects.bulk_create(
        Job(
            submission=submission, queue="cpu", engine="vllm", not_before=now, created_at=now,
            turn=number // OWNERS + 1, attempt=int(number < ended), state="done" if number < ended else "queued",
            claimed_at=now if number < ended else None, finished_at=now if number < ended else None,
        )
        for submission, number in zip(submissions, numbers, strict=True)
    )  # fmt: skip
    Outbox.objects.bulk_create(
        Outbox(kind="job", subject=job.pk, queue="cpu", ring_after=now + timedelta(hours=1), rings=1, created_at=now)
        for job in jobs
        if job.state == "queued"
    )
