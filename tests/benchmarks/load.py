"""Load by wrk (Debian's package): requests in a loop over paths, and what came of them."""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

THREADS, CONNECTIONS = 2, 4
SCRIPT = """
local paths, place, fresh, number = {%s}, 0, %s, math.random(1e9)
function request()
  place = place %% #paths + 1
  number = number + 1
  return wrk.format("GET", paths[place] .. (fresh and "&utm_id=" .. number or ""))
end
function done(summary, latency, requests)
  local failed = summary.errors
  local line = 'JSON {"p50": %%d, "p99": %%d, "worst": %%d, "requests": %%d, "microseconds": %%d, "errors": %%d}\\n'
  io.write(string.format(line, latency:percentile(50), latency:percentile(99), latency.max,
    summary.requests, summary.duration,
    failed.status + failed.connect + failed.read + failed.write + failed.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """Median and 99th percentile of the latency in ms, the longest of all, and requests a second.

    wrk counts a wait as often as requests would have come meanwhile: one long wait is seen in the percentile.
    """

    p50_ms: float
    p99_ms: float
    worst_ms: float
    per_second: float


def wrk(
    url: str, paths: list[str], *, seconds: int, headers: dict[str, str] | None = None, fresh: bool = False
) -> Load:
    """`wrk -t2 -c4` for so many seconds; ends the program for any answer that is an error. `fresh`: no address is asked
    twice, so that no page can be kept from before."""
    program = shutil.which("wrk")
    if program is None:
        sys.exit("wrk is not here. Install it and run this again:\n\n    apt-get install wrk\n")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % (", ".join(json.dumps(path) for path in paths), "true" if fresh else "false"))
        script.flush()
        command = [program, f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script.name, "--timeout", "30s"]
        for name, value in (headers or {}).items():
            command += ["-H", f"{name}: {value}"]
        done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("JSON "))
    said = json.loads(line.removeprefix("JSON "))
    if said["errors"]:
        sys.exit(f"{said['errors']} of {said['requests']} requests failed:\n{done.stdout}")
    rate = said["requests"] / (said["microseconds"] / 1e6)
    p50, p99, worst = (round(said[name] / 1000, 2) for name in ("p50", "p99", "worst"))
    return Load(p50, p99, worst, round(rate, 1))
