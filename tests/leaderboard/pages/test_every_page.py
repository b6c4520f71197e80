"""What holds for every page, in every state: strict CSP, nothing inline, no writes, sound HTML."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, get_resolver, reverse

from evaluator.contract import Price, Spent
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Submission, Suite, User, WorkerToken
from leaderboard.queries import submissions
from tests.conftest import release_suite
from tests.leaderboard import endpoints
from tests.leaderboard.endpoints import generated_suite
from tests.leaderboard.pages import answered, made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
PRICE = Price(input=1.0, output=4.0, cached=0.1)
SPENT = Spent(
    requests=40, input_tokens=30_000, output_tokens=9_000, cached_tokens=2_000, dollars=1.25, errors={"429": 3},
    unknown=1, p50_seconds=0.8, p95_seconds=2.5, p50_first_token_seconds=0.2,
)  # fmt: skip
STATES = [state.value for state in Submission.State if state != Submission.State.PAUSED]
"""Endpoints alone are paused."""


@pytest.fixture
def fresh_pages(
    make_submission: made.Make,
    suite: Suite,
    worker_token: WorkerToken,
    person: User,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, HttpResponse]:
    """Every page in every shape it takes, as its reader gets it."""
    client, member, strict = Client(raise_request_exception=False), Client(), Client(enforce_csrf_checks=True)
    member.force_login(person)
    got = {"board, empty": client.get("/")}
    for state in STATES:
        row = made.in_state(state, make_submission, worker_token)
        reader = member if state in {"queued", "running"} else client
        got[f"submission, {state}"] = reader.get(f"/submissions/{row.pk}")
        got[f"submission, {state}, part"] = reader.get(f"/submissions/{row.pk}", headers=HTMX)
        if state not in {"succeeded", "rejected", "failed", "cancelled", "quarantined", "retracted"}:
            got[f"queue, {state}"] = client.get("/queue")
            got[f"status, {state}"] = client.get("/status")
            made.end(row, "cancelled")
    choices = {"prompts": ("Q␟ a", "Q␟ b"), "responses": ("(-1.0, True)", "(-2.0, False)"), "target": "0"}
    row = made.measure(make_submission("org/sampled"), worker_token, [1.0, 0.5] * 15, {0: choices, 4: choices})
    samples = f"/submissions/{row.pk}/samples/alpha"
    got |= {
        "samples": client.get(samples),
        "samples, wrong": client.get(f"{samples}?show=wrong"),
        "samples, page": client.get(f"{samples}?page=2"),
        "samples, no page": client.get(f"{samples}?page=3"),
        "samples, unknown": client.get(f"{samples}x"),
    }
    other = made.measure(make_submission("org/other"), worker_token, [1.0, 1.0, 0.5] * 10, {0: choices})
    both = f"m=s{row.pk}&m=s{other.pk}"
    got |= {
        "compare, form": client.get("/compare"),
        "compare, one": client.get(f"/compare?m=s{row.pk}"),
        "compare": client.get(f"/compare?{both}"),
        "compare, bad": client.get(f"/compare?{both}&margin=x"),
        "diff": client.get(f"/diff/s{row.pk}/s{other.pk}"),
        "diff, regressed": client.get(f"/diff/s{row.pk}/s{other.pk}?show=regressed&task=alpha"),
        "diff, unknown": client.get(f"/diff/s{row.pk}/s0"),
    }
    made.ranked(make_submission, suite)
    got |= {
        "board": client.get("/?kind=proprietary"),
        "board, logged in": member.get("/?sort=-alpha"),
        "board, part": client.get("/", headers=HTMX),
        "board, picked": client.get("/?col=alpha&w.alpha=2&w.beta=1&scores=percentile"),
        "board, pinned": client.get(f"/?pin=s{row.pk}&open=s{row.pk}&pin=s{other.pk}"),
        "board, bad pin": client.get("/?pin=x"),
        "embed": client.get("/embed?suite=tiny@1"),
        "embed, empty": client.get("/embed?suite=tiny@1&search=nobody"),
        "board, no match": client.get("/?search=nobody"),
        "board, bad sort": client.get("/?sort=x"),
        "board, unknown": client.get("/?suite=x"),
        "queue": client.get("/queue"),
        "queue, part": client.get("/queue", headers=HTMX),
        "status": client.get("/status"),
        "status, part": client.get("/status", headers=HTMX),
        "models": client.get("/models/"),
        "models, none": client.get("/models/?search=nobody"),
        "models, bad": client.get("/models/?kind=x"),
        "model": client.get("/models/org/best"),
        "model, unknown": client.get("/models/org/nothing"),
        "suites": client.get("/suites/"),
        "suite": client.get("/suites/tiny/1"),
        "suite, unknown": client.get("/suites/tiny/9"),
        "task, few models": client.get("/tasks/alpha"),
        "task, unknown": client.get("/tasks/nothing"),
        "submit": member.get("/submit"),
        "submit, wrong": member.post("/submit", {"model": "a", "suite": "x"}),
        "notices, empty": member.get("/settings/notices"),
        "notices, wrong": member.post("/settings/notices", {"url": "https://127.0.0.1/"}),
        "notices, added": member.post("/settings/notices", {"url": "https://hooks.example.org/"}),
        "tco": client.get("/tco"),
        "tco, wrong": client.get("/tco?price=x&curve=y&own_input=1"),
        "tco, calculated": client.get("/tco?throughput=900&price=2&own_input=1&own_output=4&cached=20"),
        "tco, part": client.get("/tco?throughput=900&price=2&own_input=1&own_output=4", headers=HTMX),
        "login": client.get("/login?next=/submit"),
        "login, wrong": client.post("/login", {"username": "a", "password": "b"}),
        "login, logged in": member.get("/login"),
        "logout": client.get("/logout"),
        "cancel": client.post("/submissions/1/cancel"),
        "api": client.get("/api/docs"),
        "404": client.get("/nothing"),
        "403": strict.post("/login"),
        "400": client.get("/", headers={"host": "evil.example"}),
    }
    generated_suite()
    got |= {
        "submit endpoint": member.get("/submit/endpoint"),
        "submit endpoint, wrong": member.post("/submit/endpoint", {"base_url": "https://127.0.0.1/", "suite": "x"}),
    }
    at_endpoint, spec = endpoints.running(person.owner, worker_token, price=PRICE, budget_dollars=2.0)
    endpoints.beat(spec, SPENT)
    address = f"/submissions/{at_endpoint.pk}"
    got |= {"endpoint, running": client.get(address), "endpoint, part": client.get(address, headers=HTMX)}
    endpoints.fail(spec, "budget", code="budget", message="The budget of $2.00 is used up.", spent=SPENT)
    got |= {
        "endpoint, paused": member.get(address),
        "endpoint, paused, part": member.get(address, headers=HTMX),
        "drift, nothing": client.get(f"/endpoints/{at_endpoint.use.endpoint_id}/drift"),
        "submit endpoint, again": member.get(f"/submit/endpoint?again={at_endpoint.pk}"),
    }
    rejected = endpoints.submitted(person.owner, model="another")
    got["endpoint, validating"] = member.get(f"/submissions/{rejected.pk}")
    endpoints.fail(endpoints.claimed(worker_token), "model", code="unauthorised", message="It answered 401.")
    got["endpoint, rejected"] = member.get(f"/submissions/{rejected.pk}")
    answered.answered(make_submission, suite, [[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]] * 3)
    got |= {"task": client.get("/tasks/alpha"), "suite, spread": client.get("/suites/tiny/1")}
    second = release_suite("Another version.")
    got |= {
        "suite, changed": client.get(f"/suites/tiny/{second.version}"),
        "suite, older": client.get("/suites/tiny/1"),
    }
    made.many(make_submission, suite, 60)
    got["board, pages"] = client.get("/?page=2")
    monkeypatch.setattr(submissions, "queue", lambda: 1 / 0)
    return got | {"500": client.get("/queue")}


@pytest.fixture(scope="module")
def kept() -> dict[str, HttpResponse]:
    return {}


@pytest.fixture
def pages(kept: dict[str, HttpResponse], request: pytest.FixtureRequest) -> dict[str, HttpResponse]:
    """Made for the first test that asks, and shared: a reply does not change any more."""
    if not kept:
        kept.update(request.getfixturevalue("fresh_pages"))
    return kept


@pytest.fixture
def documents(pages: dict[str, HttpResponse]) -> dict[str, Element]:
    return {name: tree(reply) for name, reply in pages.items() if reply.content}


def test_the_policy_allows_nothing_inline_and_nobody_else(pages: dict[str, HttpResponse]) -> None:
    for name, reply in pages.items():
        policy = {part.split()[0]: part.split()[1:] for part in reply["Content-Security-Policy"].split(";")}
        assert policy == {
            "default-src": ["'none'"],
            "script-src": ["'self'"],
            "style-src": ["'self'"],
            "img-src": ["'self'", "data:"],
            "font-src": ["'self'"],
            "connect-src": ["'self'"],
            "form-action": ["'self'"],
            "base-uri": ["'none'"],
            "frame-ancestors": ["*"] if name.startswith("embed") else ["'none'"],
        }, name


def test_security_headers_are_on_every_reply(pages: dict[str, HttpResponse]) -> None:
    for name, reply in pages.items():
        assert reply["X-Content-Type-Options"] == "nosniff", name
        # A wrong host is refused before that middleware's turn; the policy's frame-ancestors says the same.
        framed = None if name == "400" or name.startswith("embed") else "DENY"
        assert reply.get("X-Frame-Options") == framed, name
        assert reply["Referrer-Policy"] == "strict-origin-when-cross-origin", name
        opened = "unsafe-none" if name == "api" else "same-origin"  # drf-spectacular's, for windows that log in
        assert reply["Cross-Origin-Opener-Policy"] == opened, name


def test_no_page_has_inline_script_style_or_handlers(documents: dict[str, Element]) -> None:
    for name, document in documents.items():
        assert not document.all("style"), name
        for script in document.all("script"):
            if script.get("type") == "application/json":  # what a chart is drawn from; nothing in it runs
                assert isinstance(json.loads(script.raw), dict) and "src" not in script.attributes, name
                continue
            assert script["src"].startswith("/static/") and not script.children, name
        for element in document.walk():
            inline = [one for one in element.attributes if re.match(r"style$|on|(data-)?hx-on|(data-)?hx-vals", one)]
            assert not inline, (name, element.tag, inline)


def test_no_page_needs_another_site(documents: dict[str, Element]) -> None:
    for name, document in documents.items():
        for element in document.walk():
            if element.tag == "a" and element.get("rel") == "noreferrer":
                continue  # a source, for who wants to read it
            for attribute in ("href", "src", "action", "hx-get", "hx-post"):
                address = element.get(attribute)
                assert address is None or re.match(r"/(?!/)|\?|#", address), (name, attribute, address)


def test_every_id_is_there_once_and_every_reference_finds_its_own(documents: dict[str, Element]) -> None:
    for name, document in documents.items():
        ids = [element["id"] for element in document.walk() if "id" in element.attributes]
        assert len(ids) == len(set(ids)), name
        if name.endswith(", part"):
            continue
        for element in document.walk():
            wanted = [element.get("for"), element.get("form"), element.get("data-copy"), element.get("data-chart")]
            wanted += [
                *(element.get("aria-describedby") or "").split(),
                *(element.get("aria-labelledby") or "").split(),
            ]
            wanted += [target.removeprefix("#") for target in [element.get("hx-target")] if target]
            wanted += [element["href"][1:]] if (element.get("href") or "").startswith("#") else []
            assert not {one for one in wanted if one} - set(ids), (name, element)


def test_every_form_that_writes_carries_the_token_and_every_control_a_label(documents: dict[str, Element]) -> None:
    for name, document in documents.items():
        for form in document.all("form"):
            assert bool(form.all("input", name="csrfmiddlewaretoken")) == (form["method"] == "post"), name
        labelled = {label.get("for") for label in document.all("label")}
        labelled |= {one.get("id") for label in document.all("label") for one in label.all("input")}
        for control in document.walk():
            if control.tag in {"input", "select"} and control.get("type") not in {"hidden", "radio"}:
                assert control.get("id") in labelled, (name, control)
        for button in [*document.all("button"), *document.all("a")]:
            assert button.text or button.get("aria-label"), (name, button)


def test_every_page_has_its_frame_and_a_title_of_its_own(documents: dict[str, Element]) -> None:
    titles: dict[str, str] = {}
    for name, document in documents.items():
        if name.endswith(", part"):
            assert not document.all("html"), name
            continue
        assert document.one("html")["lang"] == "en", name
        assert len(document.all("h1")) == len(document.all("main")) == 1, name
        assert "width=device-width" in document.one("meta", name="viewport")["content"], name
        titles[name] = document.one("html").one("title").text
        assert titles[name].endswith(" · Parity"), name
    assert len(set(titles.values())) >= 15


# Every route, by its name: what GET answers to everybody, and to somebody who is logged in.
ROUTES: dict[str, tuple[int, int]] = {
    "board": (200, 200),
    "board-csv": (200, 200),
    "board-json": (200, 200),
    "board-parquet": (200, 200),
    "board-embed": (200, 200),
    "badge": (200, 200),
    "badge-alone": (404, 404),  # the model has an organisation
    "submit": (302, 200),
    "queue": (200, 200),
    "status": (200, 200),
    "submission": (200, 200),
    "samples": (200, 200),
    "cancel": (302, 405),
    "retry": (302, 405),
    "models": (200, 200),
    "resume": (302, 405),
    "submit-endpoint": (302, 200),
    "model": (200, 200),
    "model-history": (404, 404),  # of no model
    "model-scores": (404, 404),
    "suites": (200, 200),
    "suite": (200, 200),
    "suite-scores": (200, 200),
    "suite-sizes": (200, 200),
    "task": (200, 200),
    "task-items": (200, 200),
    "drift": (404, 404),  # there is no endpoint
    "drift-csv": (404, 404),
    "api-drift": (404, 404),
    "api-reliability": (400, 400),  # of no model
    "compare": (200, 200),
    "compare-csv": (400, 400),  # of nothing
    "diff": (404, 404),  # there is but one evaluation
    "api-compare": (400, 400),
    "api-diff": (404, 404),
    "tco": (200, 200),
    "tco-csv": (200, 200),
    "api-tco": (200, 200),
    "notices": (302, 200),
    "notices-mail": (302, 405),
    "webhook-disable": (302, 405),
    "delivery-again": (302, 405),
    "login": (200, 302),
    "logout": (405, 405),
    "api-submissions": (200, 200),
    "api-submission": (200, 200),
    "api-cancel": (405, 405),
    "api-retry": (405, 405),
    "api-resume": (405, 405),
    "api-quota": (401, 401),
    "api-samples": (200, 200),
    "api-leaderboard": (200, 200),
    "api-models": (200, 200),
    "api-model": (404, 404),  # there is no model "model"
    "api-revisions": (200, 200),
    "api-results": (200, 200),
    "api-lm-eval": (200, 200),
    "api-eval-results": (200, 200),
    "api-items": (400, 400),  # of no task
    "api-bulk": (405, 405),
    "api-changelog": (200, 200),
    "api-workers": (401, 401),
    "api-suites": (200, 200),
    "api-suite": (200, 200),
    "api-tasks": (200, 200),
    "api-task": (200, 200),
    "api-webhooks": (401, 401),
    "api-webhook": (401, 401),
    "api-deliveries": (401, 401),
    "api-redeliver": (405, 405),
    "api-status": (200, 200),
    "api-schema": (200, 200),
    "api-docs": (200, 200),
    "model-alone": (404, 404),  # there is no model "model"
    "worker-claim": (405, 405),
    "worker-hello": (405, 405),
    "worker-bundle": (401, 401),
    "worker-heartbeat": (405, 405),
    "worker-chunk": (405, 405),
    "worker-results": (405, 405),
    "worker-preflight": (405, 405),
    "worker-failure": (405, 405),
}


def routes() -> Iterator[URLPattern]:
    patterns = get_resolver().url_patterns
    assert all(isinstance(pattern, URLPattern) for pattern in patterns), "an include() needs its routes listed too"
    yield from patterns


def address(route: URLPattern, submission: int) -> str:
    known = {
        "pk": submission, "job": submission, "attempt": 1, "sequence": 0, "digest": "0" * 64, "organisation": "org",
        "name": "model", "task": "alpha", "suite": "tiny", "version": "1", "slug": "tiny@1",
        "first": "s1", "second": "s2",
    }  # fmt: skip
    assert route.name
    return reverse(route.name, kwargs={name: known[name] for name in route.pattern.converters})


@pytest.fixture
def row(make_submission: made.Make, suite: Suite) -> Submission:
    row = made.succeed(make_submission(), 50.0)
    build_snapshot(suite=suite)
    return row


def writes(queries: CaptureQueriesContext) -> list[str]:
    """What was written, sessions aside."""
    return [
        query["sql"]
        for query in queries
        if not re.match(r"SELECT|SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT", query["sql"])
        and '"django_session"' not in query["sql"]
    ]


def test_every_route_is_listed_with_its_permissions() -> None:
    assert {route.name for route in routes()} == set(ROUTES)


@pytest.mark.parametrize(("method", "headers"), [("get", {}), ("get", HTMX), ("head", {}), ("options", {})])
def test_no_reading_of_any_route_writes(
    client: Client, member: Client, row: Submission, method: str, headers: dict[str, str]
) -> None:
    for route in routes():
        for reader, expected in zip((client, member), ROUTES[route.name], strict=True):
            with CaptureQueriesContext(connection) as queries:
                reply = getattr(reader, method)(address(route, row.pk), headers=headers)
            assert writes(queries) == [], route.name
            if method == "get":
                ended = route.name == "submission" and headers
                assert reply.status_code == (286 if ended else expected), route.name
            assert reply.status_code < 500, route.name


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_unknown_writes_anywhere(client: Client, row: Submission, method: str) -> None:
    for route in routes():
        with CaptureQueriesContext(connection) as queries:
            reply = getattr(client, method)(address(route, row.pk), {}, content_type="application/json")
        assert writes(queries) == [], route.name
        shown_again = route.name == "login" and method in {"post", "put"}  # the form, with what is wrong
        assert reply.status_code == 200 if shown_again else reply.status_code in {302, 401, 405}, route.name


def test_queries_of_no_page_grow_with_what_is_stored(
    client: Client, make_submission: made.Make, suite: Suite, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    made.many(make_submission, suite, 30)
    for path in (
        "/",
        "/queue",
        "/status",
        "/models/",
        "/submissions/1",
        "/login",
        "/suites/",
        "/suites/tiny/1",
    ):
        with django_assert_max_num_queries(8):
            client.get(path)
