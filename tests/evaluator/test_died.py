"""A child's own death reaches the site as what it was."""

import threading
from pathlib import Path
from typing import Any

import pytest

from evaluator import jobs
from evaluator.config import Config
from evaluator.contract import Failure, HeartbeatReply, JobSpec, ModelRef, Settings
from evaluator.run import Outcome
from evaluator.supervisor import Died
from tests.conftest import suite_spec


class Told:
    """A site that remembers how the attempt ended."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []

    def heartbeat(self, *_: Any) -> HeartbeatReply:
        return HeartbeatReply(cancel=False, lease_seconds=60)

    def post_failure(self, _: JobSpec, failure: Failure) -> None:
        self.failures.append(failure)


@pytest.mark.parametrize(("retry", "kind"), [(False, "model"), (True, "platform")])
def test_why_a_child_died_is_told_to_the_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retry: bool, kind: str
) -> None:
    """A frozen exception cannot pass through `with`: contextlib sets its __traceback__."""
    job = JobSpec(
        job=7, attempt=2, token="secret", lease_seconds=60, heartbeat_seconds=0.02,
        model=ModelRef(name="o/m", sha="a" * 40), suite=suite_spec(), settings=Settings(),
    )  # fmt: skip
    config = Config(
        url="http://site", token="t", name="w", queues=("cpu",), engines=("vllm",), mirrors=(), state=tmp_path,
        hub_token=None, hub_endpoint=None, memory_bytes=None, architectures=(), child="evaluator.harness",
    )  # fmt: skip

    def died(*_: Any) -> Outcome:
        raise Died(code="engine_load_failed", message="It cannot be loaded.", log="", retry=retry)

    monkeypatch.setattr(jobs, "evaluate", died)
    site = Told()
    jobs.work(site, config, job, threading.Event())  # type: ignore[arg-type]
    assert [(failure.kind, failure.code) for failure in site.failures] == [(kind, "engine_load_failed")]
