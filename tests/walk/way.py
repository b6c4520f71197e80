"""The whole way, as the README has it: from a company's log of prompts to the verdict, and all of it deleted again.

What the company uses today is SmolLM2 behind an API. The same weights run here, and a copy of them with noise, want its
place: the first may not be told better nor worse, the second has to be found worse.
"""

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests import screenshots
from tests.model_server import ModelServer
from tests.stack import Stack
from tests.walk import gone, logs, steps
from tests.walk.site import WEIGHTS, WORSE

CANARY = f"PARITY-CANARY-{secrets.token_hex(8)}"
API, SAME, DEGRADED = 1, 2, 3
"""The places of the three in the report."""


@dataclass
class Walked:
    """`verdicts` and `answers` are the page's words, by place; `canary`: where it was while models were asked
    ("meanwhile"), once they had "answered", and after all was "deleted"."""

    models: list[dict[str, Any]]
    verdicts: dict[int, str]
    answers: dict[int, str]
    lost: int
    """Prompts on which the degraded copy did worse, as the answers side by side have them."""
    receipt: str = ""
    canary: dict[str, list[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def log(hub: Path, folder: Path, n: int) -> Path:
    """The file that is uploaded, with the canary in one of its prompts."""
    rows = logs.log(hub, n)
    assert len(rows) == n
    rows[7]["customer_wrote"] = f"My order is {CANARY}. {rows[7]['customer_wrote']}"
    folder.mkdir(exist_ok=True)
    return logs.written(rows, folder / "assistant.jsonl")


def walk(page: Page, stack: Stack, server: ModelServer, file: Path, n: int, *, margin: float) -> Walked:
    """All of it, through the browser alone."""
    begun, began = time.time(), time.monotonic()
    steps.log_in(page, stack.said())
    steps.upload(page, file, n)
    steps.choose_scoring(page)
    steps.begin(page, [WEIGHTS, WORSE], server, margin=margin)
    asked = time.monotonic()
    copies: set[str] = set()
    report = steps.follow(
        page, 3, seconds=900 + 3 * n, meanwhile=lambda: copies.update(gone.in_files(stack.state, CANARY.encode()))
    )
    answered = time.monotonic()
    walked = Walked(
        models=report["models"],
        verdicts={place: steps.word(page, place) for place in (SAME, DEGRADED)},
        answers={place: steps.can_switch(page, to=report["models"][place - 1]["model"]) for place in (SAME, DEGRADED)},
        lost=steps.side_by_side(page),
    )
    if steps.PICTURES:
        name, *size = screenshots.REPORT
        picture = Path(steps.PICTURES) / f"{name}.png"
        assert screenshots.taken(page.context.browser, steps.share(page), picture, *size) == 0
    walked.canary = {"meanwhile": sorted(copies), "answered": left(stack, file, begun)}
    walked.receipt = steps.delete(page)
    walked.canary["deleted"] = left(stack, file, begun)
    walked.seconds = {"asking": round(answered - asked, 1), "all": round(time.monotonic() - began, 1)}
    return walked


def left(stack: Stack, file: Path, since: float) -> list[str]:
    return gone.places(stack.state, CANARY, since=since, but=file.parent)
