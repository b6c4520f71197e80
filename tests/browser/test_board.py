import re

import pytest
from playwright.sync_api import Page, expect

from leaderboard.models import Submission, Suite
from tests.browser.conftest import Open
from tests.leaderboard.pages import made

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BEST_FIRST = ["org/best", "org/tied", "other/last", "other/none"]


def expect_names(page: Page, names: list[str]) -> None:
    expect(page.locator("tbody tr[data-row] .name")).to_have_text(names)


def whole_pages(page: Page) -> list[str]:
    """Addresses of the documents that were loaded from now on."""
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url) if request.is_navigation_request() else None)
    return loaded


def test_sorting_keeps_the_address_and_back_works(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    loaded = whole_pages(page)
    page.click("#sort-model")
    expect(page).to_have_url(re.compile(r"\?sort=model$"))
    page.click("#sort-model")
    expect(page).to_have_url(re.compile(r"\?sort=-model$"))
    expect_names(page, BEST_FIRST[::-1])
    expect(page.locator("th:has(#sort-model)")).to_have_attribute("aria-sort", "descending")
    assert loaded == []
    page.go_back()
    expect_names(page, BEST_FIRST)
    expect(page).to_have_url(re.compile(r"\?sort=model$"))
    expect(page.locator("th:has(#sort-model)")).to_have_attribute("aria-sort", "ascending")
    page.go_back()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.locator("th:has(#sort-rank)")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("header.site")).to_have_count(1)
    page.go_forward()
    expect(page).to_have_url(re.compile(r"\?sort=model$"))
    expect(page.locator("th:has(#sort-model)")).to_have_attribute("aria-sort", "ascending")


def test_back_twice_before_the_page_is_there_leaves_no_other_page(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    for sort in ("model", "-model"):
        page.click("#sort-model")
        expect(page).to_have_url(re.compile(rf"\?sort={sort}$"))
    page.evaluate("history.back()")
    expect(page.locator("th:has(#sort-model)")).to_have_attribute("aria-sort", "ascending")
    page.evaluate("history.back()")
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.locator("th:has(#sort-rank)")).to_have_attribute("aria-sort", "ascending")


def test_a_sort_by_keyboard_leaves_the_focus_where_it_was(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    page.focus("#sort-score")
    page.keyboard.press("Enter")
    expect(page.locator("th:has(#sort-score)")).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#sort-score")).to_be_focused()


def test_searching_keeps_the_address_the_sort_and_the_focus(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/?sort=-model")
    loaded = whole_pages(page)
    page.locator("#search").press_sequentially("other")
    expect_names(page, ["other/none", "other/last"])
    expect(page.locator("#count")).to_contain_text("2 rows match")
    expect(page.locator("#search")).to_be_focused()
    expect(page).to_have_url(re.compile(r"search=other.*sort=-model|sort=-model.*search=other"))
    assert loaded == []
    page.reload()
    expect_names(page, ["other/none", "other/last"])
    expect(page.locator("#search")).to_have_value("other")


def test_back_from_a_model_shows_the_search_again(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    page.fill("#search", "tied")
    expect_names(page, ["org/tied"])
    page.click(".name")
    expect(page.locator("h1")).to_have_text("tied")
    page.go_back()
    expect_names(page, ["org/tied"])
    expect(page.locator("header.site")).to_have_count(1)


def test_facets_filter_at_once_and_say_what_is_left(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    page.locator("#facets > summary").click()
    page.get_by_role("checkbox", name="proprietary").check()
    expect_names(page, ["other/last"])
    expect(page).to_have_url(re.compile(r"kind=proprietary"))
    expect(page.locator("#count")).to_contain_text("1 row matches")
    expect(page.locator("#facets")).to_have_attribute("open", "")
    page.get_by_role("checkbox", name="proprietary").uncheck()
    expect_names(page, BEST_FIRST)


def test_a_search_without_a_match_leads_back(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    page.fill("#search", "nobody")
    page.get_by_role("link", name="Show all models").click()
    expect_names(page, BEST_FIRST)


def test_pages_follow_each_other_and_back_works(page: Page, make_submission: made.Make, suite: Suite) -> None:
    made.many(make_submission, suite, 60)
    page.goto("/")
    page.click("#next")
    expect_names(page, [f"org/m{index:03}" for index in range(50, 60)])
    expect(page).to_have_url(re.compile(r"page=2"))
    page.go_back()
    expect(page.locator(".pager")).to_contain_text("1–50 of 60")


def test_keys_search_walk_the_rows_and_open_one(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    names = page.locator("tbody .name")
    page.keyboard.press("k")
    expect(names.last).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    expect(page.locator("#search")).to_have_value("")
    page.keyboard.type("/jk")
    expect(page.locator("#search")).to_have_value("/jk")
    page.fill("#search", "")
    expect_names(page, BEST_FIRST)
    page.keyboard.press("Escape")
    expect(page.locator("#search")).not_to_be_focused()
    for key, focused in (("j", 0), ("j", 1), ("j", 2), ("k", 1), ("j", 2), ("j", 3), ("j", 3), ("k", 2)):
        page.keyboard.press(key)
        expect(names.nth(focused)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/models/other/last$"))


def test_keys_with_a_modifier_are_left_to_the_browser(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    for key in ("Control+/", "Alt+j", "Meta+k"):
        page.keyboard.press(key)
    expect(page.locator("body")).to_be_focused()


def test_without_scripts_one_can_sort_search_and_turn_pages(
    visits: Open, make_submission: made.Make, suite: Suite
) -> None:
    made.many(make_submission, suite, 60)
    page = visits(java_script_enabled=False).page
    page.goto("/")
    page.click("#sort-model")
    page.click("#sort-model")
    expect(page).to_have_url(re.compile(r"\?sort=-model$"))
    expect(page.locator("tbody .name").first).to_have_text("org/m059")
    page.click("#next")
    expect_names(page, [f"org/m{index:03}" for index in range(9, -1, -1)])
    expect(page).to_have_url(re.compile(r"sort=-model&page=2$"))
    page.fill("#search", "m01")
    page.get_by_role("button", name="Search").click()
    expect_names(page, [f"org/m{index:03}" for index in range(19, 9, -1)])
    expect(page.locator("#count")).to_contain_text("10 rows match")
    expect(page.locator(".js-only").first).to_be_hidden()
