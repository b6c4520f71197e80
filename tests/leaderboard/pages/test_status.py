from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from evaluator.contract import ClaimRequest
from leaderboard.actions.introduce import introduce
from leaderboard.actions.pulse import pulse
from leaderboard.models import Pulse, Submission, Worker, WorkerToken
from tests.conftest import WORKER_SECRET
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def busy(make_submission: made.Make, worker_token: WorkerToken) -> Submission:
    """A worker with a job, and one that went away."""
    row = make_submission("org/model")
    made.beat(made.claim(worker_token, "busy<1>\u202e"), done=3, total=12)
    away = ClaimRequest(
        worker="away", queues=("gpu",), engines=("vllm",), hardware="<b>H100", memory_bytes=80 * 10**9,
        architectures=("LlamaForCausalLM",),
    )  # fmt: skip
    introduce(token=worker_token, request=away)
    Worker.objects.filter(name="away").update(last_seen_at=Now() - timedelta(minutes=5))
    for part in Pulse.Part:
        pulse(part=part)
    return row


def page(client: Client) -> Element:
    reply = client.get("/status")
    assert reply.status_code == 200
    return tree(reply)


def test_workers_are_told_with_what_they_are_and_do(client: Client, busy: Submission) -> None:
    lines = [line.text for line in page(client).one("ul", "workers").all("li")]
    assert lines == [
        "busy<1>⟨U+202E⟩ online, trusted cpu vLLM, Transformers org/model Evaluating 3 of 12 items 25 % just now",
        "away offline, trusted gpu vLLM, only LlamaForCausalLM <b>H100, 80.0 GB 5 min ago",
    ]
    assert page(client).one("ul", "workers").links()["org/model"] == f"/submissions/{busy.pk}"


def test_a_healthy_site_says_so_and_a_sick_one_what_is_wrong(client: Client, busy: Submission) -> None:
    assert page(client).one("section", "health").text == "Everything is at work."
    Pulse.objects.filter(part="reconciler").update(at=Now() - timedelta(hours=1))
    found = page(client).one("section", "bad")
    assert [line.text for line in found.all("li")] == ["The reconciler is not at work."]


def test_queues_stand_in_a_table(client: Client, busy: Submission, make_submission: made.Make) -> None:
    make_submission("org/waits")
    row = page(client).one("table").one("tbody").one("tr")
    assert [cell.text for cell in [row.one("th"), *row.all("td")]] == ["cpu", "1", "1", "1", "just now"]


def test_htmx_gets_the_lists_alone(client: Client, busy: Submission) -> None:
    lists = page(client).one("div", id="lists")
    assert (lists["hx-get"], lists["hx-trigger"]) == ("/status", "every 5s")
    assert page(client).one("noscript").one("meta", http_equiv="refresh")["content"] == "15"
    reply = client.get("/status", headers=HTMX)
    assert "HX-Request" in reply["Vary"] and not tree(reply).all("html")
    assert len(tree(reply).all("section")) == 5


def test_every_page_leads_there(client: Client, db: None) -> None:
    assert tree(client.get("/")).one("footer").links()["Status"] == "/status"


def test_the_api_tells_the_same(client: Client, busy: Submission) -> None:
    found = client.get("/api/v1/status/").json()
    first, second = found["workers"]
    assert (first["name"], first["online"], first["trusted"], first["queues"]) == ("busy<1>\u202e", True, True, ["cpu"])
    assert first["running"] == {
        "submission": busy.pk, "model": "org/model", "suite": "tiny@1", "done": 3, "total": 12, "phase": "evaluating",
        "items_per_second": None,
    }  # fmt: skip
    assert (second["online"], second["running"], second["memory_bytes"]) == (False, None, 80 * 10**9)
    assert found["queues"] == [
        {"queue": "cpu", "waiting": 0, "running": 1, "oldest_waiting_since": None, "workers_online": 1}
    ]
    assert [(part["name"], part["working"]) for part in found["background"]] == [
        ("scheduler", True), ("reconciler", True),
    ]  # fmt: skip
    assert (found["problems"], found["checking"], found["bells"], found["eta_accuracy"]) == ([], 0, 0, None)


def test_no_secret_is_told(client: Client, busy: Submission, worker_token: WorkerToken) -> None:
    for path in ("/status", "/api/v1/status/"):
        text = client.get(path).content.decode()
        assert WORKER_SECRET not in text and worker_token.digest not in text
        assert "token" not in text.replace("csrfmiddlewaretoken", "").lower(), path


def test_queries_do_not_grow_with_the_workers(
    client: Client, make_submission: made.Make, worker_token: WorkerToken,
    django_assert_max_num_queries: Callable[[int], Any],
) -> None:  # fmt: skip
    for number in range(12):
        make_submission(f"org/m{number}")
        made.claim(worker_token, f"w{number}")
    for path in ("/status", "/api/v1/status/"):
        with django_assert_max_num_queries(8):
            assert "w11" in client.get(path).content.decode()
