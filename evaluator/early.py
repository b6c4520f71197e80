"""Jobs that end once they are decided: the child shows what it has at each look, and the site says whether to go on.

The child's half is `enough`, the supervisor's `Looks`; between them are files in the run's folder. Where the site does
not answer, the run goes on: it costs time, and no result.
"""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from evaluator import run
from evaluator.client import Site, SiteError
from evaluator.contract import EarlyScores, JobSpec

log = logging.getLogger(__name__)

PATIENCE = 45.0
"""Seconds that the child waits for a word; longer than a call to the site takes to fail."""
POLL_SECONDS = 0.1


def enough(folder: Path, scores: Sequence[float], *, patience: float = PATIENCE) -> bool:
    """In the child: whether these scores of the first items are enough."""
    run.write(folder, run.EARLY, run.Early(scores=tuple(scores)))
    end = time.monotonic() + patience
    while time.monotonic() < end:
        told = run.read_enough(folder)
        if told is not None and told.after == len(scores):
            return told.enough
        time.sleep(POLL_SECONDS)
    return False


class Looks:
    """Call it often: each look of the child's goes to the site, and what the site says to the child."""

    def __init__(self, site: Site, job: JobSpec, folder: Path) -> None:
        self._site, self._job, self._folder = site, job, folder
        self._told = 0

    def __call__(self) -> None:
        early = run.read_early(self._folder) if self._job.looks else None
        if early is None or len(early.scores) == self._told:
            return
        self._told = len(early.scores)
        try:
            said = self._site.look(self._job, EarlyScores(attempt=self._job.attempt, scores=early.scores)).enough
        except SiteError as error:
            log.warning("job %s goes on: nobody says whether %s items are enough: %s", self._job.job, self._told, error)
            said = False
        run.write(self._folder, run.ENOUGH, run.Enough(after=self._told, enough=said))
