"""One claimed job, from the claim to its end: fetch what it needs, run it, post what it measured."""

import gzip
import logging
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from evaluator import fetch, hub, journal, planner, run, suites
from evaluator.client import LeaseLost, Site, SiteError
from evaluator.config import Config
from evaluator.contract import LOG_LIMIT, Chunk, Failure, JobSpec, Results
from evaluator.kept import engines
from evaluator.lease import Cancelled, Lease, Lost, Stopping
from evaluator.run_folders import run_folder
from evaluator.supervisor import Clock, Died, supervise
from evaluator.weights import evict, in_use

log = logging.getLogger(__name__)

SAMPLES_A_CHUNK, BYTES_A_CHUNK = 250, 24 * 2**20
"""At most, before compression; a longer sample is a chunk of its own. A body at the site has at most 32 MB."""
REFUSED = {400, 413}
"""The site's answers that another attempt would get again."""
PLATFORM_CODES = {
    "download_failed",
    "gated",
    "hub_answer",
    "hub_unreachable",
    "mirror_conflict",
    "mirror_unreadable",
    "no_mirror",
    "token_refused",
}
"""Failures of this host or its Hub access, which another attempt, elsewhere or later, may survive."""


def work(site: Site, config: Config, job: JobSpec, stopping: threading.Event) -> None:
    """Do a job and end its attempt, well or badly; raises SiteError when the site cannot be told how it ended."""
    try:
        attempt(site, config, job, stopping)
    except LeaseLost as error:  # told too late: somebody else has it, or its owner cancelled it
        log.warning("job %s attempt %s is not ours any more: %s", job.job, job.attempt, error)


def attempt(site: Site, config: Config, job: JobSpec, stopping: threading.Event) -> None:
    """As `work`; raises LeaseLost too."""
    log.info("job %s attempt %s: %s on %s", job.job, job.attempt, job.model.name, job.suite.slug)
    try:
        name = f"{job.job}-{job.attempt}"
        with Lease(site, job, stopping) as lease, run_folder(config.state / "runs", name) as folder:
            outcome = evaluate(site, config, job, folder, lease)
            lease.tell(run.Progress(phase="posting", done=1, total=1))
            chunks = post_samples(site, job, folder, lease)
        site.post_results(job, results_of(job, outcome, chunks))
    except Lost as error:
        log.warning("job %s attempt %s is not ours any more: %s", job.job, job.attempt, error)
    except Cancelled as error:
        site.post_failure(job, Failure(attempt=job.attempt, kind="cancelled", code="cancelled", message=str(error)))
    except Stopping as error:
        site.post_failure(job, Failure(attempt=job.attempt, kind="released", code="stopped", message=str(error)))
    except SiteError as error:
        if error.status not in REFUSED:
            raise  # the site is away: the lease runs out and another attempt follows
        end(site, job, "results_refused", f"The site refused what was measured: {error}", retry=False)
    except Died as error:
        end(site, job, error.code, error.message, log=error.log, retry=error.retry)
    except hub.HubError as error:
        end(site, job, error.code, error.message, retry=error.code in PLATFORM_CODES)
    except planner.DoesNotFit as error:
        end(site, job, "does_not_fit", str(error), retry=True)
    except Exception as error:  # whatever breaks on this host, the site hears of it and another worker may do better
        log.exception("job %s attempt %s broke on this host", job.job, job.attempt)
        end(site, job, "host_failed", f"The worker's host failed: {type(error).__name__}: {error}", retry=True)


def end(site: Site, job: JobSpec, code: str, message: str, *, retry: bool, log: str = "") -> None:
    """Tell the site that this attempt failed, and whether another may do better."""
    kind: Literal["model", "platform"] = "platform" if retry else "model"
    site.post_failure(job, Failure(attempt=job.attempt, kind=kind, code=code, message=message, log=log))


def evaluate(site: Site, config: Config, job: JobSpec, folder: Path, lease: Lease) -> run.Outcome:
    """Bring weights, task files and datasets to where the child finds them, and run it."""
    clock = Clock(job.limit_seconds, job.task_limit_seconds)
    weights = weights_of(config, job, folder, lease, clock)
    task_files = None
    if job.suite.bundle is not None:
        task_files = unpack_bundle(site.bundle(job.suite.bundle), folder / "tasks")
    lease.check()
    with in_use(weights):
        return evaluate_with(config, job, folder, lease, clock, weights, task_files)


def evaluate_with(
    config: Config, job: JobSpec, folder: Path, lease: Lease, clock: Clock, weights: Path, task_files: Path | None
) -> run.Outcome:
    """Run the job with weights that are here."""
    first, fallback = planner.plans(weights, job.model.name, job.settings, config.plan)
    responses = config.state / "responses"
    journal.evict(responses, limit=config.replay_bytes)
    spec = run.RunSpec(
        model=job.model,
        model_path=str(weights),
        suite=job.suite,
        settings=job.settings,
        scoring=config.scoring,
        task_files=str(task_files) if task_files else None,
        journal=str(responses.resolve()),
        scope="" if config.replay else f"job {job.job} of {config.url}",
        plan=first,
        fallback=fallback,
    )

    def watch(progress: run.Progress) -> None:
        lease.tell(progress, run.log_tail(folder, limit=LOG_LIMIT // 2))
        lease.check()

    attempt = partial(engines.attempt, seconds=config.keep_seconds)
    working_folder = datasets_of(config)
    return supervise(
        folder, spec, working_folder=working_folder, watch=watch, clock=clock, module=config.child, attempt=attempt
    )


def weights_of(config: Config, job: JobSpec, folder: Path, lease: Lease, clock: Clock) -> Path:
    """The folder with exactly this revision: a mirror's, or downloaded; raises HubError, or Stopped by the lease."""
    mirrored = hub.locate(job.model.name, job.model.sha, mirrors=config.mirrors, cache=config.state / "hashes")
    if mirrored is not None:
        return mirrored
    target, endpoint = config.state / "weights", config.hub_endpoint
    evict(target, limit=config.weights_bytes)
    request = fetch.Request(name=job.model.name, sha=job.model.sha, target=str(target.resolve()), endpoint=endpoint)

    def watch(_: run.Progress) -> None:
        lease.check()

    return fetch.fetch(request, token=config.hub_token, folder=folder / "fetch", watch=watch, clock=clock)


def datasets_of(config: Config) -> Path:
    """The folder in which "org/name" is a mirrored dataset; empty where nothing is mirrored."""
    return hub.merge_datasets(config.mirrors, config.state / "datasets").resolve()


def unpack_bundle(data: bytes, target: Path) -> Path:
    """Unpack a suite's own task files and make their data paths absolute: lm-eval takes them as they stand."""
    suites.unpack(data, target)
    suites.anchor(target)
    return target


def post_samples(site: Site, job: JobSpec, folder: Path, lease: Lease) -> list[Chunk]:
    """Send samples.jsonl in compressed chunks."""
    chunks: list[Chunk] = []
    with (folder / run.SAMPLES).open("rb") as lines:
        for batch in batches(lines):
            lease.check()
            sequence = len(chunks)
            digest = site.post_chunk(job, sequence, gzip.compress(b"".join(batch), mtime=0))
            chunks.append(Chunk(sequence=sequence, digest=digest, samples=len(batch)))
    return chunks


def batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The lines in order, as many together as make a chunk."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == SAMPLES_A_CHUNK or size + len(line) > BYTES_A_CHUNK):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch


def results_of(job: JobSpec, outcome: run.Outcome, chunks: list[Chunk]) -> Results:
    """What the site gets: the outcome, less lm-eval's table, which repeats it."""
    return Results(
        attempt=job.attempt,
        tasks=outcome.tasks,
        chunks=tuple(chunks),
        provenance=outcome.provenance,
        load_seconds=outcome.load_seconds,
        evaluation_seconds=outcome.evaluation_seconds,
    )
