"""One claimed job, from the claim to its end: fetch what it needs, run it, post what it measured."""

import gzip
import hashlib
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from evaluator import behind, hub, journal, planner, run, suites, tracing
from evaluator.ahead import ahead
from evaluator.bringing import Weights, brought
from evaluator.client import NO_ROOM, LeaseLost, Site, SiteError
from evaluator.config import Config
from evaluator.contract import LOG_LIMIT, Chunk, Failure, JobSpec, Replies, Results, Spent
from evaluator.early import Looks
from evaluator.handover import Leaving, adopt_parts
from evaluator.kept import engines
from evaluator.lease import Cancelled, Lease, Lost, Stopping
from evaluator.looks import NotFit
from evaluator.run_folders import changing, run_folder
from evaluator.supervisor import Clock, Died, supervise
from evaluator.taking import Taking

log = logging.getLogger(__name__)

SAMPLES_A_CHUNK, BYTES_A_CHUNK = 250, 24 * 2**20
"""At most, before compression; a longer sample is a chunk of its own. A body at the site has at most 32 MB."""
GONE = 404
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
        with tracing.span("attempt", about(job), parent=job.trace) as span:
            attempt(site, config, job, stopping, span)
    except LeaseLost as error:  # told too late: somebody else has it, or its owner cancelled it
        log.warning("job %s attempt %s is not ours any more: %s", job.job, job.attempt, error)


def about(job: JobSpec) -> dict[str, tracing.Value]:
    """What a trace tells of a job; of somebody's own prompts not even which model is tried."""
    told: dict[str, tracing.Value] = {"parity.job": job.job, "parity.attempt": job.attempt}
    if not job.private:
        told |= {"parity.model": job.model.name, "parity.suite": job.suite.slug}
    return told


def attempt(site: Site, config: Config, job: JobSpec, stopping: threading.Event, span: tracing.Span) -> None:
    """As `work`; raises LeaseLost too."""
    log.info("job %s attempt %s: %s on %s", job.job, job.attempt, job.model.name, job.suite.slug)
    behind.sweep(config.state)
    lease = Lease(site, job, stopping)
    try:
        do(site, config, job, lease, stopping)
    except Lost as error:
        log.warning("job %s attempt %s is not ours any more: %s", job.job, job.attempt, error)
        return
    except SiteError as error:
        if error.status not in REFUSED:
            raise  # the site is away: the lease runs out and another attempt follows
        failure = failed(job, "results_refused", f"The site refused what was measured: {error}", retry=False)
    except Exception as error:  # whatever breaks on this host, the site hears of it and another worker may do better
        failure = failure_of(job, error)
    else:
        behind.wipe(config, job)
        return
    span.failed(failure.code)
    site.post_failure(job, replace(failure, spent=lease.spent()))
    if failure.kind in ("model", "cancelled"):
        behind.wipe(config, job)


def do(site: Site, config: Config, job: JobSpec, lease: Lease, stopping: threading.Event) -> None:
    """Look at an endpoint, or evaluate and post what was measured; raises whatever ends an attempt badly."""
    if job.endpoint is not None and job.endpoint.preflight:
        with lease:
            found = behind.looked(config, job, lease)
        site.post_preflight(job, replace(found, spent=lease.spent()))
        return
    with lease, run_folder(config.state / "runs", f"{job.job}-{job.attempt}") as folder:
        with tracing.span("evaluate") as span:
            outcome = evaluate(site, config, job, folder, lease, stopping)
            seconds = {"load": outcome.load_seconds, "evaluation": outcome.evaluation_seconds}
            span.note({f"parity.{part}_seconds": found for part, found in seconds.items() if found is not None})
        lease.tell(run.Progress(phase="posting", done=1, total=1))
        with tracing.span("post samples") as span:
            chunks = post_samples(site, job, folder, lease) if outcome.tasks else []
            span.note({"parity.samples": sum(chunk.samples for chunk in chunks)})
    site.post_results(job, results_of(job, outcome, chunks, lease.spent()))


def failure_of(job: JobSpec, error: Exception) -> Failure:
    """What the site is told of an attempt that an exception has ended."""
    match error:
        case Cancelled():
            return Failure(attempt=job.attempt, kind="cancelled", code="cancelled", message=str(error))
        case Stopping():
            return Failure(attempt=job.attempt, kind="released", code="stopped", message=str(error))
        case behind.GatewayEnded(ended=ended):
            return Failure(attempt=job.attempt, kind=ended.kind, code=ended.code, message=ended.message)
        case NotFit():
            return failed(job, error.code, error.message, retry=error.kind == "platform")
        case Died():
            return failed(job, error.code, error.message, log=error.log, retry=error.retry)
        case hub.HubError():
            return failed(job, error.code, error.message, retry=error.code in PLATFORM_CODES)
        case planner.DoesNotFit():
            return failed(job, "does_not_fit", str(error), retry=True)
    log.error("job %s attempt %s broke on this host", job.job, job.attempt, exc_info=error)
    message = f"The worker's host failed: {type(error).__name__}: {error}"
    return failed(job, "host_failed", message, retry=True)


def failed(job: JobSpec, code: str, message: str, *, retry: bool, log: str = "") -> Failure:
    """An attempt that failed, and whether another may do better."""
    kind: Literal["model", "platform"] = "platform" if retry else "model"
    return Failure(attempt=job.attempt, kind=kind, code=code, message=message, log=log)


def evaluate(
    site: Site, config: Config, job: JobSpec, folder: Path, lease: Lease, stopping: threading.Event
) -> run.Outcome:
    """Bring what the child needs to where it finds it, and run it: on weights, or asking an endpoint."""
    clock = Clock(job.limit_seconds, job.task_limit_seconds)
    spec = run.RunSpec(
        model=job.model, model_path="", suite=job.suite, settings=job.settings, scoring=config.scoring, looks=job.looks
    )
    if job.suite.bundle is not None:
        spec = replace(spec, task_files=str(unpack_bundle(site.bundle(job.suite.bundle), folder / "tasks")))
    looks = Looks(site, job, folder)

    def watch(progress: run.Progress) -> None:
        lease.tell(progress, run.log_tail(folder, limit=LOG_LIMIT // 2))
        looks()
        lease.check()

    running = partial(supervise, folder, working_folder=datasets_of(config), clock=clock, module=config.child)
    if job.replies is not None:  # in a child of its own: whatever engine is kept stays for its like
        spec = with_replies(site, job, job.replies, spec, folder / "replies", lease)
        return running(spec, watch=watch)
    if job.endpoint is not None:
        with behind.asked(config, job, lease) as (told, check):

            def watch_both(progress: run.Progress) -> None:
                check()
                watch(progress)

            try:
                return running(replace(spec, behind=told), watch=watch_both)
            except Died:
                check()  # the child may have heard of the gateway's end first
                raise
    started = time.monotonic()
    ahead.make_way(job.model, lease.check)
    with ExitStack() as held:
        with tracing.span("bring weights"):
            weights = held.enter_context(brought(config, job.model, folder, lambda _: lease.check(), clock))
        fetched = round(time.monotonic() - started, 3)
        spec = with_weights(config, job, spec, weights, folder)
        lease.check()
        attempt = partial(engines.attempt, seconds=config.keep_seconds)
        with going_on(site, config, job, folder, lease), ahead.looking(site, config, stopping):
            outcome = running(spec, watch=watch, attempt=attempt)
    seconds = {"fetching": fetched, **outcome.provenance.get("seconds", {})}
    return replace(outcome, provenance={**outcome.provenance, "seconds": seconds})


def responses_of(config: Config, job: JobSpec, folder: Path) -> Path:
    """Where this host keeps finished requests; those to somebody's own prompts in the attempt's `folder`."""
    return (folder if job.private else config.state).resolve() / "responses"


SHARD_SECONDS = 5.0
"""The longest between two looks at what the other shards of a submission have answered."""


def going_on(site: Site, config: Config, job: JobSpec, folder: Path, lease: Lease) -> ExitStack:
    """Take what earlier attempts, and other shards, have measured elsewhere, and leave what this one measures; of
    somebody's own prompts nothing goes from host to host."""
    if job.private:
        return ExitStack()
    responses, seconds = responses_of(config, job, folder), config.handover_seconds
    adopt_parts(site, job, responses, lease.check)
    if job.shard is not None:
        seconds = min(seconds or SHARD_SECONDS, SHARD_SECONDS)
    with ExitStack() as stack:
        stack.enter_context(Leaving(site, job, folder, responses, seconds))
        if job.shard is not None:
            stack.enter_context(Taking(site, job, folder / run.TAKEN, seconds))
        return stack.pop_all()


def with_weights(config: Config, job: JobSpec, spec: run.RunSpec, weights: Weights, folder: Path) -> run.RunSpec:
    """How weights are run on this host, and where their responses are kept; raises planner.DoesNotFit, HubError."""
    first, fallback = planner.plans(weights.model, job.model.name, job.settings, config.plan, weights.adapter)
    responses = responses_of(config, job, folder)
    measured = job.shard.job if job.shard is not None else job.job
    if not job.private:
        journal.evict(responses, limit=config.replay_bytes)
    return replace(
        spec,
        shard=job.shard,
        model_path=str(weights.model),
        adapter_path=str(weights.adapter or ""),
        journal=str(responses),
        scope="" if config.replay and not job.fresh else f"job {measured} of {config.url}",
        plan=first,
        fallback=fallback,
    )


def with_replies(
    site: Site, job: JobSpec, replies: Replies, spec: run.RunSpec, folder: Path, lease: Lease
) -> run.RunSpec:
    """The stored samples that are scored anew, in `folder`: no weights, and no engine. Raises Died for those that the
    site does not have as they were posted."""
    folder.mkdir()
    for sequence, digest in enumerate(replies.digests):
        lease.check()
        try:
            body = site.reply_chunk(job, sequence)
        except SiteError as error:
            if error.status != GONE:
                raise
            body = b""
        if hashlib.sha256(body).hexdigest() != digest:
            message = f"Chunk {sequence} of the samples of submission {replies.submission} is damaged or gone."
            raise Died(code="responses_missing", message=message, log="", retry=False)
        (folder / f"{sequence:05d}.jsonl.gz").write_bytes(body)
    return replace(spec, replies=str(folder.resolve()), plan=planner.Plan(max_length=replies.max_length))


def datasets_of(config: Config) -> Path:
    """The folder in which "org/name" is a mirrored dataset; empty where nothing is mirrored."""
    with changing(config.state):
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
            sequence = len(chunks)
            digest = posted(site, job, sequence, gzip.compress(b"".join(batch), mtime=0), lease)
            chunks.append(Chunk(sequence=sequence, digest=digest, samples=len(batch)))
    return chunks


def posted(site: Site, job: JobSpec, sequence: int, body: bytes, lease: Lease) -> str:
    """Send a chunk; returns its digest. A site whose disk is full is asked until it has room, as long as the job is
    ours: hours of measuring do not end over a volume that somebody is just making larger."""
    while True:
        lease.check()
        try:
            return site.post_chunk(job, sequence, body)
        except SiteError as error:
            if error.status != NO_ROOM:
                raise
            log.warning("The site has no room for the samples of job %s; it keeps being asked: %s", job.job, error)


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


def results_of(job: JobSpec, outcome: run.Outcome, chunks: list[Chunk], spent: Spent | None) -> Results:
    """What the site gets: the outcome, less lm-eval's table, which repeats it."""
    return Results(
        attempt=job.attempt,
        tasks=outcome.tasks,
        chunks=tuple(chunks),
        provenance=outcome.provenance,
        load_seconds=outcome.load_seconds,
        evaluation_seconds=outcome.evaluation_seconds,
        spent=spent,
    )
