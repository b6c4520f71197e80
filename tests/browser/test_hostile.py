"""Hostile texts execute nothing, even where no policy would stop them: these windows ignore the CSP."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from leaderboard.actions.accounts import create_person
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Event, Model, Owner, Revision, Submission, Suite, WorkerToken
from tests.browser.conftest import Open
from tests.browser.payloads import PAYLOADS as EVERY
from tests.browser.strangers import strangers
from tests.leaderboard.pages import made

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAYLOADS = EVERY[::8]
"""Some of each family; `test_attack.py` has all."""


@pytest.fixture
def rows(make_submission: made.Make, suite: Suite, live_server: object) -> list[Submission]:
    """A ranked submission for each payload: as model, owner, reasons, provenance."""
    made_rows = []
    for index, payload in enumerate(PAYLOADS):
        row = make_submission(payload)
        owner = create_person(username=f"u{index}", password=None).owner
        Owner.objects.filter(pk=owner.pk).update(name=payload)
        made_rows.append(
            made.succeed(row, None if index % 2 else 50.0, reason=payload if index % 2 else "", tasks={"alpha": None})
            if index % 3
            else made.end(row, "failed", error_message=payload, provenance={payload: {payload: payload}})
        )
        Submission.objects.filter(pk=row.pk).update(owner=owner, requested_revision=payload)
        Event.objects.create(submission=row, actor=payload, after="failed", reason=payload)
        row.jobs.update(log=payload)
    Model.objects.update(licence="<script>alert(1)</script>", base_model='"><img src=x onerror=alert(1)>')
    Revision.objects.update(architecture="<svg onload=alert(1)>", dtype="<b>")
    build_snapshot(suite=suite)
    return made_rows


def test_hostile_texts_do_nothing_on_any_page(visits: Open, rows: list[Submission]) -> None:
    page = visits(bypass_csp=True).page
    for address in ("/", "/?sort=-model", "/queue", *(f"/submissions/{row.pk}" for row in rows)):
        page.goto(address)
        assert strangers(page) == [], address
    page.goto("/")
    for link in page.locator("tbody a.name").evaluate_all("links => links.map((link) => link.href)"):
        page.goto(link)
        assert strangers(page) == [], link


def test_hostile_samples_do_nothing(
    visits: Open, make_submission: made.Make, worker_token: WorkerToken, files: Path
) -> None:
    texts: dict[int, dict[str, object]] = {
        number: {"prompts": (payload,), "responses": (payload,), "target": payload, "answers": {payload: payload}}
        for number, payload in enumerate([*PAYLOADS, "<script>\x00\ud800alert(1)</script>"])
    }
    texts[0] |= {
        "prompts": tuple(f"{PAYLOADS[0]}␟{one}" for one in PAYLOADS),
        "responses": ("(-1.0, True)",) * len(PAYLOADS),
    }
    row = made.measure(make_submission(), worker_token, [1.0] * len(texts), texts)
    page = visits(bypass_csp=True).page
    for number in (1, 2):
        page.goto(f"/submissions/{row.pk}/samples/alpha?page={number}")
        assert strangers(page) == []
    expect(page.locator("article").last).to_contain_text("<script>U+0000U+D800alert(1)</script>")


def test_hostile_texts_do_nothing_when_htmx_swaps_them_in(
    visits: Open, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    page = visits(bypass_csp=True).page
    page.clock.install()
    row = make_submission()
    spec = made.claim(worker_token, "<script>alert(1)</script>")
    page.goto(f"/submissions/{row.pk}")
    made.beat(spec, done=1, total=2, log="\n".join(PAYLOADS))
    page.clock.run_for(2_100)
    expect(page.locator(".status .headline")).to_have_text("Evaluating 1 of 2 items")
    assert strangers(page) == []
    assert "<script>alert(1)</script>" in (page.locator("#log-text").text_content() or "")


def test_hostile_searches_do_nothing(visits: Open, board: dict[str, Submission]) -> None:
    page = visits(bypass_csp=True).page
    page.goto("/")
    for payload in PAYLOADS[4:10]:
        with page.expect_response(lambda reply: "search=" in reply.url):
            page.fill("#search", payload)
        expect(page.locator("#board .empty")).to_be_visible()
        assert strangers(page) == []
    page.reload()
    assert strangers(page) == []
