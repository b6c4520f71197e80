"""Charts as a browser draws them: in place, named, with units, in both themes; and what is there without JavaScript."""

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Model, Revision, Suite, WorkerToken
from tests.browser.conftest import Open
from tests.leaderboard.compared import finished, won
from tests.leaderboard.pages import made

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

COSTS = "/tco?throughput=900&price=2&requests=20000000&own_input=0.5&own_output=2"


@pytest.fixture
def charted(make_submission: made.Make, suite: Suite, worker_token: WorkerToken) -> dict[str, str]:
    """An address for each chart: a history, a comparison of three, scores against sizes with a pin, costs, lengths."""
    first, second = won(30, 5, 20, 5)
    rows = [
        finished(make_submission, "org/first", {"alpha": first, "beta": first}),
        finished(make_submission, "org/second", {"alpha": second, "beta": first}),
        finished(make_submission, "lab/<i>third", {"alpha": first, "beta": second}),
        finished(make_submission, "org/first", {"alpha": second, "beta": second}, sha="b" * 40),
    ]
    for size, row in enumerate(rows, start=1):
        Revision.objects.filter(pk=row.revision_id).update(parameters=size * 10**9)
    Model.objects.update(released_on=date(2026, 1, 2))
    Model.objects.filter(name__startswith="lab/").update(kind="proprietary", released_on=date(2025, 3, 4))
    build_snapshot(suite=suite)
    made.at_lengths(make_submission, made.lengths_suite(), {"4096": 0.8, "8192": 0.3}, name="lab/reader")
    return {
        "lengths-chart": "/models/lab/reader",
        "history-1": "/models/org/first",
        "gap-chart": "/gap?suite=tiny@1",
        "gap-1": "/gap?suite=tiny@1",
        "forest-chart": "/compare?" + "&".join(f"m=s{row.pk}" for row in rows[:3]),
        "sizes-chart": f"/suites/tiny/1?pin=s{rows[1].pk}",
        "staircase-chart": COSTS,
        "tornado-chart": COSTS,
    }


def plot(page: Page, chart: str) -> str:
    """All texts of a chart, once it is drawn."""
    drawn = page.locator(f"[data-chart={chart}] svg").first
    expect(drawn).to_be_visible()
    return str(drawn.text_content())


def test_every_chart_is_drawn_with_its_units(visits: Open, charted: dict[str, str]) -> None:
    page = visits(viewport={"width": 1280, "height": 900}).page
    units = {
        "lengths-chart": ("score, 0–100", "length of the text in tokens", "4k", "8k"),
        "history-1": ("suite score, 0–100", "day of evaluation"),
        "gap-chart": ("score, 0–100", "release date of the model", "first"),
        "gap-1": ("2026",),
        "forest-chart": ("difference to the base, points", "Alpha", "Beta", "Suite"),
        "sizes-chart": ("suite score, 0–100", "parameters (logarithmic)", "org/second"),
        "staircase-chart": ("US dollars a month", "requests a month"),
        "tornado-chart": ("US dollars for a million tokens", "Price of a GPU"),
    }
    for chart, address in charted.items():
        page.goto(address)
        text = plot(page, chart)
        for unit in units[chart]:
            assert unit in text, chart
        assert page.locator(f"[data-chart={chart}]").get_attribute("aria-label")


def test_charts_follow_the_width_and_the_theme(visits: Open, charted: dict[str, str]) -> None:
    page = visits(viewport={"width": 1280, "height": 900}, color_scheme="light").page
    page.goto(charted["sizes-chart"])
    svg = page.locator("[data-chart=sizes-chart] > svg")
    expect(svg).to_be_visible()
    wide = float(svg.get_attribute("width") or 0)
    colour = "getComputedStyle(document.querySelector('[data-chart] svg [aria-label=line] path')).stroke"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colour) != light
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.querySelector('[data-chart] > svg').getAttribute('width') < 400")
    assert wide > 600
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_without_javascript_the_tables_are_there_and_the_charts_are_not(visits: Open, charted: dict[str, str]) -> None:
    page = visits(java_script_enabled=False).page
    for chart, address in charted.items():
        page.goto(address)
        expect(page.locator(f"[data-chart={chart}]")).to_be_hidden()
    page.goto(charted["sizes-chart"])
    page.get_by_text("Pareto points").click()
    expect(page.get_by_role("region", name="Pareto points")).to_contain_text("org/second")
    page.goto(charted["history-1"])
    page.locator("details.twin summary").click()
    expect(page.get_by_role("region", name="Scores over time").get_by_role("row")).to_have_count(3)


def test_a_point_tells_what_it_is(visits: Open, charted: dict[str, str]) -> None:
    page = visits(viewport={"width": 1280, "height": 900}).page
    page.goto(charted["forest-chart"])
    dot = page.locator("[data-chart=forest-chart] [aria-label=dot] path").first
    dot.scroll_into_view_if_needed()
    box = dot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("[data-chart=forest-chart] [aria-label=tip]")).to_contain_text("on Alpha")


def test_costs_are_calculated_anew_as_a_field_changes(visits: Open, suite: Suite) -> None:
    """Without leaving the page: its numbers, its charts and its address."""
    page = visits(viewport={"width": 1280, "height": 900}).page
    page.goto(COSTS)
    answer = page.locator(".answer .big")
    before = answer.text_content()
    page.get_by_label("Price of a GPU").fill("4")
    page.get_by_label("Price of a GPU").blur()
    expect(answer).not_to_have_text(before or "")
    expect(page.locator("[data-chart=staircase-chart] svg").first).to_be_visible()
    page.wait_for_url("**price=4&**")
    page.get_by_label("Price of a GPU").fill("a lot")
    page.get_by_label("Price of a GPU").blur()
    expect(page.get_by_role("alert")).to_contain_text("plain number")
    expect(answer).to_have_count(0)
