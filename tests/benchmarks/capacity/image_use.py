"""The site used from its image's root: what the Dockerfile and compose.yaml start, with nothing besides that root.

In bubblewrap's sandbox `/usr/local`, `/opt/venv`, `/srv/parity` and `/var/lib/parity` are the root's, all but the last
read-only, and of this machine only Debian's libraries are there. PostgreSQL and Valkey run outside.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from leaderboard.demo import journey
from leaderboard.embedded import process, services
from tests.docker.dockerfiles import DOCKER, stages
from tests.docker.test_compose import SERVICES
from tests.environment import ROOT
from tests.stack import free_port

SECONDS = 120.0
MIRROR = ROOT / ".parity" / "mirror"
"""With the demonstration's model."""
PAGES = (
    "/", "/models/", "/queue", "/status", "/gap", "/claims", "/method", "/login", "/livez", "/readyz",
    "/api/v1/suites/", "/api/v1/leaderboard/?suite=starter@1", "/api/schema/", "/api/docs",
    "/board.csv", "/board.parquet", "/static/parity.css",
)  # fmt: skip


LINK = re.compile(r'(?:href|src)="(/static/[^"]+)"')


class Sandbox:
    """Starts programs in the root, as an image's engine would."""

    def __init__(self, root: Path, servers: services.Services, shared: Path, port: int) -> None:
        self._root, self._shared = root, shared
        self._variables = {
            "PATH": "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "PARITY_STATE": "/var/lib/parity",
            "LD_LIBRARY_PATH": "/usr/local/lib", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
            "PYTHONHOME": "/usr/local", "PYTHONPATH": "/srv/parity:/opt/venv/lib/python3.11/site-packages",
            "PARITY_URL": f"http://127.0.0.1:{port}", "PARITY_SECRET_KEY": "s" * 50, "PARITY_WORKER_TOKEN": "w" * 50,
            "DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url,
            "PARITY_HUB_MIRROR": str(MIRROR),
        }  # fmt: skip

    def command(self, *program: str) -> list[str]:
        root, shared = str(self._root), str(self._shared)
        seen = ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev"]
        for name in ("lib", "lib64", "bin"):
            seen += ["--symlink", f"usr/{name}", f"/{name}"]
        for folder in ("usr/local", "opt/venv", "srv/parity"):
            seen += ["--ro-bind", f"{root}/{folder}", f"/{folder}"]
        seen += ["--bind", f"{root}/var/lib/parity", "/var/lib/parity", "--tmpfs", "/tmp", "--bind", shared, shared]
        seen += ["--ro-bind", str(MIRROR), str(MIRROR)]
        told = [word for name, value in self._variables.items() for word in ("--setenv", name, value)]
        alone = ["--unshare-pid", "--unshare-ipc", "--die-with-parent", "--clearenv", *told, "--chdir", "/srv/parity"]
        # Programs of packages are run as modules: pip's little scripts for them are not in the plain root.
        first = [] if program[0] == "python3" else ["python3", "-m"]
        return ["bwrap", *seen, *alone, "--", "python3", "start.py", *first, *program]

    def run(self, *program: str) -> str:
        done = subprocess.run(self.command(*program), capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(program)} in the image's root:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
        return done.stdout

    @contextmanager
    def running(self, log: Path, *program: str) -> Iterator[subprocess.Popen[bytes]]:
        started = process.spawn(self.command(*program), log=log, death_signal=signal.SIGTERM)
        try:
            yield started
        finally:
            process.stop(started, signal=signal.SIGTERM, seconds=20)


def used(root: Path, state: Path) -> dict[str, Any]:
    """Bring up a database, the web server, the site's worker and the scheduler, and ask; ends the program otherwise."""
    if not shutil.which("bwrap"):
        return {"skipped": "bubblewrap is not here"}
    port = free_port()
    last = stages((DOCKER / "site.Dockerfile").read_text())[-1]
    web = [word.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for word in json.loads(last.all("CMD")[-1])]
    subprocess.run([sys.executable, "-m", "evaluator.engines.gguf", str(MIRROR)], check=True, cwd=ROOT)
    with services.ensure(state, postgres=True, valkey=True) as servers:
        inside = Sandbox(root, servers, state, port)
        inside.run("python3", "manage.py", "bootstrap")
        token = inside.run("python3", "manage.py", "create_token", "reader").split()[-1]
        logs = {name: state / f"{name}.log" for name in ("site", "site-worker", "notifier", "scheduler")}
        commands = {name: SERVICES[name]["command"] for name in ("site-worker", "notifier", "scheduler")}
        with (
            inside.running(logs["site"], *web),
            inside.running(logs["site-worker"], *commands["site-worker"]),
            inside.running(logs["notifier"], *commands["notifier"]),
            inside.running(logs["scheduler"], *commands["scheduler"]),
        ):
            return asked(f"http://127.0.0.1:{port}", token, logs) | {"backup": backed_up(inside)}


def asked(url: str, token: str, logs: dict[str, Path]) -> dict[str, Any]:
    """What the pages answered, and what became of a submission that the site's worker looks at."""
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        wait_for("the site", logs["site"], lambda: answers(http))
        replies = {path: http.get(path) for path in PAGES}
        if wrong := {path: reply.status_code for path, reply in replies.items() if reply.status_code != 200}:
            sys.exit(f"The site in the image's root answered {wrong}:\n{logs['site'].read_text()[-3000:]}")
        if empty := [path for path, reply in replies.items() if not reply.content]:
            sys.exit(f"The site in the image's root answered nothing for {empty}.")
        links = sorted({link for reply in replies.values() for link in LINK.findall(reply.text)})
        if missing := [link for link in links if http.get(link).status_code != 200]:
            sys.exit(f"Pages link what is not there: {missing}")
        for name in ("site-worker", "notifier"):
            wait_for(name, logs[name], lambda log=logs[name]: "ready." in log.read_text())
        wait_for("scheduler", logs["scheduler"], lambda: "Scheduler: Sending" in logs["scheduler"].read_text())
        wish = {"suite": "starter@1", "model": journey.MODEL}
        bearer = {"Authorization": f"Bearer {token}"}
        made = http.post("/api/v1/submissions/", json=wish, headers=bearer)
        if made.status_code not in {201, 202}:
            sys.exit(f"A submission was answered with {made.status_code}: {made.text}")
        path = f"/api/v1/submissions/{made.json()['id']}/"
        wait_for("the submission's check", logs["site-worker"], lambda: state_of(http, path, bearer) != "validating")
        if (state := state_of(http, path, bearer)) != "queued":
            sys.exit(f"The submission is {state}: {http.get(path, headers=bearer).text}")
        return {"pages": len(replies), "static_files": len(links), "submission": state}


def answers(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def state_of(http: httpx.Client, path: str, bearer: dict[str, str]) -> str:
    return str(http.get(path, headers=bearer).json()["state"])


def backed_up(inside: Sandbox) -> int:
    """How many rows a backup has, by the wheel's own pg_dump."""
    found = inside.run("python3", "manage.py", "backup", "/var/lib/parity/backups")
    rows = re.search(r"([\d,]+) rows", found)
    return int(rows[1].replace(",", "")) if rows else sys.exit(f"The backup said: {found}")


def wait_for(what: str, log: Path, true: Any) -> None:
    until = time.monotonic() + SECONDS
    while not true():
        if time.monotonic() > until:
            sys.exit(f"No sign of {what} after {SECONDS:g} s:\n{log.read_text()[-3000:]}")
        time.sleep(0.3)
