"""One submission, several real workers: they take shards of it, one dies, and the scores are those of all items."""

from collections import Counter
from collections.abc import Callable
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
from leaderboard.models import Job, Owner, ResponsePart, Result, Submission, WorkerToken
from tests.evaluator.test_handover import host
from tests.evaluator.test_worker import mirror, until  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ITEMS, SHARDS = 12, 3
DELAY = 0.2


@pytest.fixture
def submitted(owner: Owner, mirror: Path, settings: DjangoSettings) -> Callable[[], Submission]:  # noqa: F811
    """Submits starter@1's tasks, a few items of each, in three jobs, of a model that answers slowly."""
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = 120.0, 0.2
    settings.SHARDS, settings.SHARD_ITEMS = SHARDS, 5 * ITEMS // SHARDS
    spec, bundle = suites.find("starter@1")
    few = replace(spec, name="few", tasks=tuple(replace(task, limit=ITEMS) for task in spec.tasks))
    release(few, to_builtins(few), bundle)
    (mirror / "models" / "org" / "model" / "delay").write_text(str(DELAY))
    chosen = Settings(engine="transformers")

    def submit_it() -> Submission:
        row = submit(owner=owner, submitter=owner.user, suite=few.slug, model="org/model", settings=chosen)
        validate.enter(row=row, pinned=hub.pin("org/model", mirrors=[mirror], token=None))
        return row

    return submit_it


def test_workers_share_a_submission_and_one_that_dies_costs_time_alone(
    submitted: Callable[[], Submission], live_server: LiveServer, worker_token: WorkerToken, files: Path,
    mirror: Path, tmp_path: Path,  # noqa: F811
) -> None:  # fmt: skip
    written = mirror / "models" / "org" / "model" / ".asked"
    with host(tmp_path / "w1", live_server.url, mirror) as one, host(tmp_path / "w2", live_server.url, mirror) as other:
        submitted()
        until(lambda: ResponsePart.objects.filter(job__kind="shard").count() > 3, seconds=150)
        shard = Job.objects.select_related("worker").get(shard=1)
        assert (shard.state, shard.kind) == ("running", "shard")
        assert shard.worker is not None
        helper = shard.worker.name
        {"w1": one, "w2": other}[helper].kill()
        until(lambda: Submission.objects.get().state == "scoring", seconds=200)
    asked = Counter(written.read_text().splitlines())
    told = Submission.objects.get().provenance
    evaluator = "w2" if helper == "w1" else "w1"
    assert [(one["shard"], one["worker"]) for one in told["shards"]] == [(0, evaluator), (1, helper), (2, "")]
    assert [one["state"] for one in told["shards"][1:]] == ["running", "queued"]
    assert set(Job.objects.filter(kind="shard").values_list("state", flat=True)) == {"cancelled"}
    assert told["requests"]["taken"] > 0
    assert told["requests"]["asked"] + told["requests"]["taken"] == len(asked)
    assert asked.total() - len(asked) <= 24, "a slice or two of the one that died"
    assert list(Result.objects.values_list("n", flat=True)) == [ITEMS] * 5
