"""Nothing may stand still for ever: a hostile repository, a race or one broken row must not stop the site."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now
from pytest_django import Settings as DjangoSettings

from evaluator.contract import ClaimRequest
from evaluator.hub import PinnedModel
from leaderboard.actions import cancel as cancelling
from leaderboard.actions import lease, record, validate
from leaderboard.actions.submit import submit
from leaderboard.models import Job, Outbox, Owner, Submission, Suite, User, WorkerToken
from tests.evaluator.fake_hub import safetensors
from tests.leaderboard.actions.test_record import results

Make = Callable[..., Submission]
REQUEST = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",))


@pytest.fixture
def mirror(tmp_path: Path, settings: DjangoSettings) -> Path:
    settings.HUB_MIRRORS = (tmp_path,)
    return tmp_path


def repository(mirror: Path, config: dict[str, Any], card: str = "") -> None:
    folder = mirror / "models/org/model"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], **config}))
    (folder / "README.md").write_text(card)
    (folder / "model.safetensors").write_bytes(safetensors({"w": ("F32", (16, 8))}))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("config", "card"),
    [
        ({"max_position_embeddings": 10**30}, ""),
        ({"max_position_embeddings": 2**31}, ""),
        ({"model_type": "m" * 101}, ""),
        ({"model_type": "a\x00b"}, ""),
        ({"architectures": ["A" * 200 + "ForCausalLM"]}, ""),
        ({"architectures": ["\x00ForCausalLM"]}, ""),
        ({"torch_dtype": "d" * 21}, ""),
        ({}, "---\nlicense: [" + ", ".join(["apache-2.0"] * 20) + "]\n---\n"),
        ({}, "---\nlicense: other\nlicense_name: " + "x" * 101 + "\n---\n"),
        ({}, "---\nbase_model: " + "x" * 201 + "\n---\n"),
        ({}, '---\nlicense: "a\\0b"\n---\n'),
        ({}, "---\nlicense: " + "[" * 2000 + "]" * 2000 + "\n---\n"),
        ({"num_experts": 0, "text_config": {"text_config": {"text_config": {}}}}, ""),
    ],
    ids=[
        "enormous context", "context beyond an integer", "long type", "NUL in the type", "long architecture",
        "NUL in the architecture", "long dtype", "many licences", "long licence", "long base model",
        "NUL in the licence", "deep card", "nested config",
    ],
)  # fmt: skip
def test_whatever_a_repository_says_of_itself_validation_ends(
    owner: Owner, person: User, suite: Suite, mirror: Path, config: dict[str, Any], card: str
) -> None:
    """Anyone can write a repository: what the table cannot hold must not leave the submission validating for ever."""
    made = submit(owner=owner, submitter=person, suite=suite.slug, model="org/model")
    repository(mirror, config, card)
    validate.validate(submission=made.pk)
    made.refresh_from_db()
    assert made.state in {"queued", "rejected"}


@pytest.mark.django_db
def test_a_bug_in_the_validator_does_not_keep_a_submission_validating(
    owner: Owner, person: User, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = submit(owner=owner, submitter=person, suite=suite.slug, model="org/model")

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(validate.hub, "pin", broken)
    for _ in range(20):
        try:
            validate.validate(submission=made.pk)
        except ZeroDivisionError:
            pass
    made.refresh_from_db()
    assert made.state == "rejected"


@pytest.mark.django_db(transaction=True)
def test_cancelling_at_the_moment_of_queueing_leaves_no_job_behind(
    owner: Owner, person: User, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The validator commits between the canceller's look at the jobs and its look at the submission."""
    made = submit(owner=owner, submitter=person, suite=suite.slug, model="org/model")
    pinned = PinnedModel(
        name="org/model", sha="a" * 40, source="mirror", folder=None, licence="", parameters=1, active_parameters=1,
        architecture="LlamaForCausalLM", model_type="llama", context_length=1, dtype="", chat_template=False,
        gated=False, size_bytes=1, base_model=None, modalities=("text",), created=None, needs_remote_code=False,
    )  # fmt: skip
    validated: list[bool] = []

    def accept() -> None:
        validate.accept(Submission.objects.get(pk=made.pk), pinned)
        connections.close_all()

    def look(**conditions: Any) -> Any:
        if not validated:
            validated.append(True)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(accept).result(10)
        return Submission.objects.filter(**conditions)

    rows = SimpleNamespace(filter=look, select_for_update=Submission.everything.select_for_update)
    shim = SimpleNamespace(objects=rows, everything=rows)
    monkeypatch.setattr(cancelling, "Submission", shim)
    cancelling.cancel(submission=made.pk, owner=owner)
    assert validated
    made.refresh_from_db()
    jobs = list(Job.objects.values_list("state", flat=True))
    assert (made.state, jobs) in [("cancelled", []), ("cancelled", ["cancelled"])]


@pytest.mark.django_db
def test_a_job_of_an_ended_submission_is_not_given_out(make_submission: Make, worker_token: WorkerToken) -> None:
    made = make_submission()
    Submission.objects.filter(pk=made.pk).update(state="cancelled")
    assert lease.claim(token=worker_token, request=REQUEST) is None


@pytest.mark.django_db
def test_one_broken_job_does_not_stop_the_reconciler(make_submission: Make, worker_token: WorkerToken) -> None:
    """Every lease that ran out later, and every bell, waits behind the first that cannot be taken back."""
    broken, sound = make_submission("org/broken", "b" * 40), make_submission("org/sound", "c" * 40)
    for _ in range(2):
        assert lease.claim(token=worker_token, request=REQUEST)
    Submission.objects.filter(pk=broken.pk).update(state="cancelled")
    Job.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    try:
        lease.expire_leases()
    except Exception as error:
        pytest.fail(f"the reconciler stopped: {error!r}")
    assert sound.jobs.get().state == "queued"
    assert Outbox.objects.filter(subject=sound.jobs.get().pk).exists()


@pytest.mark.django_db
def test_results_that_come_after_the_owner_asked_to_cancel_are_not_ranked(
    make_submission: Make, worker_token: WorkerToken, owner: Owner
) -> None:
    """The reply said that it is being cancelled; then it stands on the board."""

    made = make_submission()
    spec = lease.claim(token=worker_token, request=REQUEST)
    assert spec is not None
    cancelling.cancel(submission=made.pk, owner=owner)
    try:
        record.record_results(job=spec.job, token=spec.token, results=results())
    except record.Conflict:
        pass
    made.refresh_from_db()
    assert made.state in {"running", "cancelled"}
