"""Judging and blind grading in a real browser: by keys, on a phone and a desk, in light and dark."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from leaderboard.actions.validate import accept
from leaderboard.models import Bakeoff, Grade, Judging, Owner, Submission, User, WorkerToken
from leaderboard.statistics.judging import Outcome
from tests.browser.conftest import Open
from tests.browser.test_bakeoffs import MODELS, fits, measured
from tests.leaderboard import bakeoffs, judgings
from tests.leaderboard.path import pinned

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
JUDGES = ("sage/judge-with-a-name", "other/" + "long-judge-" * 7 + "x")


@pytest.fixture
def bakeoff(owner: Owner, worker_token: WorkerToken, files: Path) -> Bakeoff:
    row = bakeoffs.begun(bakeoffs.kept(owner, 60, name="Support questions"), *MODELS)
    measured(row, worker_token, 3)
    return row


def judged(row: Judging, token: WorkerToken) -> None:
    for one in Submission.everything.filter(judge__judging=row, state="validating"):
        accept(one, pinned(one.requested_model))

    def wavers(a: str, b: str) -> str:
        return "VERDICT: A" if max(len(a), len(b)) < 60 else "I cannot say."

    judgings.worked(token, {JUDGES[0]: judgings.longer, JUDGES[1]: wavers})


@pytest.mark.parametrize("width", [390, 1280])
def test_from_the_form_to_agreement(
    visits: Open, person: User, bakeoff: Bakeoff, worker_token: WorkerToken, width: int
) -> None:
    page = visits(user=person, viewport={"width": width, "height": 844}).page
    page.goto(f"/workloads/{bakeoff.version.workload_id}/bakeoffs/{bakeoff.pk}/")
    page.get_by_role("link", name="Have answers judged").click()
    page.get_by_label("with", exact=True).select_option("3")
    page.get_by_label("Compare").select_option("1")
    page.get_by_label("Judges with weights").fill("\n".join(JUDGES))
    fits(page, "judging-new", width)
    page.get_by_role("button", name="Estimate").click()
    expect(page.get_by_role("heading", name="What it will take")).to_be_visible()
    page.get_by_text("The first of 120 questions").click()
    expect(page.get_by_text("VERDICT: TIE").first).to_be_visible()
    fits(page, "judging-estimate", width)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("No judge has ended yet.")).to_be_visible()
    fits(page, "judging-begun", width)
    row = Judging.objects.get()
    judged(row, worker_token)
    expect(page.get_by_text("the order sways it")).to_be_visible()
    page.get_by_role("link", name="Grade blind").click()
    for key in "1122001p":
        by_key(page, key)
    expect(page.get_by_text(re.compile("8 of 60 graded"))).to_be_visible()
    fits(page, "grading", width)
    page.wait_for_load_state()
    page.keyboard.press("u")
    expect(page.get_by_text("7 of 60 graded")).to_be_visible()
    for number in range(8, 48):
        outcome = Outcome.FIRST if number % 3 else Outcome.TIE
        Grade.objects.get_or_create(
            judging=row, number=number, grader=person, defaults={"outcome": int(outcome), "first_left": True}
        )
    page.goto(f"/workloads/{bakeoff.version.workload_id}/bakeoffs/{bakeoff.pk}/judgings/{row.pk}/")
    expect(page.get_by_text("a person, blind")).to_be_visible()
    fits(page, "judging", width)
    page.goto(f"/workloads/{bakeoff.version.workload_id}/bakeoffs/{bakeoff.pk}/")
    expect(page.get_by_role("heading", name="Judged")).to_be_visible()
    fits(page, "judged-report", width)


def by_key(page: Page, key: str) -> None:
    """Grade with a key, and wait for the next item."""
    number = page.locator("[name=number]")
    before = number.input_value()
    page.wait_for_load_state()  # nobody listens to keys before
    page.keyboard.press(key)
    expect(number).not_to_have_value(before)


def test_its_own_judge_is_said_loudly(visits: Open, person: User, bakeoff: Bakeoff) -> None:
    visit = visits(user=person)
    visit.watch.expected += ["status of 400"]
    page = visit.page
    page.goto(f"/workloads/{bakeoff.version.workload_id}/bakeoffs/{bakeoff.pk}/judgings/new")
    page.get_by_label("Judges with weights").fill(MODELS[0])
    page.get_by_role("button", name="Estimate").click()
    expect(page.get_by_text("A judge would judge its own.")).to_be_visible()
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("choose another, or confirm it")).to_be_visible()
    page.get_by_label("A judge may judge its own").check()
    page.get_by_role("button", name="Estimate").click()
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("judges its own", exact=True).first).to_be_visible()
