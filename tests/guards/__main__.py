"""`make guards`: removes each guard of the registry in turn, in a copy of the sources, and asks whether a test notices.

    python -m tests.guards [--only WORDS] [--jobs 2]

First all the tests that are named pass as things are. Prints the guards that nobody missed; the last line is one JSON
object, which `make chaos` repeats. The status is 1 where one was not missed, or a removal broke something else.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from tests.environment import ROOT, pytest_unconfigure
from tests.guards.registry import GUARDS, Guard

Outcome = Literal["killed", "survived", "broken"]
REPORT = ROOT / ".parity" / "guards.json"
SECONDS, ALL_SECONDS = 300, 1200
"""The longest for the tests of one guard, and for all of them once."""
MIGRATIONS = "leaderboard/migrations"
WITHOUT = """from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("leaderboard", "{after}")]
    operations = [migrations.RunSQL({statement!r}, migrations.RunSQL.noop)]
"""


class Copy:
    """The sources in a folder of their own, and a database of their own on the server of this run."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder / f"copy{number}"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, self.folder / name)
        address = urlsplit(os.environ["DATABASE_URL"])
        url = urlunsplit(address._replace(path=f"/guards{number}"))
        self.environment = {**os.environ, "DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ""}
        self.fresh = True
        """Whether the database has to be made anew."""

    def passes(self, tests: tuple[str, ...], *, seconds: float = SECONDS) -> int:
        """pytest's exit status: 0 all passed, 1 some failed; anything else means that they could not be asked."""
        again = "--create-db" if self.fresh else "--reuse-db"
        self.fresh = False
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", again]
        with (self.folder / "said.txt").open("wb") as said:
            try:
                return subprocess.run(
                    [*command, *tests], cwd=self.folder, env=self.environment, timeout=seconds, stdout=said,
                    stderr=subprocess.STDOUT, check=False,
                ).returncode  # fmt: skip
            except subprocess.TimeoutExpired:
                said.write(f"\nNothing came of it within {seconds:g} s.\n".encode())
                return -1

    def said(self) -> str:
        """The end of what pytest said last."""
        return (self.folder / "said.txt").read_text(errors="replace")[-3_000:]

    def without(self, guard: Guard) -> Outcome:
        """What the tests say while the guard is away."""
        file, text = self.place_of(guard)
        before = file.read_text() if file.exists() else None
        file.write_text(text)
        self.fresh |= not guard.file
        try:
            status = self.passes(guard.tests)
        finally:
            if before is None:
                file.unlink()
            else:
                file.write_text(before)
            self.fresh |= not guard.file
        return "survived" if status == 0 else "killed" if status == 1 else "broken"

    def place_of(self, guard: Guard) -> tuple[Path, str]:
        """The file to write, and what; raises ValueError where the sources have changed under the registry."""
        if guard.file:
            file = self.folder / guard.file
            if file.read_text().count(guard.old) != 1:
                raise ValueError(f"{guard.name}: {guard.file} does not hold this once:\n{guard.old}")
            return file, file.read_text().replace(guard.old, guard.new)
        folder = self.folder / MIGRATIONS
        last = max(path.stem for path in folder.glob("[0-9]*.py"))
        return folder / "9999_without_a_guard.py", WITHOUT.format(after=last, statement=guard.new)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=__doc__)
    parser.add_argument("--only", default="", help="guards whose name holds these words")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    options = parser.parse_args(arguments)
    chosen = [guard for guard in GUARDS if options.only in guard.name]
    folder, started = Path(tempfile.mkdtemp(prefix="parity-guards-")), time.monotonic()
    try:
        outcomes = tried(folder, chosen, options.jobs)
    finally:
        pytest_unconfigure()
        shutil.rmtree(folder, ignore_errors=True)
    report = {
        "total": len(outcomes),
        "killed": sum(outcome == "killed" for outcome in outcomes.values()),
        "survived": [name for name, outcome in outcomes.items() if outcome == "survived"],
        "broken": [name for name, outcome in outcomes.items() if outcome == "broken"],
        "seconds": round(time.monotonic() - started),
    }
    if not options.only:
        REPORT.write_text(json.dumps(report))
    print(json.dumps(report))
    return 0 if report["killed"] == report["total"] else 1


def tried(folder: Path, guards: list[Guard], jobs: int) -> dict[str, Outcome]:
    """Each guard's outcome. Those of the database come last: each of them takes a database made anew."""
    idle: SimpleQueue[Copy] = SimpleQueue()
    for number in range(jobs):
        idle.put(Copy(folder, number))

    def alone(guard: Guard) -> Outcome:
        copy = idle.get()
        try:
            outcome = copy.without(guard)
            print(f"{outcome:<9} {guard.name}", flush=True)
            if outcome == "broken":
                print(copy.said(), flush=True)
        finally:
            idle.put(copy)
        return outcome

    copy = idle.get()
    started = time.monotonic()
    if copy.passes(tuple(sorted({test for guard in guards for test in guard.tests})), seconds=ALL_SECONDS):
        raise SystemExit(f"{copy.said()}\nThe tests do not pass as things are: nothing can be said of any guard.")
    print(f"as it is, all pass in {time.monotonic() - started:.0f} s", flush=True)
    idle.put(copy)
    ordered = sorted(guards, key=lambda guard: not guard.file)
    with ThreadPoolExecutor(jobs) as pool:
        return dict(zip([guard.name for guard in ordered], pool.map(alone, ordered), strict=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
