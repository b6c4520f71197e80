"""Flags, disputes, answers, retractions, notes of contamination and hidden texts: who may, what it leaves behind."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client

from leaderboard.actions.accounts import create_person
from leaderboard.actions.errors import Conflict, NotFound, Refused, TooMany
from leaderboard.actions.hide_texts import hide_texts, show_texts
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.remarks import answer, dispute, flag, note_contamination
from leaderboard.actions.retract import retract
from leaderboard.models import Audit, Event, Remark, Submission, Suite, User
from leaderboard.queries.remarks import remarks_of
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


@pytest.fixture
def staff(db: None) -> User:
    return create_person(username="root", password=None, staff=True)


@pytest.fixture
def row(make_submission: Make, suite: Suite) -> Submission:
    found = made.ranked(make_submission, suite)
    return found["org/best"]


def test_a_dispute_is_shown_answered_and_closed(client: Client, row: Submission, person: User, staff: User) -> None:
    said = dispute(submission=row.pk, reason="Item 3 has a wrong key.", evidence="<b>see</b>", by=person)
    with pytest.raises(Conflict, match="already"):
        dispute(submission=row.pk, reason="Again.", by=person)
    answer(remark=said.pk, reason="We look at it.", by=staff)
    assert not remarks_of(row.pk)[0].closed
    answer(remark=said.pk, reason="It has; the next version drops it.", closes=True, by=staff)
    shown = tree(client.get(f"/submissions/{row.pk}")).one("section", aria_labelledby="remarks")
    assert "Dispute closed ada" in shown.text and "the next version drops it" in shown.text
    assert "Evidence: <b>see</b>" in shown.text  # as text
    with pytest.raises(Conflict, match="settled"):
        answer(remark=said.pk, reason="More.", by=staff)
    assert dispute(submission=row.pk, reason="Another thing.", by=person).pk > said.pk


def test_the_form_below_a_score(client: Client, member: Client, row: Submission) -> None:
    assert not tree(client.get(f"/submissions/{row.pk}")).all("form", "dispute")
    form = tree(member.get(f"/submissions/{row.pk}")).one("form", "dispute")
    assert member.post(form["action"], {"reason": "It is wrong.", "evidence": ""}).status_code == 302
    assert Remark.objects.get().by == "ada"
    assert member.post(form["action"], {"reason": " "}).status_code == 400
    assert member.post("/submissions/999999/dispute", {"reason": "x"}).status_code == 404


@pytest.fixture
def member(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_one_person_has_a_few_open_disputes(make_submission: Make, suite: Suite, person: User) -> None:
    rows = [made.succeed(make_submission(f"org/m{number}"), 50.0) for number in range(6)]
    for one in rows[:5]:
        dispute(submission=one.pk, reason="x", by=person)
    with pytest.raises(TooMany):
        dispute(submission=rows[5].pk, reason="x", by=person)


@pytest.mark.parametrize(
    ("reason", "evidence", "field"), [("", "", "reason"), ("x" * 4001, "", "reason"), ("x", "y" * 2001, "evidence")]
)
def test_a_remark_has_a_reason_of_bounded_length(
    row: Submission, person: User, reason: str, evidence: str, field: str
) -> None:
    with pytest.raises(Refused) as refusal:
        dispute(submission=row.pk, reason=reason, evidence=evidence, by=person)
    assert refusal.value.field == field


def test_what_has_no_score_cannot_be_disputed(make_submission: Make, person: User) -> None:
    with pytest.raises(Conflict, match="queued"):
        dispute(submission=make_submission().pk, reason="x", by=person)
    with pytest.raises(NotFound):
        dispute(submission=999_999, reason="x", by=person)


def test_odd_texts_are_kept_as_they_can_be(client: Client, row: Submission, person: User) -> None:
    said = dispute(submission=row.pk, reason="a\x00b\ud800\u202e<script>alert(1)</script>", by=person)
    assert "\x00" not in said.reason
    text = client.get(f"/submissions/{row.pk}").content.decode()
    assert "<script>alert" not in text and "\u202e" not in text


def test_a_flag_keeps_the_rank_and_is_told(client: Client, row: Submission, staff: User) -> None:
    flag(submission=row.pk, reason="Too good to be true.", evidence="run 12", by=staff)
    assert made.rows("tiny@1")[0].submission_id == row.pk
    assert "Too good to be true." in client.get(f"/submissions/{row.pk}").content.decode()
    [line] = [one for one in client.get("/api/v1/changelog/").json()["results"] if one["kind"] == "flag"]
    assert (line["submission"], line["suite"]) == (row.pk, "tiny@1")


def test_remarks_are_append_only(row: Submission, staff: User) -> None:
    said = flag(submission=row.pk, reason="x", by=staff)
    with pytest.raises(IntegrityError, match="append-only"):
        Remark.objects.filter(pk=said.pk).update(reason="y")


def test_a_retraction_leaves_a_tombstone(client: Client, row: Submission, suite: Suite, staff: User) -> None:
    retract(submission=row.pk, reason="The worker’s clock was wrong.", by=staff)
    row.refresh_from_db()
    assert (row.state, row.score) == ("retracted", 80.0)
    assert made.rows("tiny@1")[0].model_name == "org/tied"
    shown = tree(client.get(f"/submissions/{row.pk}")).one("main").text
    assert "Withdrawn" in shown and "The worker’s clock was wrong." in shown
    assert Event.objects.filter(submission=row, after="retracted", actor="root").exists()
    text = tree(client.get("/changelog")).one("main").text
    assert "The result of org/best was withdrawn: The worker’s clock was wrong." in text
    with pytest.raises(Conflict, match="retracted"):
        retract(submission=row.pk, reason="x", by=staff)
    assert "Retracted" in tree(client.get("/models/org/best")).one("main").text  # every attempt stays listed


def test_notes_of_contamination_are_shown_with_model_and_task(client: Client, row: Submission, staff: User) -> None:
    note_contamination(model="org/best", task="alpha", reason="Its data sheet lists it.", evidence="page 3", by=staff)
    for path in ("/models/org/best", "/tasks/alpha", "/changelog"):
        assert "Its data sheet lists it." in tree(client.get(path)).one("main").text, path
    assert "Its data sheet" not in client.get("/tasks/beta").content.decode()
    for model, task in (("org/none", "alpha"), ("org/best", "nothing")):
        with pytest.raises(NotFound):
            note_contamination(model=model, task=task, reason="x", by=staff)


@pytest.mark.parametrize(
    "act",
    [
        lambda by: flag(submission=1, reason="x", by=by),
        lambda by: note_contamination(model="a/b", task="", reason="x", by=by),
        lambda by: answer(remark=1, reason="x", by=by),
        lambda by: retract(submission=1, reason="x", by=by),
        lambda by: hide_texts(task="alpha", reason="x", by=by),
        lambda by: show_texts(task="alpha", reason="x", by=by),
    ],
)
def test_only_the_staff_does_the_rest(person: User, act: Callable[[User], Any]) -> None:
    with pytest.raises(Refused, match="staff"):
        act(person)
    assert not Audit.objects.exists()


def test_reasons_and_subjects_are_needed(row: Submission, staff: User) -> None:
    for wrong in (
        lambda: retract(submission=row.pk, reason=" ", by=staff),
        lambda: retract(submission=999_999, reason="x", by=staff),
        lambda: hide_texts(task="alpha", reason=" ", by=staff),
        lambda: hide_texts(task="nothing", reason="x", by=staff),
        lambda: show_texts(task="alpha", reason="x", by=staff),
        lambda: show_texts(task="alpha", reason=" ", by=staff),
        lambda: answer(remark=1, reason="x", by=staff),
        lambda: flag(submission=999_999, reason="x", by=staff),
    ):
        with pytest.raises(Refused):
            wrong()


def test_the_command_does_all_of_it(row: Submission, staff: User) -> None:
    out = StringIO()

    def run(*words: str) -> None:
        call_command("govern", *words, "--reason", "because", "--by", "root", stdout=out)

    run("flag", str(row.pk), "--evidence", "run 3")
    run("answer", str(Remark.objects.get().pk), "--close")
    run("note", "org/best", "--task", "alpha")
    run("hide", "alpha")
    run("show", "alpha")
    run("retract", str(row.pk))
    assert [line.split(": ")[1] for line in out.getvalue().splitlines()] == [
        "flagged", "answered", "noted", "its texts are hidden", "its texts are shown", "withdrawn",
    ]  # fmt: skip
    for words in (("flag", "x"), ("retract", str(row.pk)), ("hide", "nothing")):
        with pytest.raises(CommandError) as refusal:
            run(*words)
        assert refusal.value.returncode == 2
    with pytest.raises(CommandError, match="no user"):
        call_command("govern", "hide", "alpha", "--reason", "x", "--by", "nobody")


def test_a_retraction_ranks_anew_only_its_suite(row: Submission, suite: Suite, staff: User) -> None:
    before = build_snapshot(suite=suite).pk
    retract(submission=row.pk, reason="x", by=staff)
    assert suite.snapshots.latest("id").pk > before
