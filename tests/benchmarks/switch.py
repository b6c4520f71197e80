"""`make bench-switch`: from a log of 300 prompts to "can I switch?", in a browser, with a real stack and engine.

SmolLM2 behind vLLM's own server is what is used today; the same weights run here, and a copy with noise on them, want
its place. Prints what it does; the last line is one JSON object:

    prompts, margin, noise    of the log, in points, and the noise as a share of each matrix' own deviation
    quality                   of the API, the same weights and the degraded copy, in points
    identical                 the same weights against the API: verdict, difference and interval in points, p, and
                              whether one can switch
    degraded                  the same of the degraded copy
    canary                    in how many tables and files a word of one prompt was found: while models were asked, once
                              they had answered, and after its owner deleted the workload
    seconds                   from "Begin" to the report, and from the log-in to the receipt

Ends with status 1 where the degraded copy is not found worse with p < 0.05, the same weights are told better or worse,
or the canary is anywhere after the deletion. BENCH_PROMPTS (300) and BENCH_MARGIN (2) change what is done.
PICTURES is a folder for pictures of every step, and of the shared report as the README shows it.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests import screenshots
from tests.environment import ROOT, SHARED
from tests.walk import site, way
from tests.walk.way import DEGRADED, SAME, Walked

PROMPTS = int(os.environ.get("BENCH_PROMPTS", "300"))
MARGIN = float(os.environ.get("BENCH_MARGIN", "2"))
PATIENCE = 60_000
TOLD = ("verdict", "difference", "difference_interval", "p")


def measure(folder: Path) -> Walked:
    mirror = ROOT / ".parity" / "mirror"
    with site.serving(folder, mirror) as (stack, server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(screenshots.FLAGS))
        context = browser.new_context(base_url=stack.url, viewport={"width": 1280, "height": 844})
        context.set_default_timeout(PATIENCE)
        file = way.log(SHARED / "hub", folder / "desk", PROMPTS)
        return way.walk(context.new_page(), stack, server, file, PROMPTS, margin=MARGIN)


def told(walked: Walked) -> dict[str, Any]:
    found = {
        name: {key: walked.models[place - 1][key] for key in TOLD} | {"can_switch": walked.answers[place]}
        for name, place in (("identical", SAME), ("degraded", DEGRADED))
    }
    return {
        "prompts": PROMPTS, "margin": MARGIN, "noise": site.NOISE,
        "quality": [round(one["quality"], 2) for one in walked.models], **found,
        "canary": {when: len(places) for when, places in walked.canary.items()}, "seconds": walked.seconds,
    }  # fmt: skip


def holds(found: dict[str, Any]) -> bool:
    """Whether it is as it has to be."""
    worse = found["degraded"]["verdict"] == "worse" and found["degraded"]["p"] < 0.05
    return worse and found["identical"]["verdict"] in ("equivalent", "undecided") and not found["canary"]["deleted"]


def main() -> None:
    if not (SHARED / "hub").is_dir():
        sys.exit("bench-switch needs the real benchmark data in ../shared/hub")
    if shutil.which("chromium") is None:
        sys.exit("Chromium is not here: apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="parity-bench-switch-") as name:
        walked = measure(Path(name))
    for when, places in walked.canary.items():
        print(f"{when}: {', '.join(places) or 'nowhere'}")
    found = told(walked)
    print(json.dumps(found))
    sys.exit(not holds(found))


if __name__ == "__main__":
    main()
