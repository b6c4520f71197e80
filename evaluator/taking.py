"""A shard of a submission takes what the others have left at the site while it runs."""

import logging
import threading
import time
from pathlib import Path
from types import TracebackType

from evaluator import journal
from evaluator.client import LeaseLost, Site
from evaluator.contract import JobSpec
from evaluator.handover import adopt, listed, pause

log = logging.getLogger(__name__)


class Taking:
    """Use as `with Taking(site, job, folder, seconds)` around a run; new parts come into the journals in `folder`.

    A thread of its own looks for them at once, and every `seconds`. What cannot be had is asked here: it costs time.
    """

    def __init__(self, site: Site, job: JobSpec, folder: Path, seconds: float) -> None:
        self._site, self._job, self._folder, self._seconds = site, job, folder, seconds
        self._known: set[tuple[int, int, int]] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name=f"shards of job {job.job}", daemon=True)

    def __enter__(self) -> "Taking":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def take(self) -> int:
        """Take what is new; returns how many responses that were. Raises LeaseLost and OSError."""
        taken = 0
        for part in listed(self._site, self._job):
            name = (part.job, part.attempt, part.sequence)
            if part.job and name not in self._known and not self._ended.is_set():
                taken += adopt(self._site, self._job, part, self._folder, journal.append)
                self._known.add(name)
        return taken

    def _go_on(self) -> None:
        began = time.monotonic()
        try:
            while not self._ended.is_set():
                self.take()
                self._ended.wait(pause(self._job, self._seconds, began))
        except LeaseLost:
            pass  # the lease's own thread tells
        except OSError as error:
            log.warning("What other shards of job %s have answered cannot be kept: %s", self._job.job, error)
