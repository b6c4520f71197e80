"""`python -m tests.fuzz [--examples N]`: schemathesis against a real server, as five kinds of callers.

The server is gunicorn on its own PostgreSQL and Valkey, in a folder of its own. The last line is one JSON object: how
many requests were made, and how many replies broke which rule. The status is 1 where any did.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import httpx
from django.core.management import call_command

from leaderboard import environment
from tests.environment import ROOT
from tests.stack import free_port

CHECKED_IN = ROOT / "leaderboard" / "api" / "openapi.json"
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "reads_across_owners",
)  # fmt: skip
OPEN = {f"PARITY_{name}_CAP": "1000000000" for name in ("DAY", "MONTH", "LIVE")}
KINDS = {"not_a_server_error": "server_errors", "reads_across_owners": "reads_across_owners"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=30, help="random requests of each route and role")
    parser.add_argument("--phases", default="examples,coverage,fuzzing")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--keep", type=Path, help="write the reports there")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="parity-fuzz-"))
    os.environ.update(OPEN, PARITY_STATE=str(folder / "state"))
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    try:
        with environment.prepare(), served(folder) as (url, tokens, canaries):
            found = {role: attacked(role, token, url, canaries, folder, options) for role, token in tokens.items()}
    finally:
        if options.keep:
            shutil.copytree(folder / "reports", options.keep, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
    counts = summed(found)
    print(json.dumps(counts))
    return 1 if counts["failures"] else 0


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """The site, seeded and answering: its address, the roles' tokens, and what each owner alone may read."""
    django.setup()
    call_command("migrate", verbosity=0)
    from tests.fuzz.seeded import CANARIES, seed  # Django has to be set up before its models are imported

    tokens, port = seed(), free_port()
    django.db.connections.close_all()
    command = [sys.executable, "-m", "gunicorn", "leaderboard.wsgi", f"--bind=127.0.0.1:{port}", "--workers=1"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--threads=4", "--no-control-socket", "--access-logfile=/dev/null"],
            cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            answers(f"http://127.0.0.1:{port}/api/v1/suites/", server)
            yield f"http://127.0.0.1:{port}", tokens, CANARIES
        finally:
            server.terminate()
            server.wait(30)


def answers(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server does."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended"
        try:
            httpx.get(url, trust_env=False, timeout=5).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("the server does not answer")


def attacked(
    role: str, token: str, url: str, canaries: dict[str, str], folder: Path, options: argparse.Namespace
) -> dict[str, Any]:
    """One run of schemathesis as one caller; its report."""
    print(f"as {role} ...", file=sys.stderr, flush=True)
    reports = folder / "reports"
    reports.mkdir(exist_ok=True)
    report = reports / f"{role}.ndjson"
    program = Path(sys.executable).with_name("schemathesis")
    command = [str(program), "run", str(CHECKED_IN), "--url", url, "--checks", ",".join(CHECKS)]
    command += ["--max-examples", str(options.examples), "--phases", options.phases, "--continue-on-failure"]
    command += ["--suppress-health-check", "all", "--request-timeout", "60", "--no-shrink", "--warnings", "off"]
    command += ["--report", "ndjson", "--report-ndjson-path", str(report)]
    command += ["--seed", str(options.seed)] if options.seed is not None else []
    command += ["--header", f"Authorization: Bearer {token}"] if token else []
    told = {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "FUZZ_ROLE": role, "FUZZ_CANARIES": json.dumps(canaries)}
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **told}, capture_output=True, text=True, check=False
    )  # fmt: skip
    (reports / f"{role}.txt").write_text(done.stdout + done.stderr)
    assert done.returncode in (0, 1) and report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    print("\n".join(done.stdout.splitlines()[-12:]), file=sys.stderr, flush=True)
    return counted(report)


def counted(report: Path) -> dict[str, Any]:
    """Requests and failures in a report, by check."""
    cases, failed = 0, Counter[str]()
    with report.open() as lines:
        for line in lines:
            event = json.loads(line)
            recorder = next(iter(event.values())).get("recorder") if isinstance(event, dict) else None
            if not recorder or "interactions" not in recorder:  # a scenario that was skipped asked nothing
                continue
            cases += len(recorder["interactions"])
            for checks in recorder["checks"].values():
                failed.update(one["name"] for one in checks if one["status"] == "failure")
    return {"cases": cases, "failed": failed}


def summed(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    failed: Counter[str] = sum((one["failed"] for one in found.values()), Counter())
    kinds = Counter({"server_errors": 0, "schema_drift": 0, "reads_across_owners": 0})
    for check, count in failed.items():
        kinds[KINDS.get(check, "schema_drift")] += count
    roles = {role: one["cases"] for role, one in found.items()}
    return {"cases": sum(roles.values()), "roles": roles, "failures": failed.total(), **kinds, "checks": dict(failed)}


if __name__ == "__main__":
    sys.exit(main())
