"""Jobs about endpoints: the gateway around a child, what it was asked and answered, and the look beforehand.

The gateway's journal is of one job on this host: its later attempts replay it, so that nothing is paid twice, and no
other job does. A check for drift is a job of its own and so asks everything anew. It goes when the job has ended for
good, or after a month, when nobody resumed it; of somebody's own prompts after a day.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from evaluator import journal, run
from evaluator.config import Config
from evaluator.contract import EndpointSpec, JobSpec, Preflight
from evaluator.lease import Lease
from evaluator.looks import NotFit, look
from evaluator.supervisor import Stopped

if TYPE_CHECKING:
    from evaluator.gateway import Ended, Gateway

KEPT_SECONDS, PRIVATE_SECONDS = 30 * 24 * 3600.0, 24 * 3600.0
PRIVATE = "private-"


class GatewayEnded(Stopped):
    """No request is answered any more; `ended` says why, and whether the job pauses, fails or is tried again."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.message)
        self.ended = ended


def folder_of(config: Config, job: JobSpec) -> Path:
    """The journal of a job. Another site, or one that began anew, has other jobs of the same number."""
    of = [config.url, job.job, job.model.name, job.model.sha, job.suite.slug]
    return config.state / "endpoints" / f"{PRIVATE * job.private}{job.job}-{journal.digest(of)[:16]}"


def wipe(config: Config, job: JobSpec) -> None:
    """Forget what a job that has ended for good was answered."""
    shutil.rmtree(folder_of(config, job), ignore_errors=True)


def sweep(state: Path) -> None:
    """Forget what jobs were answered that nobody has gone on with for so long."""
    for folder in (state / "endpoints").glob("*"):
        with suppress(FileNotFoundError):  # another of this worker's jobs has just ended
            newest = max((path.stat().st_mtime for path in folder.iterdir()), default=folder.stat().st_mtime)
            if time.time() - newest > (PRIVATE_SECONDS if folder.name.startswith(PRIVATE) else KEPT_SECONDS):
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def asked(config: Config, job: JobSpec, lease: Lease) -> Iterator[tuple[run.Behind, Callable[[], None]]]:
    """What the child is told of the endpoint while its gateway runs, and what raises GatewayEnded once that has ended.

    Heartbeats say what was spent meanwhile, and the lease knows it afterwards.
    """
    endpoint = job.endpoint
    assert endpoint is not None
    with metered(endpoint, folder_of(config, job), lease) as gateway:

        def check() -> None:
            ended = gateway.ended()
            if ended is not None:
                raise GatewayEnded(ended)

        told = run.Behind(
            url=gateway.url,
            token=gateway.token,
            model=endpoint.model,
            chat=endpoint.protocol != "openai-completions",
            sampling=endpoint.sampling,
            concurrency=endpoint.concurrency,
        )
        check()
        yield told, check


def looked(config: Config, job: JobSpec, lease: Lease) -> Preflight:
    """What a worker finds at the endpoint of a job; raises NotFit.

    Its answers are short whatever the submission allows: the bound is left to the look.
    """
    endpoint = job.endpoint
    assert endpoint is not None
    short = replace(endpoint, sampling=replace(endpoint.sampling, max_tokens=None))
    with metered(short, None, lease) as gateway:
        ended = gateway.ended()
        if ended is not None:
            raise NotFit("platform" if ended.kind == "platform" else "model", ended.code, ended.message)
        return look(gateway, short, attempt=job.attempt, patience=config.look_seconds)


@contextmanager
def metered(endpoint: EndpointSpec, kept: Path | None, lease: Lease) -> Iterator[Gateway]:
    """A gateway whose lease knows what it spends."""
    # Not before it is needed: a worker that asks no endpoint has no HTTP server in it, which is some 10 MB.
    gateway: Gateway = import_module("evaluator.gateway").Gateway(endpoint, journal=kept)
    lease.spent = gateway.spent
    with gateway:
        yield gateway
