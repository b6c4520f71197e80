"""A shard takes over HTTP what the others have left at the site, each part once, and reads none that is not for it."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings as DjangoSettings
from pytest_django.live_server_helper import LiveServer

from evaluator import journal
from evaluator.client import Site
from evaluator.contract import EDITION, ClaimRequest, JobSpec, Settings
from evaluator.taking import Taking
from leaderboard.actions import validate
from leaderboard.actions.submit import submit
from leaderboard.models import Owner, Suite, WorkerToken
from tests.conftest import WORKER_SECRET
from tests.leaderboard.path import pinned

pytestmark = pytest.mark.django_db(transaction=True)
IDENTITY = "a" * 64


def body(*keys: str) -> bytes:
    return gzip.compress(b"".join(journal.line(key, 1.5) for key in keys) + b"damaged\n")


@pytest.fixture
def site(live_server: LiveServer, worker_token: WorkerToken, files: Path) -> Iterator[Site]:
    connected = Site.connect(live_server.url, WORKER_SECRET)
    with connected.http:
        yield connected


@pytest.fixture
def jobs(
    site: Site, owner: Owner, suite: Suite, settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch
) -> list[JobSpec]:
    """The three jobs of a submission, each claimed by a worker."""
    settings.SHARDS, settings.SHARD_ITEMS = 3, 100
    monkeypatch.setattr("leaderboard.actions.shards.items_of", lambda row: 1_000)
    row = submit(owner=owner, submitter=owner.user, suite=suite.slug, model="org/large", settings=Settings())
    validate.enter(row=row, pinned=pinned("org/large"))
    asking = [ClaimRequest(worker=f"w{n}", queues=("cpu",), engines=("vllm",), edition=EDITION) for n in range(3)]
    found = [site.claim(request) for request in asking]
    assert all(found)
    return [job for job in found if job is not None]


def test_each_takes_what_all_others_have_left_and_takes_it_once(
    site: Site, jobs: list[JobSpec], tmp_path: Path
) -> None:
    first, second, third = jobs
    taking = Taking(site, first, tmp_path / "taken", 60.0)
    assert taking.take() == 0
    site.leave_part(second, IDENTITY, 0, body("a", "b"))
    site.leave_part(third, IDENTITY, 0, body("c"))
    site.leave_part(first, IDENTITY, 0, body("d"))
    assert (taking.take(), taking.take()) == (3, 0)
    site.leave_part(second, IDENTITY, 1, body("e"))
    assert taking.take() == 1
    responses, damaged, whole = journal.read(tmp_path / "taken" / f"{IDENTITY}{journal.SUFFIX}")
    assert (sorted(responses), damaged, whole) == (["a", "b", "c", "e"], 0, True)
    other = Taking(site, third, tmp_path / "other", 60.0)
    assert other.take() == 4


def test_a_thread_looks_while_the_run_goes_on(site: Site, jobs: list[JobSpec], tmp_path: Path) -> None:
    site.leave_part(jobs[1], IDENTITY, 0, body("a"))
    file = tmp_path / f"{IDENTITY}{journal.SUFFIX}"
    with Taking(site, jobs[0], tmp_path, 0.01) as taking:
        while not file.exists() or not file.stat().st_size:
            assert taking._thread.is_alive()
