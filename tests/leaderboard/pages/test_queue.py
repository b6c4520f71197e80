from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from leaderboard.models import Job, Submission, WorkerToken
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def page(client: Client) -> Element:
    reply = client.get("/queue")
    assert reply.status_code == 200
    return tree(reply)


def lines(page: Element) -> dict[str, list[str]]:
    """Section to its lines, each as "model: what is told"."""
    return {
        section.one("h2").text: [
            f"{line.one('a', 'subject').text}: {line.one('span', 'middle').text}" for line in section.all("li")
        ]
        for section in page.one("div", id="lists").all("section")
    }


def test_an_empty_queue_says_so_and_where_to_start(client: Client) -> None:
    found = page(client)
    assert [section.one("p", "none").text for section in found.one("div", id="lists").all("section")] == [
        "Nothing is running.",
        "Nothing is waiting. Submit a model",
        "Nothing has ended yet.",
    ]
    assert found.all("p", "none")[1].links() == {"Submit a model": "/submit"}


def test_each_submission_stands_where_it_belongs(
    client: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    running = make_submission("org/running")
    made.beat(made.claim(worker_token), done=1234, total=5000)
    scoring = make_submission("org/scoring")
    scoring.jobs.update(state="done")
    Submission.objects.filter(pk=scoring.pk).update(state="scoring")
    made.validating(make_submission("org/validating"))
    make_submission("org/first")
    make_submission("org/second")
    made.succeed(make_submission("org/good"), 61.25, stderr=1.5)
    made.succeed(make_submission("org/unranked"), None, reason="why")
    made.end(make_submission("org/bad"), "failed", error_message="It broke.")
    assert lines(page(client)) == {
        "Running 2": ["org/running: Evaluating 1,234 of 5,000 items 24 %", "org/scoring: Scoring"],
        "Waiting 3": ["org/validating: Being checked", "org/first: Next in line", "org/second: Number 2 in line"],
        "Ended": [
            "org/bad: Failed It broke.",
            "org/unranked: Succeeded not ranked",
            "org/good: Succeeded 61.25 ± 1.50",
        ],
    }
    assert page(client).links()["org/running"] == f"/submissions/{running.pk}"


def test_each_kind_of_worker_has_its_own_line(client: Client, make_submission: made.Make) -> None:
    for name in ("a", "b", "c"):
        make_submission(f"org/{name}")
    Job.objects.filter(submission__requested_model="org/b").update(queue="gpu")
    assert lines(page(client))["Waiting 3"] == ["org/a: Next in line", "org/b: Next in line", "org/c: Number 2 in line"]


def test_without_workers_the_page_says_so_once(
    client: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    make_submission("org/a")
    assert page(client).one("p", "notice").links() == {"Status": "/status"}
    made.claim(worker_token)
    make_submission("org/b").jobs.update(needs_bytes=1, architecture="X", queue="gpu")
    assert not page(client).all("p", "notice")
    assert lines(page(client))["Waiting 1"] == [
        "org/b: Next in line · No worker of the queue gpu is online, only of cpu."
    ]


def test_the_end_is_told_where_it_is_known(
    client: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    past, now = made.end(make_submission("org/past"), "succeeded"), timezone.now()
    past.jobs.update(claimed_at=now - timedelta(seconds=240), finished_at=now)
    make_submission("org/a")
    make_submission("org/b")
    made.claim(worker_token)
    found = lines(page(client))
    assert found["Running 1"] == ["org/a: Preparing the tasks · about 4 min left"]
    assert found["Waiting 1"] == ["org/b: Next in line · done in about 8 min"]


def test_what_the_validator_waits_for_is_told(client: Client, make_submission: made.Make) -> None:
    row = made.validating(make_submission())
    Submission.objects.filter(pk=row.pk).update(error_message="The Hub does not <answer>.")
    assert lines(page(client))["Waiting 1"] == ["org/model: The Hub does not <answer>."]


def test_htmx_gets_the_lists_alone(client: Client, make_submission: made.Make) -> None:
    make_submission()
    lists = page(client).one("div", id="lists")
    assert (lists["hx-get"], lists["hx-trigger"]) == ("/queue", "every 5s")
    reply = client.get("/queue", headers=HTMX)
    assert reply.status_code == 200
    assert "HX-Request" in reply["Vary"]
    assert [section.one("h2").text for section in tree(reply).all("section")] == ["Running 0", "Waiting 1", "Ended"]
    assert not tree(reply).all("html") and not tree(reply).all("title")


def test_without_scripts_the_page_reloads_itself(client: Client) -> None:
    assert page(client).one("noscript").one("meta", http_equiv="refresh")["content"] == "15"


def test_hostile_names_and_errors_are_text(client: Client, make_submission: made.Make) -> None:
    made.end(make_submission("<b>/\u202ex"), "failed", error_message="<script>alert(1)</script>\u2069")
    assert lines(page(client))["Ended"] == ["<b>/⟨U+202E⟩x: Failed <script>alert(1)</script>⟨U+2069⟩"]


def test_queries_do_not_grow_with_the_queue(
    client: Client, make_submission: made.Make, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for number in range(12):
        make_submission(f"org/waiting{number}")
        made.end(make_submission(f"org/ended{number}"), "failed")
    with django_assert_max_num_queries(7):
        page(client)


def test_only_reading_is_possible(client: Client) -> None:
    assert client.head("/queue").status_code == 200
    assert client.post("/queue").status_code == 405
