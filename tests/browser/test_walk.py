"""The README's way from a company's log to the verdict, in the browser, every part real: site, queue, workers, vLLM.

With few prompts; `make bench-switch` walks it with 300.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import PATIENCE, Watch
from tests.model_server import ModelServer
from tests.stack import Stack
from tests.walk import site, way

pytestmark = [pytest.mark.stack, pytest.mark.engine, pytest.mark.browser]

PROMPTS, MARGIN = 40, 10.0
"""Points. Equal answers to 40 prompts are surely within 10 of each other (to 300 within 2)."""
Served = tuple[Stack, ModelServer]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, demo_mirror: Path) -> Iterator[Served]:
    with site.serving(tmp_path_factory.mktemp("walk"), demo_mirror) as both:
        yield both


@pytest.mark.timeout(1_500)
def test_from_a_log_to_the_verdict_and_gone_again(
    served: Served, chromium: Browser, shared_hub: Path, tmp_path: Path
) -> None:
    stack, server = served
    context = chromium.new_context(base_url=stack.url, viewport={"width": 1280, "height": 844})
    context.set_default_timeout(PATIENCE)
    page, watch = context.new_page(), Watch(stack.url)
    watch.over(page)
    file = way.log(shared_hub, tmp_path / "desk", PROMPTS)
    walked = way.walk(page, stack, server, file, PROMPTS, margin=MARGIN)
    context.close()

    assert [one["items"] for one in walked.models] == [PROMPTS] * 3
    assert walked.models[0]["quality"] > 15, "nothing is shown by a model that is right by accident"
    assert walked.verdicts[way.SAME] in {"equivalent", "undecided"}
    assert walked.answers[way.SAME] in {"Switch", "Not yet known"}
    assert [one["cut_at_limit"] is None for one in walked.models] == [True, False, False], "APIs' samples do not say"
    worse = walked.models[way.DEGRADED - 1]
    assert (worse["verdict"], walked.verdicts[way.DEGRADED]) == ("worse", "worse")
    assert worse["p"] < 0.05
    assert walked.answers[way.DEGRADED] == "Stay"
    assert walked.lost > 0

    assert any(one.startswith("file runs/") for one in walked.canary["meanwhile"]), "on the worker, while it asks"
    known = walked.canary["answered"]
    assert any(one.startswith("file files/samples") for one in known), known
    assert {"table public.leaderboard_bundle", "table public.leaderboard_workloadpart"} <= set(known), known
    assert "SHA-256 of what is gone" in walked.receipt
    assert walked.canary["deleted"] == []
    assert watch.problems == []
