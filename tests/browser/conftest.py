"""A real Chromium against the site as it is served, and what must never happen in it: errors, violations, strangers."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect, sync_playwright
from pytest_django import Settings as DjangoSettings
from pytest_django.live_server_helper import LiveServer

from leaderboard.models import Submission, Suite, User
from tests.leaderboard.pages import made

INSTALL = "Chromium is not here. Install it and run the tests again:\n\n    apt-get install chromium\n"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE = 10_000  # ms: a busy machine is no failure


@pytest.fixture(scope="session", autouse=True)
def collected() -> None:
    call_command("collectstatic", interactive=False, verbosity=0)


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
