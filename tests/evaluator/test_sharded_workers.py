"""One submission, several real workers: they take shards of it, one dies, and the scores are those of all items."""

from collections import Counter
from pathlib import Path

import pytest
from msgspec import to_builtins
from msgspec.structs import replace
from pytest_django import Settings as DjangoSettings
from pytest_django.live_server_helper import LiveServer

from evaluator import hub, suites
from evaluator.contract import Settings
from leaderboard.actions import validate
from leaderboard.actions.load_suites import release
from leaderboard.actions.submit import submit
from leaderboard.models import Job, Owner, Result, Submission, WorkerToken
from tests.evaluator.test_handover import host
from tests.evaluator.test_worker import mirror, until  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ITEMS, SHARDS = 12, 3
DELAY = 0.05


@pytest.fixture
def submission(owner: Owner, mirror: Path, settings: DjangoSettings) -> Submission:  # noqa: F811
    """starter@1's tasks, a few items of each, in three jobs, of a model that answers slowly."""
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = 120.0, 0.2
    settings.SHARDS, settings.SHARD_ITEMS = SHARDS, 5 * ITEMS // SHARDS
    spec, bundle = suites.find("starter@1")
    few = replace(spec, name="few", tasks=tuple(replace(task, limit=ITEMS) for task in spec.tasks))
    release(few, to_builtins(few), bundle)
    (mirror / "models" / "org" / "model" / "delay").write_text(str(DELAY))
    chosen = Settings(engine="transformers")
    row = submit(owner=owner, submitter=owner.user, suite=few.slug, model="org/model", settings=chosen)
    validate.enter(row=row, pinned=hub.pin("org/model", mirrors=[mirror], token=None))
    return row


def test_workers_share_a_submission_and_one_that_dies_costs_time_alone(
    submission: Submission, live_server: LiveServer, worker_token: WorkerToken, files: Path, mirror: Path,  # noqa: F811
    tmp_path: Path,
) -> None:  # fmt: skip
    written = mirror / "models" / "org" / "model" / ".asked"
    with host(tmp_path / "first", live_server.url, mirror):
        until(lambda: Job.objects.get(shard=0).state == "running", seconds=150)
        with host(tmp_path / "second", live_server.url, mirror):
            until(lambda: Job.objects.get(shard=1).done > 0, seconds=150)
        assert Job.objects.get(shard=1).state == "running"
        until(lambda: Submission.objects.get().state == "scoring", seconds=200)
    asked = Counter(written.read_text().splitlines())
    told = Submission.objects.get().provenance
    assert [(one["shard"], one["worker"]) for one in told["shards"]] == [(0, "first"), (1, "second"), (2, "")]
    assert {one["state"] for one in told["shards"][1:]} <= {"running", "queued"}
    assert set(Job.objects.filter(kind="shard").values_list("state", flat=True)) == {"cancelled"}
    assert told["requests"]["taken"] > 0
    assert told["requests"]["asked"] + told["requests"]["taken"] == len(asked)
    assert asked.total() - len(asked) <= 24, "a slice or two of the one that died"
    assert list(Result.objects.values_list("n", flat=True)) == [ITEMS] * 5
