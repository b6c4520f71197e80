"""PostgreSQL and Valkey for a state folder: joined where they run, else started for as long as this process lives.

Of all processes that use a state folder, one owns a server: it started it, and it stops it after the last user left.

    run/start.lock           held while deciding to join or to start, and while stopping
    run/<name>.owner.lock    held by the owner for its life; free means that a server found there is a left-over
    run/<name>.users.lock    shared by everyone who joined
    run/<name>.json          what the owner tells the others: where the server answers
"""

import atexit
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from leaderboard.embedded import patience, postgres, valkey
from leaderboard.embedded.errors import EmbeddedError
from leaderboard.embedded.locks import Lock
from leaderboard.embedded.process import Running

DATABASE = "parity"
JOIN_SECONDS = 10.0  # PostgreSQL restarts by itself after a crash of one of its processes
LOG_BYTES = 10_000_000  # a longer log is set aside (as `.old`) at the next start


@dataclass(frozen=True)
class Kind:
    """What this module knows about one of the two servers."""

    name: str
    title: str
    start: Callable[[Path, Path, Path], Running]
    open: Callable[[Path], str]  # completes a fresh server; from its socket's folder to its URL
    answers: Callable[[Path], bool]
    stop: Callable[[Running], None]


def _open_postgres(folder: Path) -> str:
    postgres.create_database(folder, DATABASE)
    return postgres.url(folder, DATABASE)


POSTGRES = Kind(
    "postgres",
    postgres.TITLE,
    postgres.start,
    _open_postgres,
    lambda folder: postgres.answers(postgres.url(folder, DATABASE)),
    postgres.stop,
)
VALKEY = Kind("valkey", valkey.TITLE, valkey.start, valkey.url, valkey.answers, valkey.stop)


@dataclass
class Held:
    """One server that this process uses. `running` is set in the process that owns it."""

    kind: Kind
    state: Path
    url: str
    lock: Lock  # of the owner, or of the users
    running: Running | None = None
    handles: int = 1  # how many open Services of this process use it


_held: dict[tuple[Path, str], Held] = {}
os.register_at_fork(after_in_child=_held.clear)  # the locks stay with the parent, so a forked child holds nothing


class Services:
    """The servers' addresses, valid until `close`, which `with` and the end of the process call."""

    def __init__(self) -> None:
        self._servers: dict[str, Held] = {}
        self._process = os.getpid()

    @property
    def database_url(self) -> str:
        """For django-environ and psycopg. Raises KeyError unless `postgres` was asked for."""
        return self._servers[POSTGRES.name].url

    @property
    def redis_url(self) -> str:
        """For Celery (kombu). Raises KeyError unless `valkey` was asked for."""
        return self._servers[VALKEY.name].url

    @property
    def started(self) -> bool:
        """Whether this process owns a server, and stops it in the end."""
        return any(held.running for held in self._servers.values())

    def ended(self) -> list[str]:
        """Servers that this process owns and that ended on their own, as "PostgreSQL (status 1)"."""
        owned = [(held.kind, held.running.process.poll()) for held in self._servers.values() if held.running]
        return [f"{kind.title} (status {status})" for kind, status in owned if status is not None]

    def revive(self) -> list[str]:
        """Start again what `ended` names, on the same data and socket; returns what was started, in the same words.

        Only from the main thread. Raises EmbeddedError when one does not start, and may be called again then.
        """
        revived = []
        for held in self._servers.values():
            status = held.running.process.poll() if held.running else None
            if held.running and status is not None:
                with Lock(held.state / "run" / "start.lock").exclusive():
                    held.running = _run(held.kind, held.state)
                revived.append(f"{held.kind.title} (status {status})")
        return revived

    def close(self) -> None:
        """Leave joined servers; stop owned ones once no other process uses them.

        While it waits for others it says so on stderr; Ctrl-C or SIGTERM then ends the wait, not this process.
        """
        atexit.unregister(self.close)
        if self._process != os.getpid():  # a forked child's copy: the servers are its parent's
            return
        servers = list(self._servers.values())
        # Leave before waiting: two processes that each own one server would wait for each other for ever.
        for held in sorted(servers, key=lambda held: held.running is not None):
            _let_go(held)
            del self._servers[held.kind.name]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ensure(state: Path, *, postgres: bool, valkey: bool) -> Services:
    """Join the servers that run for this state folder, or start them; several processes may do so at once.

    What is started lives until `Services.close` (at the latest when this process ends, even by SIGKILL, on Linux) and
    belongs to the main thread, so only that may start. All files lie under `state`, in folders of mode 0700.
    Raises EmbeddedError, whose message is for people, when a server can't be had.
    """
    state = _private_folders(state)
    services = Services()
    try:
        with Lock(state / "run" / "start.lock").exclusive():
            for kind in [POSTGRES] * postgres + [VALKEY] * valkey:
                services._servers[kind.name] = _hold(kind, state)
    except PermissionError as error:
        services.close()
        raise _unusable(state, error) from error
    except BaseException:
        services.close()
        raise
    atexit.register(services.close)
    return services


def _private_folders(state: Path) -> Path:
    """Make the state folder's tree, and its path absolute."""
    state = state.resolve()
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)  # left as it is where it exists: it may be anything
        for folder in (state / "run", state / "log"):
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_mode & 0o066:  # entering alone may be allowed: see account.Account.let_through
                folder.chmod(0o700)
    except OSError as error:
        raise _unusable(state, error) from error
    return state


def _unusable(state: Path, error: OSError) -> EmbeddedError:
    return EmbeddedError(
        f"The state folder {state} can't be used: {error}. All of it has to belong to the user that runs Parity; "
        "PARITY_STATE chooses another folder."
    )


def _hold(kind: Kind, state: Path) -> Held:
    held = _held.get((state, kind.name))
    if held is not None:
        held.handles += 1
        return held
    owner = Lock(state / "run" / f"{kind.name}.owner.lock")
    held = _start(kind, state, owner) if owner.try_exclusive() else _join(kind, state, owner)
    _held[state, kind.name] = held
    return held


def _start(kind: Kind, state: Path, owner: Lock) -> Held:
    try:
        if threading.current_thread() is not threading.main_thread():
            raise EmbeddedError(
                f"The embedded {kind.title} would end together with this thread: start it from the main thread, or run "
                "`make run` beside this program."
            )
        running = _run(kind, state)
    except BaseException:
        owner.release()
        raise
    return Held(kind, state, _told(kind, state)["url"], owner, running)


def _run(kind: Kind, state: Path) -> Running:
    """Start the server and write its record; neither is there when this raises."""
    record, log = _record(kind, state), state / "log" / f"{kind.name}.log"
    record.unlink(missing_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))
    running = kind.start(state / kind.name, state / "run" / kind.name, log)
    try:
        url = kind.open(running.folder)
        fresh = record.with_suffix(".new")
        fresh.write_text(json.dumps({"url": url, "folder": str(running.folder)}))
        fresh.replace(record)
    except BaseException:
        kind.stop(running)
        raise
    return running


def _told(kind: Kind, state: Path) -> dict[str, str]:
    """What the record says: the server's `url`, and the `folder` of its socket."""
    told: dict[str, str] = json.loads(_record(kind, state).read_text())
    return told


def _join(kind: Kind, state: Path, owner: Lock) -> Held:
    """Use what a living process owns. It wrote the record before it let go of start.lock, which is ours now."""
    record = _record(kind, state)
    deadline = time.monotonic() + JOIN_SECONDS
    while record.exists():
        told = _told(kind, state)
        if kind.answers(Path(told["folder"])):
            return Held(kind, state, told["url"], _users(kind, state).shared())
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    who = ", ".join(map(str, owner.holders())) or "unknown"
    raise EmbeddedError(
        f"The {kind.title} for {state} does not answer. Stop the process that started it ({who}) and start again; "
        f"the reason may be in {state / 'log' / kind.name}.log."
    )


def _let_go(held: Held) -> None:
    held.handles -= 1
    if held.handles > 0:
        return
    if held.running is not None:
        _retire(held, held.running)
    _held.pop((held.state, held.kind.name), None)
    held.lock.release()


def _retire(held: Held, running: Running) -> None:
    """Wait until no one else uses the server, and stop it."""
    users = _users(held.kind, held.state)
    told = False
    with patience.Patience() as waiting:
        while True:
            # Whoever comes now waits for the lock, finds no owner, and starts the server again.
            with Lock(held.state / "run" / "start.lock").exclusive():
                if users.try_exclusive() or waiting.over or running.process.poll() is not None:
                    _record(held.kind, held.state).unlink(missing_ok=True)
                    held.kind.stop(running)
                    users.release()
                    held.lock.release()
                    return
            if not told:
                who = ", ".join(map(str, users.holders())) or "unknown"
                print(
                    f"The embedded {held.kind.title} is still used by process {who}: waiting for it to end. "
                    "Ctrl-C stops the server now.",
                    file=sys.stderr,
                    flush=True,
                )
                told = True
            time.sleep(0.1)


def _record(kind: Kind, state: Path) -> Path:
    return state / "run" / f"{kind.name}.json"


def _users(kind: Kind, state: Path) -> Lock:
    return Lock(state / "run" / f"{kind.name}.users.lock")
