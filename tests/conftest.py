"""Fixtures that several folders share: people, suites, a worker, and the real model."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import hypothesis
import msgspec
import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings as DjangoSettings

from evaluator.contract import Settings, SuiteSpec, TaskSpec, encode, settings_digest, spelled
from leaderboard.actions.accounts import create_api_token, create_person, register_worker_token
from leaderboard.actions.load_suites import release
from leaderboard.models import Job, Model, Owner, Revision, Submission, Suite, User, WorkerToken
from leaderboard.pages import conditional
from leaderboard.queries import site
from tests.environment import ROOT, SHARED

hypothesis.settings.register_profile("here", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("here")
WORKER_SECRET = "worker-secret"
SHA = "a" * 40


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A run without engines does not even import the modules that test nothing else: transformers takes seconds."""
    if "not engine" in config.option.markexpr and collection_path.suffix == ".py":
        return "\npytestmark = pytest.mark.engine\n" in collection_path.read_text() or None
    return None


@pytest.fixture(autouse=True)
def no_kept_pages() -> None:
    """Pages that a process keeps are of one test alone."""
    conditional.PAGES.clear()
    site._known = (float("inf"), site.State())  # nothing is said, until a test says something


@pytest.fixture
def person(db: None) -> User:
    return create_person(username="ada", password=None)


@pytest.fixture
def owner(person: User) -> Owner:
    return person.owner


@pytest.fixture
def api_token(person: User) -> str:
    return create_api_token(owner=person.owner, user=person, name="test")


@pytest.fixture
def worker_token(db: None) -> WorkerToken:
    return register_worker_token(name="test", token=WORKER_SECRET, trusted=True)


def suite_spec(name: str = "tiny", version: int = 1, normalise: bool = False) -> SuiteSpec:
    """Two tasks, one of them with a baseline."""
    return SuiteSpec(
        name=name,
        version=version,
        title="Tiny",
        normalise=normalise,
        tasks=(
            TaskSpec(task="alpha", title="Alpha", metric="acc", baseline=0.25),
            TaskSpec(task="beta", title="Beta", metric="exact_match", filter="strict"),
        ),
    )


@pytest.fixture
def suite(db: None) -> Suite:
    spec = suite_spec()
    return release(spec, json.loads(encode(spec)), None)


def release_suite(description: str) -> Suite:
    """The suite whose evaluation does what `description` says, in a worker with tests.evaluator.fake_child."""
    spec = msgspec.structs.replace(suite_spec(version=2), description=description)
    return release(spec, json.loads(encode(spec)), None)


@pytest.fixture
def make_submission(owner: Owner, suite: Suite) -> Callable[..., Submission]:
    """Submissions as the validator leaves them: pinned and queued, with one job."""

    def make(
        name: str = "org/model", sha: str = SHA, settings: Settings | None = None, description: str = ""
    ) -> Submission:
        settings = settings or Settings()
        chosen = suite
        if description:  # tests.evaluator.fake_child does what it says
            chosen = release_suite(description)
        model, _ = Model.objects.get_or_create(name=name)
        revision, _ = Revision.objects.get_or_create(model=model, sha=sha, defaults={"source": "mirror"})
        submission = Submission.objects.create(
            owner=owner,
            submitter=owner.user,
            suite=chosen,
            requested_model=name,
            revision=revision,
            settings=spelled(settings),
            settings_digest=settings_digest(settings),
            state="queued",
        )
        Job.objects.create(submission=submission, queue="cpu", engine="vllm", not_before=submission.created_at)
        return submission

    return make


@pytest.fixture
def files(tmp_path: Path, settings: DjangoSettings) -> Path:
    """An own folder for stored samples."""
    settings.MEDIA_ROOT = tmp_path / "files"
    storages.__init__()  # type: ignore[misc]
    return tmp_path / "files"


@pytest.fixture
def worker_client(worker_token: WorkerToken) -> Client:
    return Client(headers={"authorization": f"Bearer {WORKER_SECRET}"})


@pytest.fixture(scope="session", autouse=True)
def collected() -> None:
    """Pages name their static files by content, so these are collected before the first is rendered."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="session")
def shared_hub() -> Path:
    """Real benchmark data in the Hub's layout, beside the repository."""
    hub = SHARED / "hub"
    if not hub.is_dir():
        pytest.skip("../shared/hub (real benchmark data) is not here")
    return hub


@pytest.fixture(scope="session")
def demo_mirror() -> Path:
    """The mirror with the demo's real model, made once and kept beside the demo's own state."""
    mirror = ROOT / ".parity" / "mirror"
    subprocess.run([sys.executable, "-m", "evaluator.engines.gguf", str(mirror)], check=True, cwd=ROOT)
    return mirror


@pytest.fixture
def loopback() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=10, verify=False) as client:
        yield client
