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
from dataclasses import dataclass, field

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


@dataclass
class Look:
    """One job's look at what comes next. `asking` ends with that job, `abandoned` ends a download too."""

    site: Site
    config: Config
    stopping: threading.Event
    asking: threading.Event = field(default_factory=threading.Event)
    abandoned: threading.Event = field(default_factory=threading.Event)
    fetching: ModelRef | None = None

    def follow(self) -> None:
        """Ask and fetch until nobody wants it any more."""
        failed: set[ModelRef] = set()
        while self.wanted():
            upcoming = asked(self.site, self.config)
            if upcoming is not None and upcoming.model not in failed:
                self.fetching = upcoming.model
                try:
                    fetch_ahead(self.config, upcoming, self.watch)
                except Stopped:
                    return
                except (HubError, Died, OSError) as error:  # its own job meets this again, and tells its owner
                    log.info("%s was not fetched ahead: %s", upcoming.model.name, error)
                    failed.add(upcoming.model)
                finally:
                    self.fetching = None
            self.abandoned.wait(ASK_SECONDS)

    def wanted(self) -> bool:
        return self.asking.is_set() and not self.abandoned.is_set() and not self.stopping.is_set()

    def watch(self, _: run.Progress) -> None:
        """Raise Stopped when a download has to end."""
        if self.abandoned.is_set() or self.stopping.is_set():
            raise Stopped("The weights are not fetched ahead any more.")


class Ahead:
    """At most one look that downloads; begun by a job, and ended by the next one. Use from one thread at a time."""

    def __init__(self) -> None:
        self._look: Look | None = None
        self._thread: threading.Thread | None = None

    @contextmanager
    def looking(self, site: Site, config: Config, stopping: threading.Event) -> Iterator[None]:
        """While this lasts, fetch what the site would give this worker next; a download that has begun goes on behind
        it, for the job that comes probably wants it."""
        if not config.fetch_ahead:
            yield
            return
        self.end()
        look = self._look = Look(site, config, stopping)
        look.asking.set()
        self._thread = threading.Thread(target=look.follow, name="weights ahead", daemon=True)
        self._thread.start()
        try:
            yield
        finally:
            look.asking.clear()

    def make_way(self, model: ModelRef, check: Callable[[], None]) -> None:
        """Before a job fetches `model`: wait for a download of exactly that, and end another one. Raises what `check`
        raises."""
        while self._look is not None and self._thread is not None and self._look.fetching == model:
            check()
            self._thread.join(POLL_SECONDS)
        self.end()

    def end(self) -> None:
        """End what runs; what has been downloaded stays, and the next download of it goes on from there."""
        look, thread, self._look, self._thread = self._look, self._thread, None, None
        if look is None or thread is None:
            return
        look.abandoned.set()
        if look.fetching is not None:  # one that only asks ends by itself, and nobody waits for an answer
            thread.join()


def asked(site: Site, config: Config) -> Upcoming | None:
    """What the site would give this worker now; None for nothing, and where it cannot be asked."""
    try:
        return site.upcoming(introduction(config))
    except (SiteError, RuntimeError) as error:  # httpx says RuntimeError where the job that asked closed its client
        log.info("The site does not say what comes next: %s", error)
        return None


def fetch_ahead(config: Config, upcoming: Upcoming, watch: Callable[[run.Progress], None]) -> None:
    """Download the weights unless they are here, or there is no room for them. Raises HubError, Died, OSError, or what
    `watch` raises."""
    here = [found(config, one) for one in parts_of(upcoming.model)]
    watch(run.Progress())
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
