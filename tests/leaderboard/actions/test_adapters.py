"""An adapter is submitted like any model: validated with its base, told with it everywhere, and run with it."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings as DjangoSettings

from evaluator import hub
from evaluator.contract import ClaimRequest, ModelRef, Settings
from leaderboard.actions import lease
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.submit import submit
from leaderboard.actions.validate import validate
from leaderboard.exports.lm_eval_files import pretrained
from leaderboard.exports.report import base_of
from leaderboard.models import Event, Job, Model, Owner, Revision, Submission, Suite, User, WorkerToken
from leaderboard.queries.repeat import repeat_command
from tests.evaluator.lora import ADAPTER, BASE, adapter_files, base_files
from tests.leaderboard.pages import made as pages
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db


@pytest.fixture
def mirror(tmp_path: Path, settings: DjangoSettings) -> Path:
    """A mirror with an adapter and its base."""
    settings.HUB_MIRRORS = (tmp_path,)
    put(tmp_path, BASE, base_files())
    put(tmp_path, ADAPTER, adapter_files())
    return tmp_path


def put(mirror: Path, name: str, files: dict[str, bytes]) -> Path:
    folder = mirror / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, data in files.items():
        (folder / file).write_bytes(data)
    return folder


@pytest.fixture
def made(owner: Owner, person: User, suite: Suite, mirror: Path) -> Submission:
    return submit(owner=owner, submitter=person, suite="tiny@1", model=ADAPTER)


def outcome(made: Submission) -> tuple[str, str]:
    validate(submission=made.pk)
    made.refresh_from_db()
    return made.state, made.error_code


def test_both_commits_make_the_revision_and_the_base_its_facts(made: Submission, mirror: Path) -> None:
    assert outcome(made) == ("queued", "")
    revision = Revision.objects.get()
    base = mirror / "models" / BASE
    assert revision.sha == hub.digest(mirror / "models" / ADAPTER)
    assert (revision.base_name, revision.base_sha) == (BASE, hub.digest(base))
    assert (revision.architecture, revision.parameters, revision.context_length) == ("LlamaForCausalLM", 24, 2048)
    assert Model.objects.get().base_model == BASE
    assert Job.objects.get().architecture == "LlamaForCausalLM"
    assert Event.objects.latest("pk").reason == f"pinned to {revision.sha} on {revision.base_sha}"


def test_the_worker_is_told_of_both(made: Submission, worker_token: WorkerToken) -> None:
    outcome(made)
    request = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",), edition=6)
    spec = lease.claim(token=worker_token, request=request)
    revision = Revision.objects.get()
    assert spec is not None
    assert spec.model == ModelRef(name=ADAPTER, sha=revision.sha, base=ModelRef(name=BASE, sha=revision.base_sha))


def test_on_a_newer_base_it_is_another_revision_and_on_the_same_a_duplicate(
    made: Submission, owner: Owner, person: User, mirror: Path
) -> None:
    outcome(made)
    again = submit(owner=owner, submitter=person, suite="tiny@1", model=ADAPTER, revision=Revision.objects.get().sha)
    assert outcome(again) == ("rejected", "duplicate_submission")
    assert f"Submission {made.pk} already evaluates this revision" in again.error_message
    put(mirror, BASE, {"README.md": b"A newer base.\n"})
    third = submit(owner=owner, submitter=person, suite="tiny@1", model=ADAPTER, revision=Revision.objects.get().sha)
    assert outcome(third) == ("queued", "")
    assert Revision.objects.values("sha").distinct().count() == 1
    assert Revision.objects.values("base_sha").distinct().count() == 2


def test_memory_is_for_the_base_and_the_adapter(made: Submission) -> None:
    outcome(made)
    files = len(base_files()["model.safetensors"]) + len(adapter_files()["adapter_model.safetensors"])
    assert Revision.objects.get().size_bytes == files
    assert Job.objects.get().needs_bytes == int(files * 1.2)


@pytest.mark.parametrize(
    ("files", "how", "code", "words"),
    [
        (
            {},
            Settings(engine="transformers"),
            "adapter_needs_vllm",
            "an adapter on org/base, and the engine transformers",
        ),
        ({"base": "org/absent"}, Settings(), "hub_unreachable", "people/adapter is an adapter on org/absent. The Hub"),
        ({"rank": 1024}, Settings(), "adapter_rank", "has the rank 1,024"),
        ({"inputs": 7}, Settings(), "adapter_misfit", "does not fit org/base"),
        ({"base": "/home/me/llama"}, Settings(), "base_unclear", "no name of a model (org/name)"),
    ],
)
def test_what_cannot_be_run_is_rejected_in_words(
    owner: Owner, person: User, suite: Suite, mirror: Path, settings_off: None,
    files: dict[str, Any], how: Settings, code: str, words: str,
) -> None:  # fmt: skip
    put(mirror, ADAPTER, adapter_files(**files))
    row = submit(owner=owner, submitter=person, suite="tiny@1", model=ADAPTER, settings=how)
    assert outcome(row) == ("rejected", code)
    assert words in row.error_message


@pytest.fixture
def settings_off(settings: DjangoSettings) -> None:
    """Nobody waits for a Hub that is away."""
    settings.HUB_PATIENCE_SECONDS = 0


def test_people_and_programs_are_told(client: Client, made: Submission) -> None:
    outcome(made)
    revision = Revision.objects.get()
    pages.succeed(made, 50.0)
    build_snapshot(suite=made.suite)
    board = tree(client.get("/"))
    assert board.one("table", "board").one("tbody").text.count(f"adapter on {BASE}") == 1
    page = tree(client.get(f"/submissions/{made.pk}"))
    assert f"adapter on {BASE} {revision.base_sha[:8]}" in page.one("p", "facts").text
    page = tree(client.get(f"/models/{ADAPTER}"))
    assert f"adapter on {BASE} {revision.base_sha[:8]}" in page.one("p", "facts").text
    assert f"adapter on {BASE}" in page.one("div", "pane", aria_label="Revisions").text
    row = client.get("/api/v1/leaderboard/?suite=tiny@1&search=adapter:org/base").json()["results"][0]
    assert (row["model"], row["adapter_on"]) == (ADAPTER, BASE)
    told = client.get(f"/api/v1/submissions/{made.pk}/").json()
    assert told["base"] == {"model": BASE, "revision": revision.base_sha}


def test_it_can_be_repeated_and_exported_with_its_base(made: Submission) -> None:
    outcome(made)
    revision = Revision.objects.get()
    assert f"--base-revision {revision.base_sha}" in repeat_command(made)
    assert base_of(revision) == {"base": {"name": BASE, "sha": revision.base_sha}}
    assert pretrained(revision) == {
        "pretrained": BASE, "revision": revision.base_sha, "lora_local_path": f"{ADAPTER}@{revision.sha}",
    }  # fmt: skip


def test_a_whole_model_says_nothing_of_a_base(
    client: Client, owner: Owner, person: User, suite: Suite, mirror: Path
) -> None:
    row = submit(owner=owner, submitter=person, suite="tiny@1", model=BASE)
    assert outcome(row) == ("queued", "")
    revision = Revision.objects.get()
    assert (revision.base_name, revision.base_sha, base_of(revision)) == ("", "", {})
    assert client.get(f"/api/v1/submissions/{row.pk}/").json()["base"] is None
    assert "adapter on" not in tree(client.get(f"/submissions/{row.pk}")).text
