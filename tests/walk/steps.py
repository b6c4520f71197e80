"""What somebody who has read the README does in the browser, from a log of prompts to the verdict. No other door."""

import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests import model_server
from tests.model_server import ModelServer
from tests.walk.logs import COLUMNS

PICTURES = os.environ.get("PICTURES")
"""A folder for pictures to look at."""
NAME = "Support assistant"


def seen(page: Page, name: str) -> None:
    """Nothing is cut off at a phone's and a desk's width, in light and dark; with PICTURES, as pictures too."""
    before = page.viewport_size
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width, theme)
            if PICTURES:
                page.screenshot(path=f"{PICTURES}/{name}-{width}-{theme}.png", full_page=True, caret="initial")
    assert before is not None
    page.set_viewport_size(before)


def log_in(page: Page, said: str) -> None:
    """With what the terminal said."""
    found = re.search(r"sign in +(\S+) / (\S+)", said)
    assert found, said[-2000:]
    page.goto("/")
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Username or e-mail").fill(found[1])
    page.get_by_label("Password").fill(found[2])
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.locator(".who")).to_have_text(found[1])


def upload(page: Page, log: Path, n: int) -> None:
    """1, 2: the file, and which of its columns is what."""
    page.get_by_role("link", name="Workloads").click()
    page.get_by_role("link", name="New workload").first.click()
    page.get_by_label("File", exact=True).set_input_files(log)
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_role("alert")).to_contain_text("Say which field is the prompt")
    for column, role in COLUMNS.items():
        page.get_by_label(f"What {column} is").select_option(label=role)
    page.get_by_role("button", name="Read it with these columns").click()
    expect(page.locator(".facts")).to_contain_text(f"{n} items")
    expect(page.locator(".facts")).to_contain_text(f"{n} with a reference")
    seen(page, "2-columns")


def choose_scoring(page: Page) -> None:
    """3, 4: each item's reference is a pattern, tried on five items, kept."""
    page.get_by_role("button", name="Go on to scoring").click()
    page.get_by_role("radio", name="Regular expression").check()
    page.get_by_label("Each item’s references are its patterns").check()
    expect(page.locator("#trial-note")).to_contain_text("of 5")
    expect(page.locator(".grade").get_by_text("Right").first).to_be_visible()
    page.locator("#answer-0").fill("Nobody knows.")
    expect(page.locator("#verdict-0")).to_contain_text("Nobody knows.")
    expect(page.locator("#grade-0")).to_have_text("Wrong")
    seen(page, "3-scoring")
    page.get_by_label("Name of the workload").fill(NAME)
    page.get_by_role("button", name="Keep this workload").click()
    expect(page.locator("h1")).to_contain_text(f"{NAME} version 1")


def begin(page: Page, models: Sequence[str], server: ModelServer, *, margin: float) -> None:
    """5: what is used today, behind an API, and several models in its place; after the estimate."""
    page.get_by_role("link", name="New bake-off").click()
    page.get_by_label("Models of the Hub").fill("\n".join(models))
    page.get_by_label("Precision").select_option(label="float32")
    page.get_by_label("Margin in points").fill(f"{margin:g}")
    page.get_by_label("Base URL").fill(server.url)
    page.get_by_label("Model optional").fill(model_server.NAME)
    page.get_by_label("API key").fill(model_server.KEY)
    page.get_by_label("The endpoint is the baseline").check()
    page.get_by_role("button", name="Estimate").click()
    expect(page.get_by_role("heading", name="What it will take")).to_be_visible()
    seen(page, "5-estimate")
    page.get_by_label("API key").fill(model_server.KEY)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name=f"0 of {len(models) + 1} models are done")).to_be_visible()


def follow(page: Page, models: int, *, seconds: float, meanwhile: Callable[[], None]) -> dict[str, Any]:
    """Wait for the report without touching the page; returns it as its JSON link has it."""
    expect(page.get_by_role("button", name="Cancel what still runs")).to_be_visible()
    done = page.get_by_role("region", name="Quality by model").locator("tbody tr")
    deadline = time.monotonic() + seconds
    while done.count() < models:
        said = page.get_by_role("main").inner_text()
        assert time.monotonic() < deadline and "rejected" not in said.lower(), said
        meanwhile()
        page.wait_for_timeout(1_000)
    page.reload()
    seen(page, "5-report")
    link = page.get_by_role("link", name="JSON").get_attribute("href")
    assert link is not None
    reply = page.request.get(link)
    assert reply.ok, reply.text()
    body: dict[str, Any] = reply.json()
    return body


def word(page: Page, number: int) -> str:
    """The verdict that the report prints of a model, by its place from 1."""
    row = page.get_by_role("region", name="Quality by model").locator("tbody tr").nth(number - 1)
    return row.locator(".verdict").inner_text().split()[-1]


def can_switch(page: Page, to: str) -> str:
    """From the report: may this model take the baseline's place?"""
    page.get_by_role("link", name="Can I switch?").click()
    page.get_by_label("To", exact=True).select_option(label=to)
    page.get_by_role("button", name="Decide").click()
    expect(page.locator(".decision .hint")).to_contain_text(f"to {to}")
    answer = page.locator("#answer").inner_text()
    seen(page, f"6-{answer.lower().replace(' ', '-')}")
    page.get_by_role("link", name="Bake-off").click()
    return answer


def side_by_side(page: Page) -> int:
    """The answers on which the last model lost against the first; returns how many."""
    page.get_by_role("link", name="Answers", exact=True).last.click()
    page.get_by_role("link", name="A better").click()
    expect(page.locator("article").first).to_be_visible()
    seen(page, "5-answers")
    count = page.get_by_role("link", name="A better").locator(".tally").inner_text()
    page.get_by_role("link", name="Bake-off").click()
    return int(count)


def share(page: Page) -> str:
    """A link to the numbers, as the page shows it this once."""
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("It is shown this once").input_value()
    page.get_by_role("link", name="Bake-off").click()
    return link


def delete(page: Page) -> str:
    """All of it; returns the receipt."""
    page.get_by_role("link", name=NAME).click()
    page.get_by_text("Delete this workload").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("h1")).to_have_text(f"{NAME} is deleted")
    seen(page, "7-receipt")
    return page.locator(".receipt").inner_text()
