"""The worker's doorbell: a Celery task that claims a job and does it.

The message only says that something waits; the claim decides. A message that comes twice, late or for a job that is
gone costs one call that is answered "nothing for you". Run with `python -m evaluator worker`.
"""

import logging
import os
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down
from celery.utils.nodenames import host_format
from msgspec.structs import replace

from evaluator import behind, config, jobs, run_folders, tracing
from evaluator.client import TOO_OLD, Site, SiteError
from evaluator.contract import HELLO_SECONDS, ClaimRequest
from evaluator.introduction import introduction

log = logging.getLogger(__name__)

# No fixups: a DJANGO_SETTINGS_MODULE in the environment is none of a worker's business.
app = Celery("evaluator", broker=os.environ.get("REDIS_URL"), fixups=[])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=False,
    task_store_errors_even_if_ignored=False,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "health_check_interval": 10,
        # A bell is gone once it is read, for a lost one rings again. So a worker neither writes nor reads the list of
        # what is not acknowledged yet, where the site's own messages are, and compose.yaml gives it no right to.
        "ack_emulation": False,
    },
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    task_default_queue="jobs.cpu",
    enable_utc=True,
    timezone="UTC",
)


WAIT_SECONDS, POLL_SECONDS = 20, 5
"""A claim waits so long for a job; where the site lets nobody wait, it is asked so often."""

LEAST_FREE = 2**30
"""Bytes of this host's disk: with less, runs would end half-way, one after the other."""

slots = threading.Semaphore(1)
"""Taken by a thread while it may do any job. A worker of the api queue has one thread more than slots, so that a look
at an endpoint, which its owner waits for, never stands behind evaluations: without a slot it takes looks only."""

stopping = threading.Event()
"""Set by SIGTERM: the running job is given back, so that stopping a worker costs a restart and not a lease."""


full = threading.Event()
"""Set while this host's disk has no room, so that it is said once."""


@worker_shutting_down.connect
def stop(**_: Any) -> None:
    stopping.set()


@worker_ready.connect
def look(**_: Any) -> None:
    """A worker that starts looks at the queue without waiting for a bell: its own may have been swallowed before."""
    settings = config.from_environment()
    doorbell.apply_async(args=(0,), queue=f"jobs.{settings.queues[0]}", expires=60, retry=False)
    site = Site.connect(settings.url, settings.token)
    signs = (site, introduction(settings), stopping, settings.state)
    threading.Thread(target=greet, args=signs, name="signs of life", daemon=True).start()


def greet(site: Site, said: ClaimRequest, ended: threading.Event, state: Path) -> None:
    """Say hello to the site until `ended`: a worker that waits for its bell would be silent otherwise, and whoever
    waits for a worker wants to know that there is one. With a full disk it is none, and says nothing."""
    heard = True
    with site.http:
        while not ended.is_set():
            try:
                if room(state):
                    site.hello(said)
                heard = True
            except SiteError as error:
                if heard:  # once, not every time until it is back
                    log.warning("The site does not hear this worker: %s", error)
                heard = False
            ended.wait(HELLO_SECONDS)


@app.task(name="evaluator.doorbell")
def doorbell(job: int) -> None:
    """Claim the oldest job that fits and do it, until nothing waits.

    Bells ring again and overtake each other: the queue's order decides, not the bell's.
    """
    settings = config.from_environment()
    site = Site.connect(settings.url, settings.token)
    with site.http:
        try:
            while claim_and_work(site, settings):
                pass
        except SiteError as error:
            # The lease runs out and the reconciler gives the job to another worker; nothing is lost by giving up here.
            log.error("Gave up on the bell for job %s: %s", job, error)


def claim_and_work(site: Site, settings: config.Config, *, wait: int = 0) -> bool:
    """Claim a job that fits and do it; False when none came within `wait` seconds, or there is no room for one. Raises
    SiteError."""
    if stopping.is_set() or not room(settings.state):
        return False
    free = slots.acquire(blocking=False)
    try:
        claimed = site.claim(replace(introduction(settings), looks_only=not free), wait=wait)
        if claimed is not None:
            jobs.work(site, settings, claimed, stopping)
        return claimed is not None
    finally:
        if free:
            slots.release()


def room(state: Path) -> bool:
    """Whether this host's disk has room for a run; says so when it has none any more, and when it has again."""
    free = shutil.disk_usage(next(folder for folder in (state, *state.parents) if folder.exists())).free
    if free >= LEAST_FREE:
        if full.is_set():
            full.clear()
            log.info("There is room on the disk again: taking jobs.")
        return True
    if not full.is_set():
        full.set()
        log.error(
            "The disk of %s has %d MiB left, and a run needs %d: taking no jobs until there is room. Free some, or "
            "lower PARITY_WEIGHTS_GB or PARITY_REPLAY_GB.", state, free // 2**20, LEAST_FREE // 2**20,
        )  # fmt: skip
    return False


def start(settings: config.Config) -> None:
    """Work until told to stop: at the broker's doorbell, or without REDIS_URL by asking the site."""
    tracing.start("parity-worker")
    run_folders.sweep(settings.state / "runs")
    behind.sweep(settings.state)
    for _ in range(settings.slots - 1):
        slots.release()
    if not os.environ.get("REDIS_URL"):
        poll(settings)
        return
    # Threads, not a pool of processes: pool processes are daemonic and may not start children.
    # Not by Celery's command line, whose shell with completion and colours takes 9 MB for as long as a worker lives.
    app.Worker(
        pool_cls="threads",
        concurrency=threads(settings),
        queues=[f"jobs.{queue}" for queue in settings.queues],
        hostname=host_format(f"worker.{settings.name}@%h"),
        loglevel=logging.INFO,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,  # nobody listens to it
    ).start()


def threads(settings: config.Config) -> int:
    """How many take jobs."""
    return settings.slots + ("api" in settings.queues)


def poll(settings: config.Config) -> None:
    """The doorbell over HTTPS, for a worker that reaches nothing but the site: each claim waits for a job to come."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    log.info("No REDIS_URL: asking %s for jobs.", settings.url)
    others = [threading.Thread(target=serve, args=[settings]) for _ in range(threads(settings) - 1)]
    for thread in others:
        thread.start()
    serve(settings)
    for thread in others:
        thread.join()


def serve(settings: config.Config) -> None:
    """Claim and work, one job after the other, until the worker is stopped. Raises SiteError from a site that does not
    take workers of this edition any more."""
    site = Site.connect(settings.url, settings.token)
    with site.http:
        while not stopping.is_set():
            try:
                asked = time.monotonic()
                found = claim_and_work(site, settings, wait=WAIT_SECONDS)
                if not found and time.monotonic() - asked < POLL_SECONDS:  # too many wait there already
                    stopping.wait(POLL_SECONDS)
            except SiteError as error:
                if error.status == TOO_OLD:
                    raise
                log.error("%s Asking again in %s s.", error, WAIT_SECONDS)
                stopping.wait(WAIT_SECONDS)
            except Exception:  # a worker outlives one bad answer and one broken job
                log.exception("Something broke; asking again in %s s.", WAIT_SECONDS)
                stopping.wait(WAIT_SECONDS)
