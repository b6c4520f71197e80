"""What a job has measured so far is also at the site: should this host die, another one goes on from there.

While an evaluation runs, new lines of its journal go to the site every few seconds (`Leaving`), in parts. Whoever
claims the job next takes the parts into its own journals first (`adopt_parts`); they are replayed where its engine has
the same identity (revision, settings, versions, hardware), and lie unused otherwise. What is lost with a host are the
responses of the last `seconds`. The site forgets the parts when the job has ended.
"""

import gzip
import logging
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from types import TracebackType

from evaluator import journal, run
from evaluator.client import LeaseLost, Site, SiteError
from evaluator.contract import PART_BYTES, JobSpec, Part

log = logging.getLogger(__name__)

UNPACKED_BYTES = 4 * PART_BYTES
"""The most of a part that is read: a response longer than PART_BYTES has a part of its own."""
ENDS = {400, 404, 413}
"""Answers of a site that takes no (more) parts; 404 is one from before they were."""


def adopt_parts(site: Site, job: JobSpec, folder: Path, check: Callable[[], None]) -> int:
    """Take what earlier attempts have left into the journals in `folder`; returns how many responses were new here.

    A part that cannot be had is logged and left out: its requests are asked again. `check` raises when the work must
    stop. Raises LeaseLost and OSError.
    """
    if job.attempt == 1:
        return 0
    adopted = 0
    for part in listed(site, job):
        check()
        adopted += 0 if part.job else adopt(site, job, part, folder)
    if adopted:
        log.info("job %s attempt %s goes on from %s responses of another host", job.job, job.attempt, adopted)
    return adopted


def adopt(
    site: Site, job: JobSpec, part: Part, folder: Path, keep: Callable[[Path, str, list[bytes]], int] = journal.adopt
) -> int:
    """Take one part into the journals in `folder`, by `keep`; returns how many responses were new there. One that
    cannot be had is left out. Raises LeaseLost and OSError."""
    try:
        rows = list(lines(site.part(job, part)))
    except LeaseLost:
        raise
    except (SiteError, OSError, EOFError, zlib.error) as error:
        log.warning("part %s of attempt %s of job %s is left out: %s", part.sequence, part.attempt, job.job, error)
        return 0
    return keep(folder, part.identity, rows)


def pause(job: JobSpec, seconds: float, began: float) -> float:
    """How long until parts are left or looked for again: `seconds`, and for shards a hundredth of the time since
    `began` where that is longer, so that a long run has hundreds of parts and not tens of thousands."""
    return max(seconds, (time.monotonic() - began) / 100) if job.shard is not None else seconds


def listed(site: Site, job: JobSpec) -> tuple[Part, ...]:
    """The parts that are at the site; none where it cannot tell, for a job can do without."""
    try:
        return site.parts(job)
    except LeaseLost:
        raise
    except SiteError as error:
        log.log(logging.INFO if error.status == 404 else logging.WARNING, "job %s begins anew: %s", job.job, error)
        return ()


def lines(packed: bytes) -> Iterator[bytes]:
    """The lines of a part, UNPACKED_BYTES of it at most."""
    with gzip.GzipFile(fileobj=BytesIO(packed)) as stream:
        yield from BytesIO(stream.read(UNPACKED_BYTES))


class Leaving:
    """Use as `with Leaving(site, job, folder, journals, seconds)` around the run in `folder`.

    A thread of its own sends what is new in the run's journal, every `seconds` (0: never); what came last goes too when
    the run is ended by an exception, such as a worker that is being stopped, and in any case when it is a shard for
    somebody else to score.
    """

    def __init__(self, site: Site, job: JobSpec, folder: Path, journals: Path, seconds: float) -> None:
        self._site, self._job, self._folder, self._journals = site, job, folder, journals
        self._seconds = seconds
        self._sequence = 0
        self._journal, self._end = "", 0
        """The one that was read last, and how far: a second start may have another."""
        self._pending: tuple[bytes, int] | None = None
        """A part that was sent and perhaps not taken, and where the journal goes on behind it: it stays as it is."""
        self._open = bool(seconds)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name=f"parts of job {job.job}", daemon=True)

    def __enter__(self) -> "Leaving":
        if self._open:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        if error is not None or (self._job.shard is not None and self._job.shard.helps):
            self.leave()

    def leave(self) -> None:
        """Send all whole lines that are new. What the site refuses, or a disk, ends it; an absent site is asked again
        the next time."""
        try:
            while self._open and (part := self._pending or self._next()) is not None:
                self._pending = part
                identity = self._journal.removesuffix(journal.SUFFIX)
                self._site.leave_part(self._job, identity, self._sequence, part[0])
                self._pending, self._end = None, part[1]
                self._sequence += 1
        except LeaseLost:
            self._open = False  # the lease's own thread tells
        except SiteError as error:
            self._open = error.status not in ENDS
            log.log(logging.INFO if error.status == 404 else logging.WARNING, "A part was not left: %s", error)
        except OSError as error:
            self._open = False
            log.warning("The journal of job %s cannot be read for its parts: %s", self._job.job, error)

    def _go_on(self) -> None:
        began = time.monotonic()
        while self._open and not self._ended.wait(pause(self._job, self._seconds, began)):
            self.leave()

    def _next(self) -> tuple[bytes, int] | None:
        """The next lines, packed, and where they end; None while there are none."""
        written = run.read_responses(self._folder)
        if written is None:
            return None
        if written.name != self._journal:
            self._journal, self._end = written.name, written.begin
        with (self._journals / written.name).open("rb") as file:
            file.seek(self._end)
            found = file.read(PART_BYTES)
            if b"\n" not in found:  # nothing, a line that is just being written, or a very long one
                found += file.readline()
        whole = found[: found.rfind(b"\n") + 1]
        return (gzip.compress(whole, mtime=0), self._end + len(whole)) if whole else None
