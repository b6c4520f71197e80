"""`make bench-gradio`: the same 3,827 models on our board and on a gradio_leaderboard page. The last line is JSON.

    first_row_ms    from the navigation until the first row is in a painted frame, an empty cache
    sort_ms         from the click on a heading until the row that has to be first then is, painted
    filter_ms       the same for a filter; search_ms for a word in the search box, from Enter
    first_view_kb   over the wire until the page is quiet, all assets; step_kb for each sort, filter or search after it
    session_kb      a first view and one round of all steps

Each is a median over all steps of several rounds, in which the two take turns. `times`: how often ours is better.
Both are shown by the same headless Chromium, 1280 x 900, which paints 60 times a second: `frame_ms` is what a step
takes where nothing is to be done. No address of ours is asked twice, so that every page is made anew. Both servers
are on loopback: no network holds up a page that sends everything first and then asks for nothing more. What a page
writes to its console is dropped, for a browser that is driven would be busy with it. No other host is contacted; what
asks for one is told at once that it is not there.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from leaderboard.embedded import process, services
from tests.benchmarks import gradio_steps
from tests.benchmarks.browsing import chromium, received
from tests.benchmarks.gradio_steps import Site
from tests.benchmarks.web import CSV, ROOT, environment, fetched, run, say, served
from tests.stack import free_port

PYTHON = ROOT / ".parity" / "gradio" / "bin" / "python"
APP = ROOT / "tests" / "benchmarks" / "gradio_app.py"
LOOPBACK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
AIM = 10
"""So many times better than theirs."""
KINDS = ("sort", "filter", "search")
PAINTED = """
const first = () => %s;
const painted = () => new Promise(then => requestAnimationFrame(() => {
  const after = new MessageChannel();
  after.port1.onmessage = then;
  after.port2.postMessage(0);
}));
"""
OPENED = """
console.log = () => {};
(async () => {
  PAINTED
  while (!first()) await painted();
  globalThis.shownAfter = performance.now();
})();
"""
ACTED = """async ([wanted, seconds]) => {
  PAINTED
  const start = performance.now();
  { ACT }
  while (performance.now() - start < 1000 * seconds) {
    await painted();
    if (wanted.includes(first()) && (DONE)) return performance.now() - start;
  }
  throw new Error(`after ${seconds} s the first row is ${first()}, not ${wanted.slice(0, 3)}`);
}"""
Times = dict[str, list[float]]


@contextmanager
def gradio(port: int, folder: Path) -> Iterator[str]:
    """Their page, in its own environment."""
    told = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "HOME": str(folder)}
    told.pop("PYTHONPATH", None)
    log = folder / "gradio.log"
    server = process.spawn([PYTHON, APP, CSV, str(port)], log=log, env=told, cwd=folder)
    try:
        answers(f"http://127.0.0.1:{port}", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop(server, signal=signal.SIGTERM, seconds=10)


def answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server does; ends the program when it ends or needs longer than a minute."""
    deadline = time.monotonic() + 60
    while True:
        try:
            fetched(url)
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"gradio does not answer:\n{log.read_text()[-3000:]}")
            time.sleep(0.3)


def opened(browser: Browser, site: Site, url: str, times: Times) -> tuple[Page, list[float]]:
    """The page in a context of its own, so with an empty cache, and what it receives. Adds its times."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True).new_page()
    page.add_init_script(OPENED.replace("PAINTED", PAINTED % site.first))
    sizes = received(page)
    page.goto(url + site.path.format(n=time.monotonic_ns()), wait_until="commit")
    page.wait_for_function("globalThis.shownAfter", timeout=60_000)
    quiet(page, sizes, seconds=2.0)
    times["first_row_ms"].append(page.evaluate("shownAfter"))
    times["first_view_kb"].append(sum(sizes) / 1000)
    page.evaluate(site.before)
    return page, sizes


def quiet(page: Page, sizes: list[float], *, seconds: float = 0.4) -> None:
    """Wait until it has received nothing for so long."""
    count = -1
    while count != len(sizes):
        count = len(sizes)
        page.wait_for_timeout(1000 * seconds)


def acted(page: Page, site: Site, act: str, first: tuple[str, ...], done: str = "true") -> float:
    """Do something on the page; returns the milliseconds until what has to be there is painted."""
    script = ACTED.replace("PAINTED", PAINTED % site.first).replace("ACT", act).replace("DONE", done)
    found: float = page.evaluate(script, [first, 30])
    return found


def measured(browser: Browser, site: Site, url: str, times: Times) -> None:
    """One round: each kind of steps on a page that was opened anew."""
    for kind in KINDS:
        page, sizes = opened(browser, site, url, times)
        for step in (one for one in site.steps if one.kind == kind):
            before = sum(sizes)
            times[f"{kind}_ms"].append(acted(page, site, step.act, step.first, step.done))
            quiet(page, sizes)
            times["step_kb"].append((sum(sizes) - before) / 1000)
            if step.undo:
                acted(page, site, step.undo, site.top)
                quiet(page, sizes)
        if kind != "sort":
            times["frame_ms"].append(acted(page, site, "", site.top))
        page.context.close()


def medians(times: Times, site: Site) -> dict[str, float]:
    found = {name: round(statistics.median(values), 1) for name, values in times.items()}
    return found | {
        "session_kb": round(found["first_view_kb"] + len(site.steps) * statistics.mean(times["step_kb"]), 1)
    }


def ready(env: dict[str, str]) -> None:
    """The real table on our board."""
    run(env, "manage.py", "migrate", "--verbosity=0")
    run(env, "manage.py", "import_open_llm_leaderboard", str(CSV))
    run(env, "manage.py", "collectstatic", "--no-input", "--verbosity=0")


def compared(browser: Browser, urls: dict[str, str], rounds: int) -> dict[str, Any]:
    """Both pages, taking turns."""
    rows = gradio_steps.rows(CSV)
    sites = {"ours": gradio_steps.ours(rows), "theirs": gradio_steps.theirs(rows)}
    times: dict[str, Times] = {name: defaultdict(list) for name in sites}
    for number in range(rounds):
        for name, site in sites.items():
            say(f"round {number + 1} of {rounds}: {name}")
            measured(browser, site, urls[name], times[name])
    found = {name: medians(times[name], site) for name, site in sites.items()}
    ratios = {
        name: round(found["theirs"][name] / value, 1)
        for name, value in found["ours"].items()
        if name not in {"frame_ms", "step_kb"}
    }
    missed = [name for name, ratio in ratios.items() if ratio < AIM]
    return {
        "models": len(rows),
        "rounds": rounds,
        "steps": len(sites["ours"].steps),
        **found,
        "times": ratios,
        "missed": missed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.beside_gradio")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for needed, how in ((CSV, "the real table lies there"), (PYTHON, "make bench-gradio makes it")):
        if not needed.exists():
            sys.exit(f"{needed} is not there: {how}.")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="parity-bench-gradio-") as name:
        state = Path(name)
        servers = services.ensure(state, postgres=True, valkey=True)
        try:
            env = environment(servers, state, port)
            ready(env)
            with (
                served(env, port, state / "site.log") as ours,
                gradio(free_port(), state) as theirs,
                chromium(LOOPBACK) as browser,
            ):
                for number in range(20):  # both workers of ours fetch the ranking
                    fetched(f"{ours}/?suite={gradio_steps.SUITE}&utm_id=warm{number}")
                found = compared(browser, {"ours": ours, "theirs": theirs}, options.rounds)
        finally:
            servers.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
