"""Ask for known holes in the locked packages, of PyPI's advisories and then of OSV's; needs pip-audit and a network.

    make audit            exit status 0: no hole is known. 1: some are, listed. 3: nobody could be asked.

Versions are taken from the lists as they stand: nothing is resolved or installed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LISTS = ("site.txt", "worker-cpu.txt", "dev.txt")
SERVICES = ("pypi", "osv")
UNKNOWN = 3
SECONDS = 600


def packages() -> str:
    """Every package of all lists once, without the markers."""
    lines = (line.partition(";")[0].strip() for name in LISTS for line in (HERE / name).read_text().splitlines())
    return "\n".join(sorted({line for line in lines if line and not line.startswith("#")})) + "\n"


def asked(service: str, listing: Path) -> tuple[list[dict[str, Any]] | None, str]:
    """What the service says of each package, or None, and why it said nothing."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(listing), "--no-deps", "--disable-pip"]
    command += ["--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None, f"no answer within {SECONDS} s"
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        return None, said[-1]
    return found, ""


def main() -> int:
    """The exit status."""
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "locked.txt"
        listing.write_text(packages())
        for service in SERVICES:
            found, problem = asked(service, listing)
            if found is None:
                print(f"{service} could not be asked: {problem}")
                continue
            holes = [(one, hole) for one in found for hole in one.get("vulns", [])]
            for one, hole in holes:
                mended = ", ".join(hole.get("fix_versions", [])) or "no version yet"
                print(f"{one['name']} {one['version']}: {hole['id']}; mended in {mended}")
            print(f"{service}: {len(found)} packages, {len(holes)} known holes")
            return 1 if holes else 0
    print("Not audited: no service of advisories could be reached from here.")
    return UNKNOWN


if __name__ == "__main__":
    sys.exit(main())
