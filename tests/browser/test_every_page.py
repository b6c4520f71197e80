"""Every page in both themes: no errors (the fixture sees to that), no sideways scrolling on a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.transitions import move_submission
from leaderboard.actions.webhooks import add_webhook
from leaderboard.models import Delivery, Model, Owner, Snapshot, Submission, Suite, SuiteTask, User, WorkerToken
from tests.browser.conftest import Open, Visit, program
from tests.conftest import release_suite
from tests.leaderboard.pages import answered, made

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "o" * 96 + "/" + "m" * 96


@pytest.fixture
def addresses(
    board: dict[str, Submission],
    make_submission: made.Make,
    suite: Suite,
    worker_token: WorkerToken,
    owner: Owner,
    files: Path,
) -> list[str]:
    """Every page, in several states, with names and texts that are as long as they can be."""
    Owner.objects.filter(pk=owner.pk).update(name="w" * 150)
    wide = {
        "prompts": ("p" * 5_000,),
        "responses": ("\u202e" * 500,),
        "answers": {"f" * 90: "a" * 900},
        "target": "t" * 900,
    }
    likely = {
        "prompts": ("p" * 900 + "␟" + "c" * 900, "p" * 900 + "␟b"),
        "responses": ("(-1.5, True)", "(-99999.5, False)"),
    }
    sampled = made.measure(make_submission(LONG, sha="d" * 40), worker_token, [1.0] * 30, {0: wide, 1: likely})
    odd = made.measure(make_submission("org/odd"), worker_token, [0.0, 1.0] * 15, {0: wide, 2: likely})
    beside = f"m=s{sampled.pk}&m=s{odd.pk}&m=s{board['org/best'].pk}"
    long = made.succeed(make_submission(LONG), 55.5)
    Model.objects.filter(name=LONG).update(licence="l" * 100, base_model="b" * 200)
    build_snapshot(suite=suite)
    failed = made.end(
        make_submission("org/failed"), "failed", error_message="x" * 2_000, provenance={"p" * 90: "v" * 900}
    )
    running = make_submission(LONG, sha="b" * 40)
    made.beat(made.claim(worker_token), done=1, total=3, log="y" * 3_000)
    queued = make_submission("org/queued")
    add_webhook(owner=owner, url="https://hooks.example.org/" + "h" * 470)
    User.objects.update(email="e" * 60 + "@" + "d" * 60 + ".example.org")
    for name in (LONG.replace("o", "p"), "org/told"):
        told = make_submission(name, sha="c" * 40)
        move_submission(submission=told.pk, before="queued", after="cancelled", actor="tester")
    Delivery.objects.filter(submission=told).update(state="dead", last_error="z" * 400)
    answered.answered(make_submission, suite, [[0.0, 1.0, 1.0, 0.0] * 8, [0.0, 1.0, 0.0, 1.0] * 8] * 3)
    SuiteTask.objects.create(suite=suite, position=9, task="t" * 120, title="T" * 120, metric="m" * 60, filter="f" * 60)
    for snapshot in Snapshot.objects.all():  # released suites gain no tasks elsewhere
        build_snapshot(suite=snapshot.suite)
    release_suite("d" * 900)
    rows = [long, failed, running, queued, board["org/best"], board["other/none"]]
    return [
        "/settings/notices",
        "/", "/?search=nobody", "/?sort=-alpha", "/?suite=none", "/queue", "/status", "/api/docs",
        "/suites/", "/suites/tiny/1", "/suites/tiny/2", "/suites/" + "x" * 300 + "/1", "/tasks/alpha",
        "/tasks/" + "t" * 120,
        "/submit?model=" + "x" * 300,
        f"/models/{LONG}", "/models/org/best", "/models/org/unknown" + "x" * 300, "/login", "/nothing",
        "/compare", f"/compare?m=s{sampled.pk}", f"/compare?{beside}", f"/compare?{beside}&margin=x",
        f"/diff/s{sampled.pk}/s{odd.pk}", f"/diff/s{sampled.pk}/s{board['org/best'].pk}", "/diff/s1/s999999",
        f"/submissions/{sampled.pk}/samples/alpha", *(f"/submissions/{row.pk}" for row in rows),
    ]  # fmt: skip


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
