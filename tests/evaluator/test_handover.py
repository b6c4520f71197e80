"""A host dies in the middle, and another one, which has nothing of it, goes on: real workers, lm-eval, a slow model."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import to_builtins
from msgspec.structs import replace
from pytest_django import Settings as DjangoSettings
from pytest_django.live_server_helper import LiveServer

from evaluator import hub, suites
from evaluator.contract import Settings
from leaderboard.actions import lease
from leaderboard.actions.load_suites import release
from leaderboard.models import Job, Result, Submission, WorkerToken
from tests.conftest import WORKER_SECRET
from tests.environment import ROOT
from tests.evaluator.test_worker import Make, mirror, until  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ITEMS = 6
DELAY = 0.05


@contextmanager
def host(
    folder: Path, url: str, mirror: Path, child: str = "slow_engine",  # noqa: F811
) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    """A worker with a state of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARITY_") and name != "REDIS_URL"}
    variables = kept | {
        "PARITY_URL": url, "PARITY_WORKER_TOKEN": WORKER_SECRET, "PARITY_STATE": str(folder),
        "PARITY_HUB_MIRROR": str(mirror), "PARITY_WORKER_CHILD": f"tests.evaluator.{child}",
        "PARITY_WORKER_NAME": folder.name, "PARITY_HANDOVER_SECONDS": "0.2", "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "evaluator", "worker"], cwd=ROOT, env=variables)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def submission(make_submission: Make, mirror: Path, settings: DjangoSettings) -> Submission:  # noqa: F811
    """starter@1's tasks, a few items of each, of a model that answers slowly."""
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS, settings.RETRY_SECONDS = 2.0, 0.2, 0.0
    spec, bundle = suites.find("starter@1")
    few = replace(spec, name="few", tasks=tuple(replace(task, limit=ITEMS) for task in spec.tasks))
    suite = release(few, to_builtins(few), bundle)
    (mirror / "models" / "org" / "model" / "delay").write_text(str(DELAY))
    pinned = hub.pin("org/model", mirrors=[mirror], token=None)
    row = make_submission(sha=pinned.sha, settings=Settings(engine="transformers"))
    Submission.objects.update(suite=suite)
    Job.objects.update(engine="transformers")
    return row


def test_a_dead_hosts_work_is_gone_on_with(
    submission: Submission, live_server: LiveServer, worker_token: WorkerToken, files: Path, mirror: Path,  # noqa: F811
    tmp_path: Path,
) -> None:  # fmt: skip
    written = mirror / "models" / "org" / "model" / ".asked"

    def asked() -> Counter[str]:
        return Counter(written.read_text().splitlines()) if written.exists() else Counter()

    with host(tmp_path / "first", live_server.url, mirror):
        until(lambda: Job.objects.get().done >= 2 * ITEMS, seconds=90)
    before = sum(asked().values())
    until(lambda: lease.expire_leases() == 1, seconds=20)
    with host(tmp_path / "second", live_server.url, mirror):
        until(lambda: Submission.objects.get().state == "scoring", seconds=90)
    counts = Submission.objects.get().provenance["requests"]
    twice = sum(asked().values()) - len(asked())
    assert Job.objects.get().attempt == 2
    assert counts["replayed"] > 0 and counts["replayed"] + counts["asked"] == len(asked())
    assert twice <= before / 2, json.dumps([before, twice, counts])
    assert Result.objects.filter(score=None).count() == 0
