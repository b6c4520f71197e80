import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from evaluator.contract import JobSpec, TaskResult
from leaderboard.actions.accounts import create_person
from leaderboard.actions.score import score
from leaderboard.actions.validate import accept
from leaderboard.models import Submission, Suite, User, WorkerToken
from tests import samples
from tests.browser.conftest import Open, Visit
from tests.leaderboard.pages import made

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse"


@pytest.fixture
def grace(live_server: object) -> User:
    return create_person(username="grace", password=PASSWORD)


def log_in(page: Page) -> None:
    page.get_by_label("Username or e-mail").fill("grace")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def submit(page: Page, model: str) -> Submission:
    """By the form, from the front page on; ends on the submission's own page."""
    page.goto("/")
    page.get_by_role("link", name="Submit", exact=True).click()
    log_in(page)
    page.get_by_label("Model", exact=True).fill(model)
    page.get_by_label("Precision").select_option("float32")
    page.get_by_role("button", name="Submit").click()
    expect(page).to_have_url(re.compile(r"/submissions/\d+$"))
    return Submission.objects.get(requested_model=model)


def measured(spec: JobSpec) -> tuple[TaskResult, ...]:
    return tuple(
        TaskResult(
            task=task.task, metric=task.metric, filter=task.filter, score=0.5, stderr=0.1, n=2,
            item_hashes=("0" * 64, "1" * 64), item_scores=(1.0, 0.0),
        )
        for task in spec.suite.tasks
    )  # fmt: skip


def test_from_login_to_result_the_page_follows_and_then_stops_asking(
    visits: Open, grace: User, suite: Suite, worker_token: WorkerToken, files: Path
) -> None:
    page = visits().page
    page.clock.install()
    row = submit(page, "org/model")
    state, headline = page.locator(".status .state"), page.locator(".status .headline")
    polls: list[int] = []
    page.on("response", lambda reply: polls.append(reply.status) if "heard=" in reply.url else None)

    def look() -> None:
        """Let the page's next poll come."""
        before = len(polls)
        with page.expect_response(lambda reply: "heard=" in reply.url):
            page.clock.run_for(2_100)
        assert len(polls) > before

    expect(state).to_have_text("Validating")
    accept(row, made.pinned(row))
    look()
    expect(headline).to_have_text("Next in line for a worker.")
    spec = made.claim(worker_token)
    made.beat(spec, phase="loading", log="loading weights")
    look()
    expect(headline).to_have_text("Loading the model")
    expect(page.locator("#announcement")).to_have_text("Loading the model.")
    made.beat(spec, done=5, total=20, log="loading weights\nitem 5")
    look()
    expect(headline).to_have_text("Evaluating 5 of 20 items")
    expect(page.locator("progress")).to_have_attribute("value", "5")
    expect(page.locator("#log-text")).to_contain_text("item 5")
    expect(page).to_have_title("25 % · org/model on tiny@1 · Parity")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    samples.finish(spec, measured(spec))
    look()
    expect(state).to_have_text("Scoring")
    score(submission=row.pk)
    look()
    expect(state).to_have_text("Succeeded")
    expect(page.locator(".big")).to_contain_text("50.00")
    expect(page).to_have_title("50.00 · org/model on tiny@1 · Parity")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    assert set(polls[:-1]) == {200} and polls[-1] == 286

    asked = len(polls)
    page.clock.run_for(60_000)
    page.evaluate("fetch('/queue')")  # whatever had been asked before it has been seen by now
    assert len(polls) == asked

    page.get_by_role("link", name="See it on the board").click()
    expect(page.locator("tr:target .name")).to_have_text("org/model")


def test_a_poll_keeps_what_was_opened_and_what_was_closed(
    page: Page, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    page.clock.install()
    row = make_submission()
    spec = made.claim(worker_token)
    made.beat(spec, phase="loading", log="first")
    page.goto(f"/submissions/{row.pk}")
    log = page.locator("#log")
    expect(log).not_to_have_attribute("open", "")
    expect(log.locator("summary")).to_contain_text("first")
    log.locator("summary").click()
    expect(log).to_have_attribute("open", "")
    made.beat(spec, done=1, total=2, log="second")
    page.clock.run_for(2_100)
    expect(page.locator(".status .headline")).to_have_text("Evaluating 1 of 2 items")
    expect(log).to_have_attribute("open", "")
    expect(page.locator("#log-text")).to_have_text("second")
    log.locator("summary").click()
    made.beat(spec, done=2, total=2, log="third")
    page.clock.run_for(2_100)
    expect(page.locator(".status .headline")).to_have_text("Evaluating 2 of 2 items")
    expect(log).not_to_have_attribute("open", "")


def test_the_owner_cancels_what_waits(visits: Open, make_submission: made.Make, person: User) -> None:
    page = visits(user=person).page
    row = make_submission()
    page.goto(f"/submissions/{row.pk}")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".status .state")).to_have_text("Cancelled")
    page.get_by_role("link", name="Change it and submit").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("org/model")
    page.go_back()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".status .state")).to_have_text("Validating")
    page.get_by_role("link", name=f"submission {row.pk}").click()
    expect(page.locator(".timeline")).to_contain_text("tried again as submission")


def test_the_queue_follows_by_itself(page: Page, make_submission: made.Make, worker_token: WorkerToken) -> None:
    page.clock.install()
    make_submission()
    page.goto("/queue")
    expect(page.locator("#lists")).to_contain_text("Next in line")
    made.beat(made.claim(worker_token), done=5, total=20)
    page.clock.run_for(5_100)
    expect(page.locator("#lists")).to_contain_text("Evaluating 5 of 20 items")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/submissions/\d+$"))


def test_the_status_follows_by_itself(page: Page, make_submission: made.Make, worker_token: WorkerToken) -> None:
    page.clock.install()
    row = make_submission()
    page.goto("/")
    page.get_by_role("link", name="Status").click()
    expect(page.locator(".health")).to_contain_text("No worker is online.")
    made.beat(made.claim(worker_token), done=5, total=20)
    page.clock.run_for(5_100)
    expect(page.locator(".workers")).to_contain_text("Evaluating 5 of 20 items")
    page.get_by_role("link", name="org/model").click()
    expect(page).to_have_url(re.compile(rf"/submissions/{row.pk}$"))


def test_the_command_is_copied(visits: Open, make_submission: made.Make) -> None:
    page = visits(permissions=["clipboard-read", "clipboard-write"]).page
    page.goto(f"/submissions/{make_submission().pk}")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_disabled()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#command").text_content()


def test_without_scripts_one_can_log_in_submit_follow_and_log_out(
    visits: Open, grace: User, suite: Suite, worker_token: WorkerToken
) -> None:
    page = visits(java_script_enabled=False).page
    row = submit(page, "org/model")
    expect(page.locator(".status .state")).to_have_text("Validating")
    accept(row, made.pinned(row))
    page.get_by_role("link", name="Reload").click()
    expect(page.locator(".status .headline")).to_have_text("Next in line for a worker.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".status .state")).to_have_text("Cancelled")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_what_is_wrong_is_said_beside_its_field(visits: Open, grace: User, suite: Suite, scripts: bool) -> None:
    visit: Visit = visits(user=grace, java_script_enabled=scripts)
    visit.watch.expected += ["status of 400", "status of 409"]
    page = visit.page
    page.goto("/submit")
    page.get_by_label("Model", exact=True).fill("a/b,trust_remote_code=True")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_label("Model", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_model_error")).to_contain_text("is not the name of a model")
    for _ in range(2):
        page.goto("/submit?model=org/model")
        page.get_by_role("button", name="Submit").click()
    page.get_by_role("alert").get_by_role("link", name="Go to that submission").click()
    expect(page.locator("h1")).to_have_text("org/model")
