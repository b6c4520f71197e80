"""The weights of the job that comes next, downloaded while the current one runs.

A guess: the site says what it would give this worker now, and nothing is leased. Where it guessed wrong, weights lie in
the cache that nobody uses, and go like any others. The running job's weights stay, and so does the cache's limit: what
does not fit beside them is not fetched.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from evaluator import run
from evaluator.bringing import brought, folder_of, found, parts_of
from evaluator.client import Site, SiteError
from evaluator.config import Config
from evaluator.contract import ModelRef, Upcoming
from evaluator.hub import HubError
from evaluator.introduction import introduction
from evaluator.run_folders import run_folder
from evaluator.supervisor import Clock, Died, Stopped
from evaluator.weights import make_room, size_of

log = logging.getLogger(__name__)

ASK_SECONDS = 60.0
"""How often the site is asked what comes next; others take jobs meanwhile."""
SPARE_BYTES = 2 * 10**9
"""What is left of the disk at least."""
POLL_SECONDS = 0.2


class Ahead:
    """At most one thread that asks and downloads; begun by a job, and ended by it or by the next one."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._asking, self._abandoned = threading.Event(), threading.Event()
        self._fetching: ModelRef | None = None

    @contextmanager
    def looking(self, site: Site, config: Config, stopping: threading.Event) -> Iterator[None]:
        """While this lasts, fetch what the site would give this worker next; a download that has begun goes on behind
        it, for the job that comes probably wants it."""
        if not config.fetch_ahead:
            yield
            return
        self.end()
        self._asking, self._abandoned = threading.Event(), threading.Event()
        self._asking.set()
        signs = (site, config, stopping)
        self._thread = threading.Thread(target=self._look, args=signs, name="weights ahead", daemon=True)
        self._thread.start()
        try:
            yield
        finally:
            self._asking.clear()

    def make_way(self, model: ModelRef, check: Callable[[], None]) -> None:
        """Before a job fetches `model`: wait for a download of exactly that, and end another one. Raises what `check`
        raises."""
        while self._thread is not None and self._thread.is_alive() and self._fetching == model:
            check()
            self._thread.join(POLL_SECONDS)
        self.end()

    def end(self) -> None:
        """End what runs; what has been downloaded stays, and the next download of it goes on from there."""
        self._asking.clear()
        self._abandoned.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _look(self, site: Site, config: Config, stopping: threading.Event) -> None:
        """Ask and fetch until nobody asks any more."""

        def watch(_: run.Progress) -> None:
            if self._abandoned.is_set() or stopping.is_set():
                raise Stopped("The weights are not fetched ahead any more.")

        failed: set[ModelRef] = set()
        while self._asking.is_set() and not stopping.is_set():
            upcoming = asked(site, config)
            if upcoming is not None and upcoming.model not in failed:
                self._fetching = upcoming.model
                try:
                    fetch_ahead(config, upcoming, watch)
                except Stopped:
                    return
                except (HubError, Died, OSError) as error:  # its own job meets this again, and tells its owner
                    log.info("%s was not fetched ahead: %s", upcoming.model.name, error)
                    failed.add(upcoming.model)
                finally:
                    self._fetching = None
            self._abandoned.wait(ASK_SECONDS)


def asked(site: Site, config: Config) -> Upcoming | None:
    """What the site would give this worker now; None for nothing, and where it cannot be asked."""
    try:
        return site.upcoming(introduction(config))
    except SiteError as error:
        log.info("The site does not say what comes next: %s", error)
        return None


def fetch_ahead(config: Config, upcoming: Upcoming, watch: Callable[[run.Progress], None]) -> None:
    """Download the weights unless they are here, or there is no room for them. Raises HubError, Died, OSError, or what
    `watch` raises."""
    here = [found(config, one) for one in parts_of(upcoming.model)]
    if None not in here:
        return
    target = folder_of(config)
    target.mkdir(parents=True, exist_ok=True)
    needed = max(0, upcoming.size_bytes - sum(size_of(path) for path in filter(None, here)))
    if shutil.disk_usage(target).free < needed + SPARE_BYTES:
        log.info("%s is not fetched ahead: the disk has no room for it.", upcoming.model.name)
        return
    if not make_room(target, limit=config.weights_bytes, needed=needed):
        log.info("%s is not fetched ahead: it does not fit beside what is in use.", upcoming.model.name)
        return
    log.info("%s is fetched ahead.", upcoming.model.name)
    runs = config.state / "runs"
    with run_folder(runs, "ahead") as folder, brought(config, upcoming.model, folder, watch, Clock()):
        log.info("%s is here.", upcoming.model.name)


ahead = Ahead()
"""The worker's own."""
