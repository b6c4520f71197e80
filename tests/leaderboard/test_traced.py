"""One trace from the click to the result: the site in this process, a real worker in another, one collector."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_django import Settings as DjangoSettings
from pytest_django.live_server_helper import LiveServer

from evaluator import tracing
from evaluator.contract import EDITION
from leaderboard import tasks, traced
from leaderboard.logs import Named
from leaderboard.models import Submission, Suite, User, WorkerToken
from leaderboard.queries.editions import TRACES_SINCE
from tests.conftest import WORKER_SECRET
from tests.environment import ROOT
from tests.leaderboard.actions.test_follow import publish

OUTSIDERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector(ThreadingHTTPServer):
    """Takes what OTLP exporters send."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Taker)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list[Any]:
        """All that came."""
        found = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span for one in found for part in one.resource_spans for scope in part.scope_spans for span in scope.spans
        ]


class Taker(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def kept() -> Iterator[InMemorySpanExporter]:
    """This process traces, into memory."""
    exporter = InMemorySpanExporter()
    tracing.start("parity-site", exporter)
    yield exporter
    tracing.stop()


def until(condition: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_one_trace_from_the_click_to_the_result(
    live_server: LiveServer, collector: Collector, kept: InMemorySpanExporter, worker_token: WorkerToken, suite: Suite,
    person: User, files: Path, tmp_path: Path, settings: DjangoSettings, client: Client,
) -> None:  # fmt: skip
    settings.HUB_MIRRORS = (tmp_path / "mirror",)
    publish(tmp_path / "mirror", "org/model", 2)
    client.force_login(person)
    form = {"suite": "tiny@1", "model": "org/model", "revision": "main", "engine": "vllm", "dtype": "auto"}
    assert client.post(reverse("submit"), form).status_code == 302
    row = Submission.objects.get()
    tasks.validate(row.pk)
    inherited = {name: value for name, value in os.environ.items() if name[:7] != "PARITY_" and name != "REDIS_URL"}
    worker = subprocess.Popen(
        [sys.executable, "-m", "evaluator", "worker"],
        cwd=ROOT,
        env=inherited | {
            "PARITY_URL": live_server.url, "PARITY_WORKER_TOKEN": WORKER_SECRET,
            "PARITY_STATE": str(tmp_path / "state"), "OTEL_BSP_SCHEDULE_DELAY": "50",
            "PARITY_HUB_MIRROR": str(tmp_path / "mirror"), "PARITY_WORKER_CHILD": "tests.evaluator.fake_child",
            tracing.ENDPOINT: collector.url,
        },
    )  # fmt: skip
    try:
        until(lambda: "attempt" in {span.name for span in collector.spans()})
    finally:
        worker.kill()
        worker.wait()
    tasks.score(row.pk)
    assert Submission.objects.get().state == "succeeded"

    ours, theirs = kept.get_finished_spans(), collector.spans()
    number = row.trace[3:35]
    named = {f"{span.context.span_id:016x}": span.name for span in ours if f"{span.context.trace_id:032x}" == number}
    named |= {span.span_id.hex(): span.name for span in theirs if span.trace_id.hex() == number}
    above = {span.name: named.get(f"{span.parent.span_id:016x}" if span.parent else "", "") for span in ours}
    above |= {span.name: named.get(span.parent_span_id.hex(), "") for span in theirs}
    expected = {
        "POST submit": "", "validate": "POST submit", "attempt": "POST submit", "score": "POST submit",
        "evaluate": "attempt", "bring weights": "evaluate", "post samples": "attempt",
        "PUT worker-chunk": "post samples", "POST worker-results": "attempt",
    }  # fmt: skip
    assert {name: above.get(name) for name in expected} == expected
    assert "INSERT leaderboard_submission" in named.values()
    assert not any("heartbeat" in name for name in above), "what workers call of themselves has no trace"
    told = b"".join(collector.bodies) + "".join(span.to_json() for span in ours).encode()
    for secret in (WORKER_SECRET, person.password, "Is it?", "INSERT INTO", str(tmp_path)):
        assert secret.encode() not in told


@pytest.mark.django_db
def test_nobody_but_a_worker_names_the_trace(kept: InMemorySpanExporter, client: Client) -> None:
    client.get("/queue?search=secret", headers={"traceparent": OUTSIDERS})
    client.post(reverse("worker-claim"), b"{}", content_type="application/json", headers={"traceparent": OUTSIDERS})
    client.post(reverse("worker-claim"), b"{}", content_type="application/json")
    found = {span.name: span for span in kept.get_finished_spans() if not span.name.startswith(("SELECT", "UPDATE"))}
    assert set(found) == {"GET queue", "POST worker-claim"}
    assert f"{found['GET queue'].context.trace_id:032x}" not in OUTSIDERS and found["GET queue"].parent is None
    assert f"{found['POST worker-claim'].context.trace_id:032x}" in OUTSIDERS
    attributes = dict(found["GET queue"].attributes or {})
    assert (attributes["http.route"], attributes["http.response.status_code"]) == ("queue", 200)
    assert "secret" not in "".join(span.to_json() for span in kept.get_finished_spans())


def test_errors_are_told_by_their_type_alone(kept: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="somebody's prompt"), tracing.span("work"):
        raise ValueError("somebody's prompt")
    [span] = kept.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "ValueError" and not span.status.is_ok
    assert "prompt" not in span.to_json()


def test_a_failing_page_is_a_failed_span(kept: InMemorySpanExporter) -> None:
    def broken(_: object) -> Any:
        return type("Reply", (), {"status_code": 500})()

    traced.Traced(broken)(RequestFactory().get("/anything"))
    [span] = kept.get_finished_spans()
    assert (span.name, span.status.is_ok) == ("GET none", False)


def test_log_lines_name_their_trace(kept: InMemorySpanExporter) -> None:
    record: Any = type("Record", (), {})()
    Named().filter(record)
    assert not hasattr(record, "trace_id")
    with tracing.span("work"):
        Named().filter(record)
        assert record.trace_id == tracing.current()[3:35] != ""


@pytest.mark.django_db
def test_a_worker_of_before_is_told_no_trace(worker_client: Client, make_submission: Callable[..., Submission]) -> None:
    made = [make_submission(name).pk for name in ("org/a", "org/b")]
    Submission.objects.update(trace=OUTSIDERS)
    for edition, expected in ((TRACES_SINCE - 1, None), (EDITION, OUTSIDERS)):
        ask = {"worker": "w", "queues": ["cpu"], "engines": ["vllm"], "edition": edition, "nonce": f"{edition:032x}"}
        spec = worker_client.post(reverse("worker-claim"), ask, content_type="application/json").json()
        assert spec.get("trace") == expected
    assert len(made) == 2


def test_without_a_collector_nothing_is_imported_and_nothing_said() -> None:
    program = (
        "import sys, django; django.setup(); import evaluator.worker, leaderboard.tasks\n"
        "from evaluator import tracing\n"
        "with tracing.span('work', {'a': 1}) as span: span.note({'b': 2}); span.failed('x'); span.rename('y')\n"
        "print(tracing.on(), repr(tracing.current()), "
        "[m for m in sys.modules if m.startswith(('opentelemetry.sdk.trace', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False '' []"
