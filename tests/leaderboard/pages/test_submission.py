from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import timezone

from leaderboard.actions.cancel import cancel
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Event, Job, Model, Owner, Submission, Suite, WorkerToken
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
LIVE = ("validating", "queued", "running", "scoring")
ENDED = ("succeeded", "rejected", "failed", "cancelled", "quarantined", "retracted")


def page(client: Client, row: Submission) -> Element:
    reply = client.get(f"/submissions/{row.pk}")
    assert reply.status_code == 200
    return tree(reply)


def status(page: Element) -> Element:
    return page.one("section", "status")


def facts(status: Element) -> dict[str, str]:
    return {entry.one("dt").text: entry.one("dd").text for entry in status.one("dl", "live").all("div")}


@pytest.mark.parametrize(
    ("state", "title", "headline"),
    [
        ("validating", "Validating · ", "Checking that this model can be evaluated here"),
        ("queued", "Queued · ", "Next in line for a worker."),
        ("running", "25 % · ", "Evaluating 3 of 12 items"),
        ("scoring", "Scoring · ", "Every item is answered."),
        ("succeeded", "61.25 · ", "61.25 ± 1.50 standard error 95 % interval58.3–64.2 Rank1"),
        ("rejected", "Rejected · ", "This model was not evaluated. It said why."),
        ("failed", "Failed · ", "The evaluation failed. It said why."),
        ("cancelled", "Cancelled · ", "The evaluation was cancelled before it was finished. It said why."),
        ("quarantined", "Quarantined · ", "The scores are held back until they have been checked. It said why."),
        ("retracted", "Retracted · ", "This result was withdrawn and no longer counts. It said why."),
    ],
)
def test_each_state_says_what_it_means(
    client: Client, make_submission: made.Make, worker_token: WorkerToken, state: str, title: str, headline: str
) -> None:
    found = page(client, made.in_state(state, make_submission, worker_token))
    assert found.one("title").text == f"{title}org/model on tiny@1 · Parity"
    assert status(found).one("span", state).text == state.capitalize()
    assert headline in status(found).text


@pytest.mark.parametrize("state", LIVE)
def test_what_lives_polls_with_and_without_scripts(
    client: Client, make_submission: made.Make, worker_token: WorkerToken, state: str
) -> None:
    row = made.in_state(state, make_submission, worker_token)
    live = page(client, row).one("div", id="live")
    assert live["hx-get"].startswith(f"/submissions/{row.pk}?heard={state}-")
    assert page(client, row).one("meta", http_equiv="refresh")["content"] == "5"
    part = client.get(live["hx-get"], headers=HTMX)
    assert part.status_code == 200
    assert b"<html" not in part.content
    assert tree(part).one("div", id="live")["hx-trigger"] == "every 2s"
    assert not tree(part).all("p", id="announcement")


@pytest.mark.parametrize("state", ENDED)
def test_what_has_ended_stops_polling(
    client: Client, make_submission: made.Make, worker_token: WorkerToken, state: str
) -> None:
    row = made.in_state(state, make_submission, worker_token)
    found = page(client, row)
    assert found.one("div", id="live").get("hx-get") is None
    assert not found.all("meta", http_equiv="refresh")
    part = client.get(f"/submissions/{row.pk}?heard=running-evaluating", headers=HTMX)
    assert part.status_code == 286
    assert tree(part).one("div", id="live").get("hx-get") is None
    assert tree(part).one("p", id="announcement").text
    actions = tree(part).one("div", id="actions").all()
    assert [one.text for one in actions] == (["Compare with…"] if state == "succeeded" else [])


def test_the_page_itself_never_answers_286(
    client: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    row = made.in_state("failed", make_submission, worker_token)
    headers = {**HTMX, "HX-History-Restore-Request": "true"}
    for reply in (client.get(f"/submissions/{row.pk}"), client.get(f"/submissions/{row.pk}", headers=headers)):
        assert reply.status_code == 200
        assert len(tree(reply).one("html").all("title")) == 1
        assert "HX-Request" in reply["Vary"]


def test_the_place_in_the_queue_is_told(client: Client, make_submission: made.Make) -> None:
    first, second = make_submission("org/a"), make_submission("org/b")
    assert "Next in line" in status(page(client, first)).text
    assert "Number 2 in line for a worker." in status(page(client, second)).text


def test_progress_worker_and_attempt_are_told(
    client: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    row = make_submission()
    spec = made.claim(worker_token, "w<1>\u202e")
    made.beat(spec, phase="loading")
    found = status(page(client, row))
    assert "Loading the model" in found.text
    assert facts(found)["Worker"] == "w<1>⟨U+202E⟩"
    assert found.one("progress").get("value") is None
    Job.objects.update(attempt=2)
    made.beat(msgspec.structs.replace(spec, attempt=2), done=5, total=10)
    found = status(page(client, row))
    assert (found.one("progress")["value"], found.one("progress")["max"]) == ("5", "10")
    assert facts(found)["Attempt"] == "2"


def test_losses_speed_and_the_end_are_told(
    client: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    row = make_submission()
    spec = made.claim(worker_token)
    made.beat(spec, done=50, total=100)
    now = timezone.now()
    row.jobs.update(
        losses=1, attempt=2, claimed_at=now - timedelta(seconds=90), evaluating_at=now - timedelta(seconds=60),
        beat_at=now,
    )  # fmt: skip
    found = status(page(client, row))
    told = facts(found)
    assert (told["Speed"], told["Attempt"]) == ("0.8 items/s", "2 1 lost")
    assert told["Done in"].startswith("about 60 s ")
    assert told["Running for"].startswith("1 min 3")
    assert "nobody knows" in found.one("p", "note").text


def test_a_job_that_nobody_can_run_says_why_and_where_to_look(
    client: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    row = make_submission()
    found = status(page(client, row)).one("p", "stuck")
    assert found.text == "No estimate. No worker is online. Workers"
    assert found.links() == {"Workers": "/status"}


def test_what_was_predicted_stays_beside_what_came(client: Client, make_submission: made.Make) -> None:
    row, now = made.end(make_submission(), "failed"), timezone.now()
    Submission.objects.filter(pk=row.pk).update(
        queued_at=now - timedelta(seconds=200), started_at=now - timedelta(seconds=120), finished_at=now,
        predicted_seconds=180,
    )  # fmt: skip
    assert "took 2 min 0 s, 3 min 20 s with waiting; predicted: about 3 min" in status(page(client, row)).text


def test_the_log_shows_its_newest_lines_and_keeps_closed_until_something_failed(
    client: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    row = make_submission()
    made.beat(made.claim(worker_token), log="\n".join(f"line {number}" for number in range(60)) + "\n\n")
    log = page(client, row).one("details", id="log")
    assert "open" not in log.attributes
    assert log.one("span", "newest").text == "line 59"
    lines = log.one("div", id="log-text").raw.split("\n")
    assert (lines[0], lines[-1], len(lines)) == ("line 20", "line 59", 40)
    made.end(row, "failed", error_message="x")
    assert "open" in page(client, row).one("details", id="log").attributes


def test_an_event_shows_the_beginning_of_its_digest(client: Client, make_submission: made.Make) -> None:
    row = make_submission()
    Event.objects.create(
        submission=row, actor="w", before="running", after="failed", reason="child_died (attempt 1)", digest="ab" * 32
    )
    step = page(client, row).one("ol", "timeline").one("li")
    assert step.one("code").text == "abababab" and step.one("code")["title"] == "SHA-256 " + "ab" * 32
    assert step.one("time")["title"].endswith(" UTC")


def test_a_log_is_text_and_nothing_hides_in_it(
    client: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    row = make_submission()
    made.beat(made.claim(worker_token), log="</pre><script>alert(1)</script>\n\x1b[31mred\x00end\r\u202e\tx")
    reply = client.get(f"/submissions/{row.pk}")
    log = tree(reply).one("div", id="log-text")
    assert log.raw == "</pre><script>alert(1)</script>\n⟨U+001B⟩[31mred␀end⟨U+000D⟩⟨U+202E⟩\tx"
    assert not set(reply.content.decode()) & set("\x00\x1b\r\u202e")
    assert tree(reply).one("summary").one("span", "newest").text == "⟨U+001B⟩[31mred␀end⟨U+000D⟩⟨U+202E⟩ x"


def test_how_it_was_run_is_shown_and_what_was_given_up_is_said(client: Client, make_submission: made.Make) -> None:
    """Also that it ran out of memory at first: in words, outside of what has to be opened."""
    plan = {
        "dtype": "float16", "quantisation": "", "tensor_parallel_size": 2, "max_length": 4096, "memory_share": 0.8,
        "max_num_seqs": 64, "lora_rank": 0,
    }  # fmt: skip
    notes = "The engine ran out of memory and was started again with less: max_num_seqs 64 instead of 256."
    row = make_submission()
    made.end(row, "succeeded", score=50.0, provenance={"plan": plan, "plan_notes": notes})
    found = page(client, row)
    assert found.one("p", id="plan").text == notes
    told = {entry.one("dt").text: entry.one("dd").text for entry in found.one("dl", "provenance").all("div")}
    assert all(f"{name} {value}" in told["plan"] for name, value in plan.items() if value != "")


def test_errors_reasons_and_provenance_are_text(client: Client, make_submission: made.Make) -> None:
    row = make_submission("<i>org/\u202emodel")
    provenance = {"<b>engine": {"<i>": "\u202e"}, "list": ["<u>"], "none": None, "number": 1.5}
    made.end(row, "failed", error_message="<script>alert(1)</script>\u202e", provenance=provenance)
    found = page(client, row)
    assert found.one("h1").text == "<i>org/⟨U+202E⟩model"
    assert found.one("p", "reason").text == "<script>alert(1)</script>⟨U+202E⟩"
    told = {entry.one("dt").text: entry.one("dd").text for entry in found.one("dl", "provenance").all("div")}
    assert told == {"<b>engine": "<i> ⟨U+202E⟩", "list": "['<u>']", "none": "–", "number": "1.5"}


def test_results_show_errors_items_and_what_is_missing(client: Client, make_submission: made.Make) -> None:
    row = made.succeed(make_submission(), None, reason=made.REASON, tasks={"beta": 0.5})
    found = page(client, row)
    lines = [line.one("th").text + "|" + "|".join(cell.text for cell in line.all("td")) for line in table(found)]
    assert lines == ["Alpha|–|Not measured. No data.", "Beta|50.0|± 1.0||4|exact_match"]
    assert f"Not ranked. {made.REASON}" in status(found).text


def table(page: Element) -> list[Element]:
    return page.one("table", "results").one("tbody").all("tr")


def test_a_ranked_result_leads_to_its_place_on_the_board(
    client: Client, make_submission: made.Make, suite: Suite
) -> None:
    made.many(make_submission, suite, 60)
    last = Submission.objects.get(requested_model="org/m059")
    link = status(page(client, last)).links()["See it on the board"]
    assert link == f"/?suite=tiny%401&page=2#s{last.pk}"
    assert tree(client.get(link)).one("tr", id=f"s{last.pk}")
    build_snapshot(suite=suite)
    replaced = Submission.objects.get(requested_model="org/m000")
    made.succeed(make_submission("org/m000"), 70.0)
    build_snapshot(suite=suite)
    assert "See it on the board" not in page(client, replaced).links()


@pytest.mark.parametrize("state", ["rejected", "failed", "cancelled"])
def test_what_ended_badly_can_be_submitted_again(
    client: Client, make_submission: made.Make, worker_token: WorkerToken, state: str
) -> None:
    found = page(client, made.in_state(state, make_submission, worker_token))
    assert found.links()["Submit it again"] == "/submit?model=org/model&revision=main&suite=tiny%401"


@pytest.mark.parametrize("pk", ["0", "999", "9" * 30])
def test_an_unknown_submission_is_404(client: Client, db: None, pk: str) -> None:
    reply = client.get(f"/submissions/{pk}")
    assert reply.status_code == 404
    assert "There is no submission" in tree(reply).one("p", "lede").text


def test_the_timeline_tells_every_step(client: Client, make_submission: made.Make, worker_token: WorkerToken) -> None:
    row = made.in_state("running", make_submission, worker_token)
    made.end(row, "failed", error_message="x")
    steps = [step.text.split(" ", 1)[1] for step in page(client, row).one("ol", "timeline").all("li")]
    assert steps == ["Started · worker w1 · just now", "Failed · tester · just now told by a test"]


def test_queries_do_not_grow_with_the_ranking(
    client: Client, make_submission: made.Make, suite: Suite, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    made.many(make_submission, suite, 60)
    with django_assert_max_num_queries(12):  # two of them for the ranking that is shown, however long it is
        page(client, Submission.objects.get(requested_model="org/m059"))


# Cancelling


def button(client: Client, row: Submission) -> bool:
    return "Cancel this submission" in page(client, row).one("div", id="actions").text


@pytest.mark.parametrize("state", LIVE)
def test_only_the_owner_has_the_button(
    client: Client, member: Client, stranger: Client, make_submission: made.Make, worker_token: WorkerToken, state: str
) -> None:
    row = made.in_state(state, make_submission, worker_token)
    assert [button(who, row) for who in (client, stranger, member)] == [False, False, True]


def test_what_has_ended_has_no_button(member: Client, make_submission: made.Make) -> None:
    row = made.end(make_submission(), "failed")
    assert not button(member, row)
    reply = member.post(f"/submissions/{row.pk}/cancel")
    assert reply.status_code == 409
    assert f"Submission {row.pk} has already ended: it is failed." in tree(reply).one("p", "lede").text


def test_the_owner_cancels_what_waits_at_once(member: Client, make_submission: made.Make) -> None:
    row = make_submission()
    form = page(member, row).one("div", id="actions").all("form", method="post")[0]
    reply = member.post(form["action"], follow=True)
    assert reply.redirect_chain == [(f"/submissions/{row.pk}", 302)]
    assert status(tree(reply)).one("span", "state").text == "Cancelled"


def test_what_runs_is_asked_to_stop_and_the_button_goes(
    member: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    row = made.in_state("running", make_submission, worker_token)
    reply = member.post(f"/submissions/{row.pk}/cancel", follow=True)
    assert "Cancelling: waiting for the worker to stop." in status(tree(reply)).text
    assert not button(member, row)
    part = tree(member.get(f"/submissions/{row.pk}", headers=HTMX))
    assert part.one("div", id="actions")["hx-swap-oob"] == "innerHTML"


def test_a_poll_leaves_the_owners_button_alone(
    member: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    row = made.in_state("running", make_submission, worker_token)
    assert not tree(member.get(f"/submissions/{row.pk}", headers=HTMX)).all("div", id="actions")


def test_others_submissions_cannot_be_cancelled(
    client: Client, stranger: Client, make_submission: made.Make, owner: Owner
) -> None:
    row = make_submission()
    path = f"/submissions/{row.pk}/cancel"
    assert stranger.post(path).status_code == 404
    assert stranger.post("/submissions/999/cancel").status_code == 404
    assert client.post(path)["Location"] == f"/login?next={path}"
    row.refresh_from_db()
    assert row.state == "queued"
    assert cancel(submission=row.pk, owner=owner).state == "cancelled"


@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_only_a_form_cancels(member: Client, make_submission: made.Make, method: str) -> None:
    row = make_submission()
    assert getattr(member, method)(f"/submissions/{row.pk}/cancel").status_code == 405
    row.refresh_from_db()
    assert row.state == "queued"


def test_a_form_of_another_site_does_not_cancel(make_submission: made.Make, owner: Owner) -> None:
    row = make_submission()
    client = Client(enforce_csrf_checks=True)
    assert owner.user
    client.force_login(owner.user)
    assert client.post(f"/submissions/{row.pk}/cancel").status_code == 403
    row.refresh_from_db()
    assert row.state == "queued"


def test_a_proprietary_model_is_drawn_with_its_own_mark(client: Client, make_submission: made.Make) -> None:
    row = made.succeed(make_submission(), 50.0)
    Model.objects.update(kind="proprietary")
    assert len(page(client, row).all("svg", "proprietary")) == 2
