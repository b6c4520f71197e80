"""The README's way from a company's log to the verdict, in the browser, every part real: site, queue, worker, vLLM.

SmolLM2 is what the company uses today; the same weights under another name, and a copy with noise on its weights, want
its place. `make bench-switch` walks it with 300 prompts.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from leaderboard.demo import journey
from tests import screenshots
from tests import stack as stacks
from tests.browser.conftest import PATIENCE, Watch
from tests.environment import ROOT
from tests.stack import Stack
from tests.walk import gone, logs, steps

pytestmark = [pytest.mark.stack, pytest.mark.engine, pytest.mark.browser]

PROMPTS = int(os.environ.get("WALK_PROMPTS", "90"))
MARGIN = 2.0 if PROMPTS >= 300 else 6.0
"""Points. Identical answers to 300 prompts are surely within 2 of each other, to 90 within 6."""
NOISE = 0.3
TODAY, COPY, WORSE = journey.MODEL, "acme/SmolLM2-copy", "acme/SmolLM2-noisy"
CANARY = "PARITY-CANARY-5d1f0c7e"
SUITE = """
name: hello
version: 1
title: Hello
files: starter@1
tasks:
  - {task: starter_knowledge, title: Knowledge, metric: acc, limit: 4, baseline: 0.25}
"""


def models(state: Path, mirror: Path) -> None:
    """The three models, in a mirror of the stack's own."""
    folder, real = state / "mirror" / "models", (mirror / "models" / TODAY).resolve()
    for name in (TODAY, COPY):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(real)
    command = [sys.executable, "-m", "tests.walk.degraded", str(real), str(folder / WORSE), str(NOISE)]
    subprocess.run(command, check=True, cwd=ROOT)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, demo_mirror: Path) -> Iterator[Stack]:
    """`make run`, with a smaller first evaluation than its own."""
    folder = tmp_path_factory.mktemp("walk")
    state = folder / "state"
    state.mkdir(mode=0o700)
    models(state, demo_mirror)
    (folder / "starter@1").mkdir()
    for path in (ROOT / "evaluator" / "suites" / "starter@1").glob("starter_knowledge.*"):
        shutil.copy(path, folder / "starter@1")
    (folder / "hello@1.yaml").write_text(SUITE)
    for arguments in (["migrate", "--verbosity=0"], ["load_suites", str(folder / "hello@1.yaml")]):
        done = stacks.manage(state, *arguments)
        assert done.returncode == 0, done.stderr
    with stacks.running(state, "--suite", "hello@1") as stack:
        stack.wait_for(stacks.SERVING, seconds=300)
        yield stack


@pytest.fixture
def log(shared_hub: Path, tmp_path: Path) -> Path:
    rows = logs.log(shared_hub, PROMPTS)
    rows[7]["customer_wrote"] = f"My order is {CANARY}. {rows[7]['customer_wrote']}"
    assert len(rows) == PROMPTS
    return logs.written(rows, tmp_path / "assistant.jsonl")


@pytest.mark.timeout(2_400)
def test_from_a_log_to_the_verdict_and_gone_again(
    served: Stack, chromium: Browser, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    context = chromium.new_context(base_url=served.url, viewport={"width": 1280, "height": 844})
    context.set_default_timeout(PATIENCE)
    page, watch = context.new_page(), Watch(served.url)
    watch.over(page)
    steps.log_in(page, served.said())
    steps.upload(page, log, PROMPTS)
    steps.choose_scoring(page)
    steps.begin(page, [TODAY, COPY, WORSE], margin=MARGIN)
    report = steps.follow(page, 3, seconds=900 + 2 * PROMPTS)
    today, copy, worse = report["models"]
    with capsys.disabled():
        told = ("quality", "interval", "difference", "difference_interval", "verdict", "p", "items_per_second")
        print(json.dumps({one["model"]: {name: one[name] for name in told} for one in report["models"]}))

    assert today["items"] == copy["items"] == worse["items"] == PROMPTS
    assert today["quality"] > 15, "nothing is shown by a model that is right by accident"
    assert (copy["difference"], steps.word(page, 2)) == (0.0, "equivalent")
    assert (worse["verdict"], steps.word(page, 3)) == ("worse", "worse")
    assert worse["p"] < 0.05
    assert steps.can_switch(page, COPY) == "Switch"
    assert steps.can_switch(page, WORSE) == "Stay"
    assert steps.side_by_side(page) > 0

    if steps.PICTURES:
        name, *size = screenshots.REPORT
        assert screenshots.taken(chromium, steps.share(page), Path(steps.PICTURES) / f"{name}.png", *size) == 0

    known = gone.places(served.state, CANARY)
    assert any(one.startswith("file files/samples") for one in known), known
    assert {"table public.leaderboard_bundle", "table public.leaderboard_workloadpart"} <= set(known), known
    receipt = steps.delete(page)
    assert "SHA-256 of what is gone" in receipt
    assert gone.places(served.state, CANARY) == []
    context.close()
    assert watch.problems == []
