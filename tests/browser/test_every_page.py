"""Every page in both themes: no errors (the fixture sees to that), no sideways scrolling on a phone."""

import pytest
from playwright.sync_api import Page, expect

from leaderboard.models import Submission, Suite, User
from tests.browser.conftest import Open, Visit, program

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

THEMES = {"light": "rgb(251, 251, 252)", "dark": "rgb(14, 16, 19)"}


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_scrolls_sideways_or_has_an_error(visits: Open, addresses: list[str], person: User, width: int) -> None:
    visit = visits(user=person, viewport={"width": width, "height": 844})
    visit.watch.expected += ["status of 404", "status of 400"]
    wide = {}
    for address in [*addresses, "/login?next=/submit"]:
        if address.startswith("/login?"):
            visit.page.context.clear_cookies()
        visit.page.goto(address)
        if address == "/api/docs":
            expect(visit.page.locator(".opblock")).not_to_have_count(0)
        visit.page.locator("main details").evaluate_all("all => all.forEach((one) => { one.open = true })")
        for theme, background in THEMES.items():
            visit.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            expect(visit.page.locator("body")).to_have_css("background-color", background)
            needed = visit.page.evaluate("document.documentElement.scrollWidth")
            if needed > width:
                wide[address, theme] = needed
    assert wide == {}


def theme(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).colorScheme"))


def test_a_chosen_theme_lasts_and_is_there_before_the_first_paint(visits: Open, board: dict[str, Submission]) -> None:
    page = visits(color_scheme="light").page
    # Notes the theme at the moment when the body begins: nothing was painted before.
    page.add_init_script(
        """new MutationObserver((_, observer) => {
            if (!document.body) return;
            window.early = document.documentElement.dataset.theme || "";
            observer.disconnect();
        }).observe(document, {childList: true, subtree: true})"""
    )
    page.goto("/")
    assert page.evaluate("early") == ""
    page.get_by_role("button", name="Switch between light and dark").click()
    assert theme(page) == "dark"
    for address in ("/queue", "/login", "/"):
        page.goto(address)
        assert (page.evaluate("early"), theme(page)) == ("dark", "dark"), address
    page.get_by_role("button", name="Switch between light and dark").click()
    assert theme(page) == "light dark"
    page.reload()
    assert page.evaluate("early") == ""
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert theme(page) == "light"
    page.reload()
    assert (page.evaluate("early"), theme(page)) == ("light", "light")


def test_the_first_tab_skips_to_the_content(page: Page, board: dict[str, Submission]) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def wait_for(visit: Visit, sign: str) -> None:
    """Until the watch has noted it."""
    for _ in range(200):
        if any(sign in problem for problem in visit.watch.problems):
            return
        visit.page.wait_for_timeout(25)
    raise AssertionError(f"{sign} never came: {visit.watch.problems}")


def test_a_machine_without_chromium_fails_and_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        program()


def test_the_watch_sees_violations_errors_and_strangers(visits: Open, suite: Suite) -> None:
    """What all other tests rely on."""
    visit = visits()
    visit.page.goto("/")
    visit.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\" onclick=\"x()\">')")
    visit.page.evaluate("console.error('heard')")
    visit.page.evaluate("setTimeout(() => { throw new Error('thrown') })")
    visit.page.evaluate("fetch('/?suite=none').then(() => alert('shown'))")
    visit.page.evaluate("new Image().src = 'http://127.0.0.1:9/'")
    for sign in (
        "Content Security Policy",
        "heard",
        "thrown",
        "404",
        "dialog: shown",
        "a request to http://127.0.0.1:9/",
    ):
        wait_for(visit, sign)
    assert any("style" in problem for problem in visit.watch.problems)
    visit.watch.problems.clear()
