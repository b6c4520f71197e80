"""The whole way: a suite is measured, its next version has another filter, and a worker without an engine scores it."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from msgspec import to_builtins
from msgspec.structs import replace
from pytest_django import Settings as DjangoSettings
from pytest_django.live_server_helper import LiveServer

from evaluator.contract import SuiteSpec
from leaderboard.actions import lease
from leaderboard.actions.accounts import create_person
from leaderboard.actions.load_suites import release
from leaderboard.actions.rescore import rescore
from leaderboard.actions.score import score
from leaderboard.models import Result, SampleChunk, Submission, Suite, WorkerToken
from tests.evaluator.slow_runs import bundle
from tests.evaluator.test_handover import host, submission  # noqa: F401  (a fixture)
from tests.evaluator.test_rescore import OTHER_SCORING
from tests.evaluator.test_worker import mirror, until  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def state_of(number: int) -> str:
    """Of a submission, with the reconciler at work: a killed worker's claim may still wait, and be given the job."""
    lease.expire_leases()
    return Submission.objects.get(pk=number).state


def next_version(files: bytes) -> None:
    """few@2, with the tasks of few@1 and these files."""
    before = msgspec.convert(Suite.objects.get(slug="few@1").definition, SuiteSpec)
    after = replace(before, version=2, bundle=hashlib.sha256(files).hexdigest())
    release(after, to_builtins(after), files)


def test_no_engine_is_loaded_and_the_old_score_stays(
    submission: Submission, live_server: LiveServer, worker_token: WorkerToken, files: Path, mirror: Path,  # noqa: F811
    tmp_path: Path, settings: DjangoSettings,
) -> None:  # fmt: skip
    settings.LEASE_SECONDS = 20.0
    model = mirror / "models" / "org" / "model"
    with host(tmp_path / "gpu", live_server.url, mirror):
        until(lambda: Submission.objects.get().state == "scoring", seconds=300)
    score(submission=submission.pk)
    old = Submission.objects.get()
    before = {one.task.task: bytes(one.item_scores) for one in Result.objects.all()}
    asked = (model / ".asked").read_text()

    next_version(bundle(**OTHER_SCORING))
    begun = rescore(suite="few@2", actor=create_person(username="root", password=None, staff=True), reason="a filter")
    new = begun.made[old.pk]
    with host(tmp_path / "cpu", live_server.url, mirror, "no_engine"):
        until(lambda: state_of(new) in {"scoring", "failed"}, seconds=300)
    found = Submission.objects.get(pk=new)
    assert (found.state, found.error_message) == ("scoring", "")
    score(submission=new)
    found.refresh_from_db()
    assert found.state == "succeeded"
    assert found.provenance["requests"] == {"asked": 0, "replayed": len(asked.splitlines())}
    assert found.provenance["rescored_from"]["submission"] == old.pk
    assert found.provenance["hardware"] == old.provenance["hardware"]
    assert (model / ".asked").read_text() == asked and (model / ".loads").read_text().count("\n") == 1
    after = {one.task.task: bytes(one.item_scores) for one in Result.objects.filter(submission=new)}
    assert {task for task in before if before[task] != after[task]} == {"starter_antonyms"}
    again = Submission.objects.get(pk=old.pk)
    assert (again.score, again.suite.slug, again.provenance) == (old.score, "few@1", old.provenance)
    assert {one.task.task: bytes(one.item_scores) for one in old.results.all()} == before


def test_a_damaged_chunk_ends_with_its_reason(
    submission: Submission, live_server: LiveServer, worker_token: WorkerToken, files: Path, mirror: Path,  # noqa: F811
    tmp_path: Path, settings: DjangoSettings,
) -> None:  # fmt: skip
    """Nothing is scored from half of the samples."""
    settings.LEASE_SECONDS = 20.0
    with host(tmp_path / "gpu", live_server.url, mirror, "fake_child"):
        until(lambda: Submission.objects.get().state == "scoring", seconds=300)
    Submission.objects.update(state="succeeded")
    old = Submission.objects.get()
    next_version(bundle())
    begun = rescore(suite="few@2", actor=create_person(username="root", password=None, staff=True), reason="a filter")
    path = files / SampleChunk.objects.get().path
    path.write_bytes(path.read_bytes()[:-9])
    with host(tmp_path / "cpu", live_server.url, mirror, "no_engine"):
        until(lambda: state_of(begun.made[old.pk]) == "failed", seconds=300)
    found = Submission.objects.get(pk=begun.made[old.pk])
    assert found.error_code == "responses_missing" and "damaged or gone" in found.error_message
    assert Submission.objects.get(pk=old.pk).state == "succeeded"
