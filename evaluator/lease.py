"""Keeps a claimed job alive: a thread that sends heartbeats and learns when to stop."""

import logging
import threading
import time
from collections.abc import Callable

from evaluator.client import NO_ROOM, LeaseLost, Site, SiteError
from evaluator.contract import Heartbeat, JobSpec, Spent
from evaluator.run import Progress
from evaluator.supervisor import Stopped

log = logging.getLogger(__name__)


class Cancelled(Stopped):
    """The owner cancelled; the site waits for the acknowledgement."""


class Lost(Stopped):
    """The site gave the job to somebody else, or could not be reached until the lease ran out."""


class Stopping(Stopped):
    """This worker is being stopped: the job goes back."""


class Lease:
    """Use as `with Lease(site, job, stopping) as lease`, tell it progress, and call `check` often.

    `spent`: asked before each heartbeat, and at the attempt's end, for what an endpoint has cost so far; a job with
    weights spends nothing.
    """

    spent: Callable[[], Spent | None]

    def __init__(self, site: Site, job: JobSpec, stopping: threading.Event) -> None:
        self._site, self._job, self._stopping = site, job, stopping
        self._progress, self._log = Progress(), ""
        self.spent = lambda: None
        self._ended = threading.Event()
        self._reason: Stopped | None = None
        self._thread = threading.Thread(target=self._beat, name=f"lease of job {job.job}", daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def tell(self, progress: Progress, log_tail: str = "") -> None:
        """What the next heartbeat says."""
        self._progress, self._log = progress, log_tail

    def check(self) -> None:
        """Raise Cancelled, Lost or Stopping when the work must stop."""
        if self._reason is not None:
            raise self._reason
        if self._stopping.is_set():
            raise Stopping("The worker is being stopped; the job waits for another one.")

    def _beat(self) -> None:
        expires = time.monotonic() + self._job.lease_seconds
        while not self._ended.is_set():
            try:
                reply = self._site.heartbeat(self._job, self._message())
            except LeaseLost as error:
                self._reason = Lost(str(error))
                return
            except SiteError as error:
                if error.status == NO_ROOM:  # it can write down neither that we live nor that somebody else has the job
                    expires = time.monotonic() + self._job.lease_seconds
                if time.monotonic() > expires:
                    self._reason = Lost(f"No heartbeat reached the site for {self._job.lease_seconds:g} s: {error}")
                    return
                log.warning("A heartbeat of job %s failed: %s", self._job.job, error)
            else:
                expires = time.monotonic() + reply.lease_seconds
                if reply.cancel:
                    self._reason = Cancelled("Its owner cancelled the submission.")
            self._ended.wait(self._job.heartbeat_seconds)

    def _message(self) -> Heartbeat:
        progress = self._progress
        return Heartbeat(
            attempt=self._job.attempt,
            phase=progress.phase,
            done=progress.done,
            total=progress.total,
            log=self._log,
            spent=self.spent(),
        )
