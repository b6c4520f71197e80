import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings as DjangoSettings

from evaluator import suites
from evaluator.contract import ClaimRequest, Settings
from leaderboard.actions.introduce import introduce
from leaderboard.actions.load_suites import load_suite
from leaderboard.actions.submit import submit
from leaderboard.actions.validate import check_thinking, validate
from leaderboard.models import Event, Job, Model, Outbox, Owner, Revision, Submission, Suite, User, WorkerToken
from tests.evaluator.fake_hub import safetensors

pytestmark = pytest.mark.django_db

CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 2048}


@pytest.fixture
def mirror(tmp_path: Path, settings: DjangoSettings) -> Path:
    """A mirror that the site looks at; the Hub itself is offline in tests."""
    settings.HUB_MIRRORS = (tmp_path,)
    return tmp_path


def add_model(mirror: Path, name: str = "org/model", weights: bool = True, **config: Any) -> None:
    folder = mirror / "models" / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}))
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    if weights:
        (folder / "model.safetensors").write_bytes(safetensors({"w": ("F32", (16, 8))}))


@pytest.fixture
def made(owner: Owner, person: User, suite: Suite, mirror: Path) -> Submission:
    return submit(owner=owner, submitter=person, suite="tiny@1", model="org/model")


def outcome(made: Submission) -> tuple[str, str]:
    validate(submission=made.pk)
    made.refresh_from_db()
    return made.state, made.error_code


def test_a_mirrored_model_is_pinned_described_and_queued(made: Submission, mirror: Path) -> None:
    add_model(mirror)
    assert outcome(made) == ("queued", "")
    revision = Revision.objects.get()
    assert (revision.parameters, revision.architecture, revision.context_length) == (128, "LlamaForCausalLM", 2048)
    assert (revision.source, len(revision.sha)) == ("mirror", 40)
    assert Model.objects.get().licence == "apache-2.0"
    job = Job.objects.get()
    assert Outbox.objects.get().subject == job.pk
    assert [event.after for event in Event.objects.all()] == ["validating", "queued"]


def test_it_is_told_when_it_will_have_ended_as_far_as_anybody_knows(
    made: Submission, owner: Owner, person: User, mirror: Path, worker_token: WorkerToken
) -> None:
    add_model(mirror)
    add_model(mirror, "org/second")
    validate(submission=made.pk)
    made.refresh_from_db()
    assert made.predicted_seconds is None
    introduce(token=worker_token, request=ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",)))
    now = timezone.now()
    Submission.objects.filter(pk=made.pk).update(state="succeeded", finished_at=now)
    Job.objects.update(
        state="done", claimed_at=now - timedelta(seconds=90), evaluating_at=now - timedelta(seconds=60), finished_at=now
    )
    second = submit(owner=owner, submitter=person, suite="tiny@1", model="org/second")
    assert outcome(second) == ("queued", "")
    assert second.predicted_seconds == 90
    assert second.queued_at


def test_a_second_bell_does_nothing(made: Submission, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model, which may be on the Hub, is not even looked at again."""
    add_model(mirror)
    validate(submission=made.pk)
    monkeypatch.setattr("leaderboard.actions.validate.look", lambda row: pytest.fail(f"{row} was looked at again"))
    validate(submission=made.pk)
    assert Job.objects.count() == 1


def test_without_weights_in_safetensors_it_is_rejected(made: Submission, mirror: Path) -> None:
    add_model(mirror, weights=False)
    assert outcome(made) == ("rejected", "no_safetensors")
    assert not Outbox.objects.exists()


def test_an_architecture_that_generates_no_text_is_rejected(made: Submission, mirror: Path) -> None:
    add_model(mirror, architectures=["BertForSequenceClassification"])
    assert outcome(made) == ("rejected", "unsupported_architecture")
    assert "BertForSequenceClassification" in made.error_message


def test_larger_than_the_limit_is_rejected(made: Submission, mirror: Path, settings: DjangoSettings) -> None:
    settings.MAX_PARAMETERS = 100
    add_model(mirror)
    assert outcome(made) == ("rejected", "too_large")


def test_a_chat_run_needs_a_chat_template(owner: Owner, person: User, suite: Suite, mirror: Path) -> None:
    add_model(mirror)
    chat = Settings(apply_chat_template=True)
    made = submit(owner=owner, submitter=person, suite="tiny@1", model="org/model", settings=chat)
    assert outcome(made) == ("rejected", "no_chat_template")


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        (Settings(thinking=True), "thinking_without_template"),
        (Settings(thinking=True, apply_chat_template=True), "thinking_with_likelihoods"),
        (Settings(thinking_tokens=100), "thinking_unmarked"),
        (Settings(thinking=False), ""),
        (Settings(think_end="</think>", thinking_tokens=100), ""),
    ],
)
def test_thinking_is_refused_where_it_cannot_be(
    owner: Owner, person: User, suite: Suite, mirror: Path, chosen: Settings, code: str
) -> None:
    """The tiny suite's task alpha compares log-likelihoods; beta is generated."""
    add_model(mirror)
    (mirror / "models" / "org" / "model" / "chat_template.jinja").write_text("{{ messages }}")
    made = submit(owner=owner, submitter=person, suite="tiny@1", model="org/model", settings=chosen)
    assert outcome(made)[1] == code
    if code == "thinking_with_likelihoods":
        assert made.error_message.startswith("Alpha compare log-likelihoods")


def test_thinking_is_taken_where_all_answers_are_generated() -> None:
    check_thinking(Settings(thinking=True, apply_chat_template=True), [("Beta", "exact_match")])


def test_an_unreachable_hub_leaves_it_validating_and_patience_ends(made: Submission) -> None:
    assert outcome(made) == ("validating", "hub_unreachable")
    bell = Outbox.objects.get()
    assert bell.ring_after > timezone.now()
    validate(submission=made.pk)
    assert Event.objects.filter(before="validating", after="validating").count() == 1
    Submission.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(hours=2))
    assert outcome(made) == ("rejected", "hub_unreachable")
    assert not Outbox.objects.exists()


def test_two_ways_of_naming_one_revision_are_one_evaluation(
    made: Submission, owner: Owner, person: User, mirror: Path
) -> None:
    add_model(mirror)
    validate(submission=made.pk)
    sha = Revision.objects.get().sha
    twin = submit(owner=owner, submitter=person, suite="tiny@1", model="org/model", revision=sha)
    assert outcome(twin) == ("rejected", "duplicate_submission")
    assert f"Submission {made.pk}" in twin.error_message
    assert Job.objects.count() == 1


@pytest.fixture
def pictures(owner: Owner, person: User, mirror: Path) -> Submission:
    """A submission of org/model to a suite that shows images."""
    load_suite(path=next(path for path in suites.built_in() if path.stem == "vision@1"))
    return submit(owner=owner, submitter=person, suite="vision@1", model="org/model")


def test_a_model_that_reads_no_images_is_refused_where_they_are_shown(pictures: Submission, mirror: Path) -> None:
    add_model(mirror)
    assert outcome(pictures) == ("rejected", "no_images")
    assert "vision@1 shows images, and org/model reads none" in pictures.error_message


def test_images_need_the_engine_that_shows_them(owner: Owner, person: User, pictures: Submission, mirror: Path) -> None:
    add_model(mirror, vision_config={})
    settings = Settings(engine="transformers")
    other = submit(owner=owner, submitter=person, suite="vision@1", model="org/model", settings=settings)
    assert outcome(other) == ("rejected", "no_images")
    assert "only the engine vllm" in other.error_message


@pytest.mark.parametrize(
    ("engines", "ended"),
    [
        ((), ("queued", "")),
        (("vllm", "vllm-images"), ("queued", "")),
        (("vllm", "transformers"), ("rejected", "no_images_here")),
    ],
)
def test_images_are_refused_where_no_worker_that_is_there_can_show_them(
    pictures: Submission, mirror: Path, worker_token: WorkerToken, engines: Any, ended: tuple[str, str]
) -> None:
    add_model(mirror, vision_config={})
    if engines:
        introduce(token=worker_token, request=ClaimRequest(worker="w", queues=("cpu",), engines=engines))
    assert outcome(pictures) == ended
    assert list(Job.objects.values_list("engine", flat=True)) == ["vllm-images"] * (ended[0] == "queued")
    assert not pictures.error_message or "ray and torchvision" in pictures.error_message
