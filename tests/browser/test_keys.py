"""The board by keyboard: rows are walked, pinned and compared without a mouse."""

import re

import pytest
from playwright.sync_api import Page, expect

from leaderboard.models import Submission

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_rows_are_pinned_and_compared_by_keys(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    for count in (1, 2):  # who pins a row stays on it
        page.keyboard.press("j")
        page.keyboard.press("x")
        expect(page.locator(".pinned tr[data-row]")).to_have_count(count)
    expect(page).to_have_url(re.compile(r"pin=s\d+&pin=s\d+"))
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile(r"/compare\?m=s\d+&m=s\d+$"))


def test_the_list_of_keys_opens_and_typing_is_not_a_command(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_have_attribute("open", "")
    page.keyboard.press("/")
    page.keyboard.type("jxc?")
    expect(page.locator("#search")).to_have_value("jxc?")
    expect(page.locator(".pinned")).to_have_count(0)


def test_columns_and_weights_change_the_table_at_once(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    if not page.locator("#facets").evaluate("element => element.open"):
        page.click("#facets > summary")
    page.click("#columns > summary")
    page.check("#columns input[value=beta]")
    expect(page).to_have_url(re.compile(r"\?suite=tiny%401&col=beta$|col=beta"))
    expect(page.locator("table.board thead .label")).to_have_text(["Rank", "Model", "Score", "Beta", "Size"])
    page.click("#weights > summary")
    page.fill("#weights input[name='w.alpha']", "2")
    page.keyboard.press("Tab")
    expect(page.locator("table.board thead .label")).to_contain_text(["Your score"])
    expect(page).to_have_url(re.compile(r"w\.alpha=2"))
    assert "w.beta=" not in page.url


def test_a_frame_of_another_site_shows_the_embedded_board_alone(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/embed?suite=tiny@1")
    expect(page.locator("h1 a")).to_have_attribute("target", "_blank")
    expect(page.locator("tbody tr")).to_have_count(4)
