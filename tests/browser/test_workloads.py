"""One's own prompts in a browser: upload, which column is what, a score tried on five items, kept; then gone again."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from leaderboard.models import Suite, User, Workload, WorkloadDraft, WorkloadItems
from tests.browser.conftest import Open
from tests.browser.strangers import strangers
from tests.browser.test_hostile import PAYLOADS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TICKETS = [
    ("My card was charged twice for order 1182.", "billing", "billing"),
    ("The app closes when I open the map.", "bug", "Bug"),
    ("Can I get an invoice with our VAT number?", "billing", "account"),
    ("How do I invite a colleague?", "account", "account"),
    ("Please delete my account and all data.", "account", "account."),
    ("Dark mode would be lovely on the tablet.", "feature", "feature"),
    ("Write to me at ada@example.org about the refund.", "billing", "billing"),
]


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    """A log as it comes out of a database: columns that no guess knows."""
    path = tmp_path / "tickets.csv"
    rows = [f'"{text}",{label},{now}' for text, label, now in TICKETS]
    path.write_text("\n".join(["ticket,team,sent_to", *rows]) + "\n")
    return path


def choose(page: Page, column: str, role: str) -> None:
    page.get_by_label(f"What {column} is").select_option(label=role)


@pytest.mark.parametrize("scripts", [True, False])
def test_from_a_file_to_a_workload_and_its_end(
    visits: Open, person: User, suite: Suite, tickets: Path, scripts: bool
) -> None:
    page = visits(user=person, java_script_enabled=scripts).page
    page.goto("/")
    page.get_by_role("link", name="Workloads").click()
    page.get_by_role("link", name="New workload").first.click()
    page.get_by_label("File", exact=True).set_input_files(tickets)
    if scripts:
        expect(page.locator("#chosen")).to_contain_text("tickets.csv")
    page.get_by_role("button", name="Read it").click()
    expect(page).to_have_url(re.compile(r"/workloads/drafts/\d+$"))

    expect(page.get_by_role("alert")).to_contain_text("Say which field is the prompt")
    choose(page, "ticket", "Prompt")
    choose(page, "team", "Reference: the right answer")
    choose(page, "sent_to", "Output: today’s answer")
    page.get_by_role("button", name="Read it with these columns").click()
    expect(page.locator("article").first).to_contain_text("charged twice")
    expect(page.locator(".noticed")).to_contain_text("1 item holds what looks like an e-mail address")
    page.get_by_label("Mask e-mail addresses").check()
    page.get_by_role("button", name="Read it with these columns").click()
    expect(page.locator(".facts")).to_contain_text("masked")
    assert not Workload.objects.exists()

    page.get_by_role("button", name="Go on to scoring").click()
    grades = page.locator(".grade")
    expect(grades).to_have_text(["Right", "Wrong", "Right", "Wrong", "Right"])  # capitals are ignored: item 2 is right
    page.get_by_label("Ignore punctuation").check()
    if not scripts:
        page.get_by_role("button", name="Try it").click()
    expect(grades).to_have_text(["Right", "Wrong", "Right", "Right", "Right"])
    expect(page.locator("#trial-note")).to_contain_text("4 of 5: a mean of 80 %")
    page.locator("#answer-2").fill("Billing!")
    if not scripts:
        page.get_by_role("button", name="Try it").click()
    expect(grades).to_have_text(["Right"] * 5)
    page.get_by_label("Name of the workload").fill("Which team")
    page.get_by_role("button", name="Keep this workload").click()

    expect(page.locator("h1")).to_contain_text("Which team version 1")
    assert not WorkloadDraft.objects.exists()
    page.get_by_role("link", name="See all 7, leave some out").click()
    page.get_by_label("Item 6").check()
    page.get_by_label("Why the ticked ones are left out").fill("a wish, for no team")
    page.get_by_role("button", name="Leave them out").click()
    expect(page.locator("h1")).to_contain_text("version 2")
    expect(page.locator(".result")).to_contain_text("6 of 7")

    page.get_by_text("Delete this workload").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("h1")).to_have_text("Which team is deleted")
    expect(page.locator(".receipt")).to_contain_text("2 versions")
    assert not WorkloadItems.objects.exists()


def test_what_is_changed_before_htmx_is_there_is_tried(visits: Open, person: User, tickets: Path) -> None:
    page = visits(user=person).page
    to_scoring(page, tickets)
    held: list[Route] = []
    page.route("**/htmx-*.js", lambda route: held.append(route))
    page.reload(wait_until="commit")
    page.get_by_label("Ignore punctuation").check()
    expect(page.locator("#trial-note")).to_contain_text("3 of 5")
    held[0].continue_()
    expect(page.locator("#trial-note")).to_contain_text("4 of 5: a mean of 80 %")


def to_scoring(page: Page, tickets: Path) -> None:
    """From the file to how it is scored."""
    page.goto("/workloads/new")
    page.get_by_label("File", exact=True).set_input_files(tickets)
    page.get_by_role("button", name="Read it").click()
    expect(page).to_have_url(re.compile(r"/workloads/drafts/\d+$"))
    choose(page, "ticket", "Prompt")
    choose(page, "team", "Reference: the right answer")
    choose(page, "sent_to", "Output: today’s answer")
    page.get_by_role("button", name="Read it with these columns").click()
    page.get_by_role("button", name="Go on to scoring").click()
    expect(page.locator("h1")).to_have_text("How answers are scored")


def test_nothing_is_tried_any_more_once_it_is_kept(visits: Open, person: User, tickets: Path) -> None:
    """A trial that waits while its form is sent would ask for an upload that is forgotten by then."""
    page = visits(user=person).page
    to_scoring(page, tickets)
    held: list[Route] = []

    def hold(route: Route) -> None:
        """Trials wait for their answers; the form is sent, and the browser stays where it is, as while one waits."""
        if route.request.is_navigation_request():
            route.fulfill(status=204)
        else:
            held.append(route)

    page.route("**/scoring", hold)
    with page.expect_request("**/scoring"):
        page.get_by_label("Ignore punctuation").check()
    page.get_by_label("Name of the workload").fill("Which team")  # a trial that waits for the one before it
    with page.expect_request(lambda request: request.is_navigation_request()):
        page.get_by_role("button", name="Keep this workload").click()
    held[0].continue_()
    page.wait_for_timeout(900)  # more than a trial waits for the next key
    assert len(held) == 1


def test_a_file_is_dropped_and_what_is_wrong_with_it_said_in_place(visits: Open, person: User) -> None:
    page = visits(user=person).page
    page.goto("/workloads/new")
    body = "".join(json.dumps({"prompt": f"p{n}"}) + "\n" for n in range(730)) + '{"prompt": "a\n'
    drop = """([name, body]) => {
        const carried = new DataTransfer();
        carried.items.add(new File([body], name));
        document.getElementById("drop").dispatchEvent(new DragEvent("drop", {dataTransfer: carried, cancelable: true}));
    }"""
    page.evaluate(drop, ["log.jsonl", body])
    expect(page.locator("#chosen")).to_contain_text("log.jsonl, ")
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 731: It is no JSON")
    expect(page).to_have_url(re.compile("/workloads/new$"))
    expect(page.get_by_role("button", name="Read it")).to_be_enabled()
    page.evaluate(drop, ["log.jsonl", body.rpartition("{")[0]])
    page.get_by_role("button", name="Read it").click()
    expect(page.locator(".facts")).to_contain_text("730 items")


def test_a_file_that_is_too_large_is_told_before_it_is_sent(visits: Open, person: User) -> None:
    page = visits(user=person).page
    page.goto("/workloads/new")
    page.evaluate("document.getElementById('upload').dataset.most = 10")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "a.csv", "mimeType": "text/csv", "buffer": b"prompt\n" + b"a\n" * 20}
    )
    expect(page.get_by_role("alert")).to_contain_text("More than 128 MB")
    page.get_by_role("button", name="Read it").click()
    expect(page).to_have_url(re.compile("/workloads/new$"))
    assert not WorkloadDraft.objects.exists()


def test_hostile_uploads_do_nothing(visits: Open, person: User) -> None:
    page = visits(user=person, bypass_csp=True).page
    rows = [{"prompt": one, "reference": one, "tags": [one[:60]], "production": one, "id": one} for one in PAYLOADS]
    body = "".join(json.dumps(row | {row["prompt"][:40]: "x"}) + "\n" for row in rows)
    page.goto("/workloads/new")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "<img src=x onerror=alert(1)>.jsonl", "mimeType": "application/json", "buffer": body.encode()}
    )
    page.get_by_role("button", name="Read it").click()
    expect(page.locator("article")).to_have_count(5)
    assert strangers(page) == []
    page.get_by_role("button", name="Go on to scoring").click()
    for label, text in (("#answer-0", "<img src=x onerror=alert(1)>"), ("#id_name", "<script>alert(1)</script>")):
        with page.expect_response(lambda reply: reply.request.method == "POST"):
            page.locator(label).fill(text)
        assert strangers(page) == []
    page.get_by_role("button", name="Keep this workload").click()
    expect(page.locator("h1")).to_contain_text("<script>alert(1)</script>")
    key = Workload.objects.get().pk
    for address in (f"/workloads/{key}", f"/workloads/{key}/items", f"/workloads/{key}/items?page=2", "/workloads/"):
        page.goto(address)
        assert strangers(page) == [], address
