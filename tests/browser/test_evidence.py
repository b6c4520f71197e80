"""The pages of evidence on a furnished site: four widths, both themes, no violation that axe knows, nothing sideways.

PARITY_PICTURES names a folder for pictures of all of them.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from leaderboard.actions.accounts import create_person
from leaderboard.models import Claim, Suite, User, WorkerToken
from tests.browser import evidence
from tests.browser.conftest import Open
from tests.browser.test_accessibility import COLOURS, violations
from tests.leaderboard.pages import made

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WIDTHS = {390: 844, 768: 1024, 1280: 800, 1920: 1080}
THEMES: tuple[Any, ...] = ("light", "dark")
BOTH_COLOURS = 1280
"""The width at which axe looks at colours: they are the same at all."""
DARK: dict[str, Any] = {"runOnly": COLOURS}
SHAPES: dict[str, Any] = {"rules": {rule: {"enabled": False} for rule in COLOURS}}
PICTURES = os.environ.get("PARITY_PICTURES", "")


@pytest.fixture
def staff(db: None) -> User:
    return create_person(username="root", password=None, staff=True)


@pytest.fixture
def furnished(
    make_submission: made.Make, suite: Suite, worker_token: WorkerToken, person: User, staff: User, files: Path
) -> dict[str, str]:
    """Addresses by name, those of the staff's forms among them."""
    pages = evidence.furnish(make_submission, suite, worker_token, person, staff)
    one = Claim.objects.filter(withdrawn_at=None).latest("pk")
    return pages | {
        "staff-claims": "/staff/claims", "staff-claim": f"/staff/claims/{one.pk}",
        "staff-not-behind": "/staff/claims/new/not_behind", "staff-cheaper": "/staff/claims/new/cheaper",
        "staff-longer": "/staff/claims/new/longer_context",
    }  # fmt: skip


def settled(page: Page) -> None:
    """Charts are drawn, and everything that folds is open."""
    page.locator("main details").evaluate_all("all => all.slice(0, 12).forEach((one) => { one.open = true })")
    for chart in page.locator("[data-chart]").all():
        expect(chart.locator("svg").first).to_be_attached()


def pictured(page: Page, name: str, width: int, theme: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}-{width}-{theme}.png", full_page=True)


def test_pages_of_evidence_at_four_widths_in_both_themes(visits: Open, furnished: dict[str, str], staff: User) -> None:
    """One test: to furnish the site takes longer than to look at it."""
    visit = visits(user=staff, viewport={"width": 390, "height": 844}, color_scheme="light")
    wrong: dict[tuple[str, int, str], object] = {}
    for name, address in furnished.items():
        for width, height in WIDTHS.items():
            visit.page.set_viewport_size({"width": width, "height": height})
            reply = visit.page.goto(address)
            assert reply is not None and reply.ok, address
            settled(visit.page)
            for theme in THEMES:
                visit.page.emulate_media(color_scheme=theme)
                pictured(visit.page, name, width, theme)
                needed = visit.page.evaluate("document.documentElement.scrollWidth")
                if needed > width:
                    wrong[name, width, theme] = f"{needed} wide"
                if width == BOTH_COLOURS and (found := violations(visit.page, **({} if theme == "light" else DARK))):
                    wrong[name, width, theme] = found
            if width != BOTH_COLOURS and (found := violations(visit.page, **SHAPES)):
                wrong[name, width, "any"] = found
            visit.page.emulate_media(color_scheme="light")
    assert wrong == {}


def test_without_javascript_tables_say_what_charts_draw(visits: Open, furnished: dict[str, str]) -> None:
    page = visits(java_script_enabled=False, viewport={"width": 1280, "height": 800}).page
    for name, section, region in (("gap", "lines", "Steps of the lines"), ("sizes", "sizes", "Pareto points")):
        page.goto(furnished[name])
        page.locator(f"section[aria-labelledby={section}] details.twin summary").click()
        expect(page.get_by_role("region", name=region)).to_be_visible()
        expect(page.locator("[data-chart]").first).to_be_hidden()


def test_the_form_of_a_claim_says_what_is_wrong_where_it_is(
    visits: Open, furnished: dict[str, str], staff: User
) -> None:
    visit = visits(user=staff, viewport={"width": 1280, "height": 800})
    visit.watch.expected.append("status of 400")
    page = visit.page
    page.goto(furnished["staff-not-behind"])
    page.get_by_label("The claim", exact=True).fill("It matches them.")
    page.get_by_label("Short name").fill("it-matches")
    page.get_by_label("Who says so").fill("its maker")
    page.get_by_label("Tasks").fill("tiny@1 gamma")
    with page.expect_response(lambda reply: reply.request.method == "POST") as told:
        page.get_by_role("button", name="State it").click()
    assert told.value.status == 400
    field = page.get_by_label("Tasks")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_tasks_error")).to_have_text("Line 1: tiny@1 has no task 'gamma'; it has alpha, beta.")
    field.fill("tiny@1 alpha")
    page.get_by_role("button", name="State it").click()
    expect(page.get_by_role("status")).to_contain_text("Stated.")
    row = page.get_by_role("listitem").filter(has_text="It matches them.")
    row.get_by_label("Reason to withdraw it-matches").fill("It was said of another.")
    row.get_by_role("button", name="Withdraw it-matches").click()
    expect(page.get_by_role("status")).to_contain_text("Withdrawn.")
