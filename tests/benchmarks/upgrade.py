"""`make upgrade-drill`: the previous release's code on this release's tables, as during an upgrade of many processes.

The previous release is the newest commit that has some of today's migrations and no other ones: one that was only
renumbered makes no other release (PREVIOUS=commit names another). Its own tests of actions and of both APIs run on a
database that this release's migrations made; what fails there is tried on its own tables too. The last line is JSON:

    passed, failed, failed_before_too      `failed`: on these tables alone, and the status is 1 then
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from leaderboard.embedded import services
from tests.environment import ROOT

TESTS = ("tests/leaderboard/actions", "tests/leaderboard/api")
COUNTED = re.compile(r"(\d+) (passed|failed|error|skipped)")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*)$", re.MULTILINE)
DATABASE = "test_parity"
"""What pytest-django calls its database, and with --reuse-db takes as it is."""


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def previous() -> str:
    """The commit before the newest one that brought tables which it had not; ends the program where there is none."""
    if named := os.environ.get("PREVIOUS"):
        return git("rev-parse", named)
    mine = migrations(ROOT)
    for commit in git("log", "--first-parent", "--format=%H", "--", "leaderboard/migrations").splitlines():
        before = git("rev-parse", "--verify", f"{commit}^")
        if had(before) < mine:
            return before
    sys.exit(
        "No earlier commit of this clone has other tables; a shallow clone has no past. PREVIOUS=commit names one."
    )


def had(commit: str) -> set[str]:
    """A commit's migrations, by name."""
    names = git("ls-tree", "--name-only", f"{commit}:leaderboard/migrations").splitlines()
    return {Path(name).stem for name in names if name[:1].isdigit()}


def migrations(folder: Path) -> set[str]:
    return {path.stem for path in (folder / "leaderboard" / "migrations").glob("[0-9]*.py")}


def run(folder: Path, variables: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PARITY_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=inherited | variables, capture_output=True, text=True, check=False
    )


def on_these_tables(old: Path, state: Path) -> tuple[dict[str, int], list[str]]:
    """How the previous release's tests went on a database of this release, and which of them fail there alone."""
    with services.ensure(state, postgres=True, valkey=True) as servers:
        with psycopg.connect(servers.database_url, autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{DATABASE}" TEMPLATE template0'.encode())
        variables = {"PARITY_MODE": "demo", "PARITY_STATE": str(state), "REDIS_URL": servers.redis_url}
        mine = servers.database_url.replace(f"@/{services.DATABASE}?", f"@/{DATABASE}?")
        made = run(ROOT, variables | {"DATABASE_URL": mine}, "manage.py", "migrate", "--verbosity=0")
        if made.returncode:
            sys.exit(f"This release's migrations failed:\n{made.stderr[-3000:]}")
        theirs = variables | {"DATABASE_URL": servers.database_url}
        chosen = ("-m", "not slow and not stack and not engine and not browser")
        found, failed = tested(old, theirs, "--reuse-db", *chosen, *TESTS)
        if not failed:
            return found, []
        print(f"{len(failed)} fail; the same on the previous release's own tables")
        _, anyway = tested(old, theirs, "--create-db", *failed)
    return found, sorted(set(failed) - set(anyway))


def tested(old: Path, variables: dict[str, str], *arguments: str) -> tuple[dict[str, int], list[str]]:
    """The counts of the previous release's tests, and the names of those that failed."""
    done = run(old, variables | {"COLUMNS": "1000"}, "-m", "pytest", "-q", *arguments)
    print(done.stdout[-2000:])
    found = {word: int(number) for number, word in COUNTED.findall(done.stdout.splitlines()[-1])}
    if done.returncode not in {0, 1} or not found:
        sys.exit(f"The tests did not run (status {done.returncode}):\n{done.stderr[-3000:]}")
    return found, [name.partition(" - ")[0] for name in FAILED.findall(done.stdout)]


def main() -> None:
    commit, started = previous(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="parity-upgrade-") as name:
        old = Path(name) / "previous"
        git("worktree", "add", "--detach", str(old), commit)
        try:
            added = sorted(migrations(ROOT) - migrations(old))
            found, failed = on_these_tables(old, Path(name) / "state")
        finally:
            git("worktree", "remove", "--force", str(old))
    told = {"previous": commit[:12], "migrations": added, "seconds": round(time.monotonic() - started)}
    for test in failed:
        print(f"FOUND {test}")
    broken = found.get("failed", 0) + found.get("error", 0)
    counts = {"passed": found.get("passed", 0), "failed": len(failed), "failed_before_too": broken - len(failed)}
    print(json.dumps(told | counts | {"skipped": found.get("skipped", 0)}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
