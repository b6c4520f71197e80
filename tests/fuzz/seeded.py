"""What is on the site that is fuzzed: a suite with results, two people with secrets of their own, a worker, staff."""

import json
from typing import Any

from evaluator.contract import Settings, encode, settings_digest, spelled
from leaderboard.actions.accounts import create_api_token, create_person, register_worker_token
from leaderboard.actions.load_suites import release
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.webhooks import add_webhook
from leaderboard.models import Delivery, Job, Model, Owner, Revision, Submission, Suite, User, WorkerToken
from tests.conftest import WORKER_SECRET, suite_spec
from tests.leaderboard.pages import made

CANARIES = {"A": "canary-of-a.example.org", "B": "canary-of-b.example.org"}
"""What nobody but its owner may ever read."""


def seed() -> dict[str, str]:
    """Fill the site; returns each role's bearer token ("" for none)."""
    spec = suite_spec()
    suite = release(spec, json.loads(encode(spec)), None)
    worker = register_worker_token(name="fuzz", token=WORKER_SECRET, trusted=True)
    tokens = {"anonymous": "", "worker": WORKER_SECRET}
    for role in ("A", "B", "staff"):
        person = create_person(username=role.lower(), password=None)
        if role == "staff":
            User.objects.filter(pk=person.pk).update(is_staff=True)
        tokens[role] = create_api_token(owner=person.owner, user=person, name="fuzz")
        if role in CANARIES:
            secrets_of(person.owner, suite, worker, CANARIES[role])
    build_snapshot(suite=suite)
    return tokens


def secrets_of(owner: Owner, suite: Suite, worker: WorkerToken, canary: str) -> None:
    """Submissions in several states, a webhook, and messages that could and could not be delivered."""
    scores = [1.0, 0.0, 0.5] * 10
    measured = [made.measure(queued(owner, suite, f"{owner.name}/m{n}"), worker, scores) for n in range(2)]
    made.end(queued(owner, suite, f"{owner.name}/failed"), "failed", error_code="broken", error_message="It broke.")
    queued(owner, suite, f"{owner.name}/waits")
    webhook, _ = add_webhook(owner=owner, url=f"https://{canary}/hook")
    for row, state in zip(measured, ("delivered", "dead"), strict=True):
        Delivery.objects.get_or_create(
            submission=row, webhook=webhook, defaults={"state": state, "tries": 1, "last_error": canary}
        )
        Delivery.objects.get_or_create(
            submission=row, email=f"someone@{canary}", defaults={"state": state, "tries": 1, "last_error": canary}
        )


def queued(owner: Owner, suite: Suite, name: str, **settings: Any) -> Submission:
    """A submission as the validator leaves it."""
    model, _ = Model.objects.get_or_create(name=name)
    sha = name.encode().hex()[:40].ljust(40, "0")
    revision, _ = Revision.objects.get_or_create(model=model, sha=sha, defaults={"source": "mirror"})
    chosen = Settings(**settings)
    row = Submission.objects.create(
        owner=owner, submitter=owner.user, suite=suite, requested_model=name, revision=revision,
        settings=spelled(chosen), settings_digest=settings_digest(chosen), state="queued",
    )  # fmt: skip
    Job.objects.create(submission=row, queue="cpu", engine="vllm", not_before=row.created_at)
    return row
