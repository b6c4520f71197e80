"""A submission of an endpoint as its owner lives through it, without a reload: spending, the pause, going on."""

import pytest
from playwright.sync_api import expect

from evaluator.contract import Check, Price, Spent
from leaderboard.models import Owner, Submission, User, WorkerToken
from tests.browser.conftest import Open
from tests.leaderboard import endpoints

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CHECKS = (Check(name="credentials", ok=True), Check(name="stop sequences", ok=False, detail="not supported " * 20))


def spent(requests: int) -> Spent:
    return Spent(
        requests=requests, input_tokens=700 * requests, output_tokens=200 * requests, dollars=0.002 * requests,
        errors={"429": 18, "x" * 80: 1}, p50_seconds=0.84, p95_seconds=3.2, p50_first_token_seconds=0.21,
    )  # fmt: skip


def test_a_budget_is_used_up_and_raised_while_one_watches(
    visits: Open, owner: Owner, person: User, worker_token: WorkerToken
) -> None:
    endpoints.generated_suite()
    page = visits(user=person, viewport={"width": 390, "height": 844}).page
    page.goto("/submit/endpoint")
    page.get_by_label("Base URL").fill("https://api.example.org/v1")
    page.get_by_label("Model", exact=True).fill("m" * 120)
    page.get_by_label("API key").fill(endpoints.CANARY)
    page.get_by_label("Budget in tokens").fill("400000")
    page.get_by_label("Show me the estimate first").uncheck()
    page.get_by_text("Price, where the catalogue").click()
    page.get_by_label("In optional", exact=True).fill("1")
    page.get_by_label("Out optional", exact=True).fill("6")
    page.get_by_role("button", name="Check and estimate").click()
    expect(page.get_by_text("A worker looks at the endpoint")).to_be_visible()
    endpoints.looked(worker_token, checks=CHECKS)
    spec = endpoints.claimed(worker_token)
    assert spec.endpoint is not None and spec.endpoint.price == Price(input=1.0, output=6.0)
    endpoints.beat(spec, spent(100), done=100, total=500)
    expect(page.locator("#endpoint .live")).to_contain_text("$0.20")
    page.get_by_text("What the look found").click()
    expect(page.get_by_text("credentials")).to_be_visible()
    endpoints.fail(spec, "budget", code="budget", message="400,000 tokens are used up.", spent=spent(450))
    tokens = page.get_by_label("Budget in tokens")
    expect(tokens).to_be_visible()
    tokens.fill("900000")
    page.wait_for_timeout(2_500)  # another poll: what was typed stays
    expect(tokens).to_have_value("900000")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert endpoints.CANARY not in page.content()
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".state")).to_have_text("Queued")
    assert Submission.objects.get().use.budget_tokens == 900_000


def test_wrong_answers_stand_beside_their_fields_and_the_key_is_not_kept(
    visits: Open, owner: Owner, person: User
) -> None:
    endpoints.generated_suite()
    visit = visits(user=person, viewport={"width": 390, "height": 844})
    visit.watch.expected += ["400 (Bad Request)"]
    page = visit.page
    page.goto("/submit/endpoint")
    page.get_by_label("Base URL").fill("https://169.254.169.254/v1")
    page.get_by_label("Model", exact=True).fill("m")
    page.get_by_label("API key").fill(endpoints.CANARY)
    page.get_by_role("button", name="Check and estimate").click()
    expect(page.locator(".wrong .errors")).to_contain_text("a cloud's metadata")
    expect(page.get_by_label("API key")).to_have_value("")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
