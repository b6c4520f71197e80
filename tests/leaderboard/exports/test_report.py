"""A submission as `parity run` writes it: what the command makes of it agrees with itself."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
from django.test import Client

from evaluator.cli import verify
from evaluator.contract import SuiteSpec, TaskResult
from evaluator.suites import SuiteError
from evaluator.verification import compare
from leaderboard.models import Submission, WorkerToken
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


@pytest.fixture
def row(make_submission: Make, worker_token: WorkerToken, files: Path) -> Submission:
    return made.measure(make_submission(), worker_token, [1.0, 0.0, 0.25], {}, each=7)


def test_it_holds_every_item_and_contradicts_itself_nowhere(client: Client, row: Submission) -> None:
    told = client.get(f"/api/v1/submissions/{row.pk}/report.json").json()
    assert (told["model"], told["revision"], told["suite"]) == ("org/model", "a" * 40, row.suite.slug)
    assert msgspec.convert(told["definition"], SuiteSpec).slug == row.suite.slug
    tasks = msgspec.convert(told["tasks"], list[TaskResult])
    assert tasks[0].item_scores == (1.0, 0.0, 0.25) and len(set(tasks[0].item_hashes)) == 3
    told["provenance"]["dtype"] = "float32"
    verdict = compare(told, told)
    assert verdict.reproduced and verdict.checked == 2 and verdict.differences == []


def test_before_there_are_results_there_is_no_report(client: Client, make_submission: Make) -> None:
    reply = client.get(f"/api/v1/submissions/{make_submission().pk}/report.json")
    assert (reply.status_code, reply.json()["code"]) == (404, "unknown_samples")


def test_the_command_reads_it_from_the_site(client: Client, row: Submission) -> None:
    body = client.get(f"/api/v1/submissions/{row.pk}/report.json").content

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path.endswith("report.json") else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            assert verify.read(f"{address}/report.json")["suite"] == row.suite.slug
            with pytest.raises(SuiteError, match=r"cannot be read: .*404"):
                verify.read(f"{address}/nothing")
        finally:
            server.shutdown()
