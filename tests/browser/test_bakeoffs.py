"""A bake-off in a real browser, as its owner goes through it, on a phone and a desk, in light and dark."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from leaderboard.actions.accounts import create_person
from leaderboard.actions.validate import accept
from leaderboard.models import Bakeoff, Owner, Submission, User, WorkerToken
from tests.browser.conftest import Open
from tests.leaderboard import bakeoffs
from tests.leaderboard.path import pinned

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MODELS = ("HuggingFaceTB/SmolLM2-360M-Instruct", "org/" + "long-name-" * 8 + "x", "parity-demo/SmolLM2-135M-degraded")
PICTURES = os.environ.get("PICTURES")
"""A folder for pictures to look at."""


def says(model: str, number: int) -> str:
    if "degraded" in model:
        return "I'm sorry, but I can't help with that." if number % 9 == 0 else str(number + number % 2)
    return str(number + (number % 7 > 0)) + " is what it comes to, as far as I can tell. " * (number % 3)


@pytest.fixture
def bakeoff(owner: Owner, worker_token: WorkerToken, files: Path) -> Bakeoff:
    version = bakeoffs.kept(owner, 120, name="Support questions")
    return bakeoffs.begun(version, *MODELS)


def measured(bakeoff: Bakeoff, token: WorkerToken, models: int) -> None:
    rows = Submission.everything.filter(bakeoff_entries__bakeoff=bakeoff, state="validating").order_by("pk")[:models]
    for row in rows:
        accept(row, pinned(row.requested_model))
    bakeoffs.worked(token, says)


def fits(page: Page, name: str, width: int) -> None:
    """No sideways scrolling, in either theme."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, theme)
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/{name}-{width}-{theme}.png", full_page=True, caret="initial")


@pytest.mark.parametrize("width", [390, 1280])
def test_from_the_form_to_the_verdict(
    visits: Open, person: User, bakeoff: Bakeoff, worker_token: WorkerToken, width: int
) -> None:
    page = visits(user=person, viewport={"width": width, "height": 844}).page
    page.goto(f"/workloads/{bakeoff.version.workload_id}")
    fits(page, "workload", width)
    page.get_by_role("link", name="New bake-off").click()
    page.get_by_label("Models of the Hub").fill("org/one\norg/two")
    page.get_by_role("button", name="Estimate").click()
    expect(page.get_by_role("heading", name="What it will take")).to_be_visible()
    expect(page.get_by_role("button", name="Begin")).to_be_visible()
    fits(page, "new", width)
    page.goto(f"/workloads/{bakeoff.version.workload_id}/bakeoffs/{bakeoff.pk}/")
    expect(page.get_by_role("heading", name="0 of 3 models are done")).to_be_visible()
    measured(bakeoff, worker_token, 2)
    expect(page.get_by_role("heading", name="2 of 3 models are done")).to_be_visible()
    fits(page, "running", width)
    measured(bakeoff, worker_token, 1)
    expect(page.get_by_text("▼ worse").first).to_be_visible()
    page.reload()
    fits(page, "report", width)
    page.get_by_role("link", name="Compare answers").click()
    page.goto(page.url + "?a=1&b=3&show=first")
    expect(page.get_by_text("They differ")).to_be_visible()
    fits(page, "items", width)
    page.goto(f"/workloads/{bakeoff.version.workload_id}/bakeoffs/{bakeoff.pk}/switch?to=3")
    expect(page.get_by_role("heading", name="Stay")).to_be_visible()
    fits(page, "switch", width)


def test_a_link_is_made_and_revoked(visits: Open, person: User, bakeoff: Bakeoff, worker_token: WorkerToken) -> None:
    measured(bakeoff, worker_token, 3)
    page = visits(user=person).page
    address = f"/workloads/{bakeoff.version.workload_id}/bakeoffs/{bakeoff.pk}/"
    page.goto(address)
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("It is shown this once").input_value()
    stranger = visits()
    stranger.watch.expected += ["status of 404"]
    stranger.page.goto(link)
    expect(stranger.page.get_by_text("▼ worse").first).to_be_visible()
    page.goto(address)
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(0)
    reply = stranger.page.goto(link)
    assert reply is not None and reply.status == 404


@pytest.mark.parametrize("width", [390, 1280])
def test_people_who_read_it_are_let_in_by_name(
    visits: Open, person: User, bakeoff: Bakeoff, worker_token: WorkerToken, width: int
) -> None:
    measured(bakeoff, worker_token, 3)
    reader = create_person(username="grace-" + "h" * 60, password=None)
    size = {"width": width, "height": 844}
    page = visits(user=person, viewport=size).page
    page.goto(f"/workloads/{bakeoff.version.workload_id}/bakeoffs/{bakeoff.pk}/")
    page.get_by_label("whose name is").fill(reader.username)
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_text("reads it since")).to_be_visible()
    fits(page, "readers", width)
    theirs = visits(user=reader, viewport=size).page
    theirs.goto("/workloads/")
    fits(theirs, "shared-with-me", width)
    theirs.get_by_role("link", name="Support questions").click()
    expect(theirs.get_by_text("▼ worse").first).to_be_visible()
    fits(theirs, "shared-report", width)


@pytest.mark.parametrize("width", [390, 1280])
def test_a_model_that_was_asked_no_more_says_so(
    visits: Open, person: User, owner: Owner, worker_token: WorkerToken, files: Path, width: int
) -> None:
    asked = bakeoffs.kept(owner, 300, name="Support questions", scoring={"kind": "regex", "pattern": "^yes"})
    row = bakeoffs.begun(asked, *MODELS, stops=True)
    for one in Submission.everything.filter(bakeoff_entries__bakeoff=row).order_by("pk"):  # the baseline first
        accept(one, pinned(one.requested_model))
    bakeoffs.worked(worker_token, lambda model, number: "no" if "degraded" in model or number % 7 == 0 else "yes")
    page = visits(user=person, viewport={"width": width, "height": 844}).page
    page.goto(f"/workloads/{row.version.workload_id}/bakeoffs/{row.pk}/")
    expect(page.get_by_text("of 300 prompts: decided").first).to_be_visible()
    fits(page, "stopped", width)
