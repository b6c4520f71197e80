"""A real Chromium against the site as it is served, and what must never happen in it: errors, violations, strangers."""

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as site
from django.db import transaction
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect, sync_playwright
from pytest_django import Settings as DjangoSettings
from pytest_django.live_server_helper import LiveServer

from evaluator.contract import EDITION
from leaderboard.actions.keep_workload import make_workload
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.transitions import move_submission
from leaderboard.actions.webhooks import add_webhook
from leaderboard.actions.workload_drafts import hold_draft
from leaderboard.actions.workload_versions import leave_out_items
from leaderboard.models import (
    Delivery,
    Model,
    Owner,
    Revision,
    Snapshot,
    Submission,
    Suite,
    SuiteTask,
    User,
    WorkerToken,
)  # fmt: skip
from leaderboard.workloads.upload import Upload
from tests.conftest import release_suite
from tests.leaderboard.pages import answered, made

INSTALL = "Chromium is not here. Install it and run the tests again:\n\n    apt-get install chromium\n"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE = 30_000  # ms: a busy machine is no failure


def program() -> str:
    """Where Chromium is. A machine without it fails: a skipped test guards nothing."""
    found = shutil.which("chromium") or shutil.which("/usr/bin/chromium")
    if found is None:
        pytest.fail(INSTALL, pytrace=False)
    return found


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of this folder that follow each other.

    Playwright's event loop runs in this thread while it is open, and Django refuses its database to a thread with a
    running loop, lest it blocks one. Tests are what blocks here, and only here: hence the variable, for as long.
    """
    executable = program()
    expect.set_options(timeout=PATIENCE)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Watch:
    """What went wrong in a page. `expected` are parts of console messages that a test provokes."""

    site: str
    expected: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        page.on("console", self.heard)
        page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        page.on("dialog", lambda dialog: (self.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", self.asked)
        page.on("response", self.answered)

    def heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(part in message.text for part in self.expected):
            self.problems.append(f"{message.type}: {message.text}")

    def asked(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in {"data", "about"} and not request.url.startswith(f"{self.site}/"):
            self.problems.append(f"a request to {request.url}")

    def answered(self, response: Response) -> None:
        if response.status >= 500:
            self.problems.append(f"{response.status} {response.url}")


@dataclass
class Visit:
    """A reader's window, and what went wrong in it."""

    page: Page
    watch: Watch


Open = Callable[..., Visit]


@pytest.fixture
def visits(chromium: Browser, live_server: LiveServer) -> Iterator[Open]:
    """Opens windows; at the end none may have had a problem."""
    opened: list[Visit] = []

    def visit(*, user: User | None = None, **options: Any) -> Visit:
        context = chromium.new_context(base_url=live_server.url, **options)
        context.set_default_timeout(PATIENCE)
        if user:
            client = Client()
            client.force_login(user)
            cookie = client.cookies[site.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": site.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        opened.append(Visit(context.new_page(), Watch(live_server.url)))
        opened[-1].watch.over(opened[-1].page)
        return opened[-1]

    yield visit
    for one in opened:
        one.page.context.close()
    assert [problem for one in opened for problem in one.watch.problems] == []


@pytest.fixture
def page(visits: Open) -> Page:
    """A reader who is not logged in."""
    return visits().page


@pytest.fixture(autouse=True)
def quick_passwords(settings: DjangoSettings) -> None:
    """The real hash takes half a second by design."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def board(live_server: LiveServer, make_submission: made.Make, suite: Suite) -> dict[str, Submission]:
    return made.ranked(make_submission, suite)


def wide_workload(owner: Owner) -> tuple[int, int]:
    """A workload and an upload to it, with texts that have no spaces; their keys."""
    assert owner.user is not None
    row = {"prompt": "p" * 900, "reference": ["r" * 900, "\u202e" * 300], "production": "a" * 900, "system": "s" * 900,
           "tags": ["t" * 60, "u" * 60], "choices": ["c" * 500, "d" * 500]}  # fmt: skip
    rows: list[dict[str, Any]] = [row | {"id": f"{n}{'i' * 190}"} for n in range(3)]
    wide = {"kind": "exact", "extract": "x" * 900}
    version = make_workload(owner=owner, maker=owner.user, name="n" * 80, items=rows, scoring=wide)
    key = version.workload_id
    leave_out_items(owner=owner, maker=owner.user, workload=key, number=1, places=[1], reason="w" * 200)
    rows[0] |= {"c" * 300: "v" * 900, "mail": f"{'m' * 60}@{'d' * 60}.example.org"}
    body = "".join(json.dumps(one) + "\n" for one in rows).encode()
    upload = Upload(io.BytesIO(body), name="f" * 200 + ".jsonl").read()
    held = hold_draft(owner=owner, workload=None, source=io.BytesIO(body), size=len(body), upload=upload)
    return key, held.pk


LONG = "o" * 96 + "/" + "m" * 96


def long_samples(make_submission: made.Make, token: WorkerToken) -> tuple[Submission, Submission]:
    """Two measured submissions whose prompts, answers and targets are long, or read from the right."""
    wide = {
        "prompts": ("p" * 5_000,),
        "responses": ("\u202e" * 500,),
        "answers": {"f" * 90: "a" * 900},
        "target": "t" * 900,
    }
    likely = {
        "prompts": ("p" * 900 + "␟" + "c" * 900, "p" * 900 + "␟b"),
        "responses": ("(-1.5, True)", "(-99999.5, False)"),
    }
    sampled = made.measure(make_submission(LONG, sha="d" * 40), token, [1.0] * 30, {0: wide, 1: likely})
    return sampled, made.measure(make_submission("org/odd"), token, [0.0, 1.0] * 15, {0: wide, 2: likely})


def in_every_state(make_submission: made.Make, suite: Suite, token: WorkerToken) -> list[Submission]:
    """One on the board whose model's names are long, one that failed, one that two workers of long names run of the
    three it could have, one that waits."""
    long = made.succeed(make_submission(LONG), 55.5)
    Model.objects.filter(name=LONG).update(licence="l" * 100, base_model="b" * 200)
    Model.objects.filter(name__startswith="org/").update(base_model=LONG)
    Revision.objects.update(parameters=7_000_000_000)
    build_snapshot(suite=suite)
    failed = made.end(
        make_submission("org/failed"), "failed", error_message="x" * 2_000, provenance={"p" * 90: "v" * 900}
    )
    running = made.split(make_submission(LONG, sha="b" * 40), 3)
    for name in ("v" * 150, "w" * 150):
        made.beat(made.claim(token, name, EDITION), done=1, total=3, log="y" * 3_000)
    return [long, failed, running, make_submission("org/queued")]


def told_in_vain(make_submission: made.Make, owner: Owner) -> None:
    """Ends that a webhook and an e-mail announce: what is told of the one cannot be delivered."""
    add_webhook(owner=owner, url="https://hooks.example.org/" + "h" * 470)
    User.objects.update(email="e" * 60 + "@" + "d" * 60 + ".example.org")
    for name in (LONG.replace("o", "p"), "org/told"):
        told = make_submission(name, sha="c" * 40)
        with transaction.atomic():
            move_submission(submission=told.pk, before="queued", after="cancelled", actor="tester")
    Delivery.objects.filter(submission=told).update(state="dead", last_error="z" * 400)


def long_suites(make_submission: made.Make, suite: Suite) -> None:
    """Answers of several models to compare, a task whose names are long, and a suite that says a lot of itself."""
    answered.answered(make_submission, suite, [[0.0, 1.0, 1.0, 0.0] * 8, [0.0, 1.0, 0.0, 1.0] * 8] * 3)
    SuiteTask.objects.create(suite=suite, position=9, task="t" * 120, title="T" * 120, metric="m" * 60, filter="f" * 60)
    for snapshot in Snapshot.objects.all():  # released suites gain no tasks elsewhere
        build_snapshot(suite=snapshot.suite)
    release_suite("d" * 900)


FIXED = (
    "/settings/notices", "/workloads/", "/workloads/new", "/workloads/0",
    "/", "/?search=nobody", "/?sort=-alpha", "/?suite=none", "/queue", "/status", "/api/docs",
    "/suites/", "/suites/tiny/2", "/suites/" + "x" * 300 + "/1", "/tasks/alpha", "/tasks/" + "t" * 120,
    "/submit?model=" + "x" * 300,
    "/models/", "/models/?search=nobody&kind=open", f"/models/{LONG}", "/models/org/best", "/models/org/failed",
    "/models/org/unknown" + "x" * 300, "/login", "/nothing",
    "/claims", "/changelog", "/method", f"/items/alpha/{hashlib.sha256(b'alpha1').hexdigest()}",
    "/gap", "/gap?suite=tiny@1&task=alpha", "/compare", "/diff/s1/s999999",
)  # fmt: skip
"""The addresses that name no submission and no workload."""


@pytest.fixture
def addresses(
    board: dict[str, Submission],
    make_submission: made.Make,
    suite: Suite,
    worker_token: WorkerToken,
    owner: Owner,
    files: Path,
) -> list[str]:
    """Every page, in several states, with names and texts that are as long as they can be."""
    Owner.objects.filter(pk=owner.pk).update(name="w" * 150)
    sampled, odd = long_samples(make_submission, worker_token)
    rows = [*in_every_state(make_submission, suite, worker_token), board["org/best"], board["other/none"]]
    told_in_vain(make_submission, owner)
    long_suites(make_submission, suite)
    kept, held = wide_workload(owner)
    beside = f"m=s{sampled.pk}&m=s{odd.pk}&m=s{board['org/best'].pk}"
    samples = f"/submissions/{sampled.pk}/samples/alpha"
    return [
        *FIXED,
        f"/workloads/new?to={kept}", f"/workloads/{kept}", f"/workloads/{kept}/items",
        f"/workloads/{kept}/items?show=out", f"/workloads/{kept}/scoring",
        f"/workloads/drafts/{held}", f"/workloads/drafts/{held}/scoring",
        f"/suites/tiny/1?pin=s{sampled.pk}", samples, f"{samples}?q=p&answered=yes",
        f"/compare?m=s{sampled.pk}", f"/compare?{beside}", f"/compare?{beside}&margin=x",
        f"/diff/s{sampled.pk}/s{odd.pk}", f"/diff/s{sampled.pk}/s{board['org/best'].pk}",
        *(f"/submissions/{row.pk}" for row in rows),
    ]  # fmt: skip
