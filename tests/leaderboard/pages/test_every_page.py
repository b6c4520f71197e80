"""What holds for every page, in every state: strict CSP, nothing inline, sound HTML."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from leaderboard.models import Suite, User, WorkerToken
from tests.leaderboard.pages import every, made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db


@pytest.fixture
def fresh_pages(
    make_submission: made.Make,
    suite: Suite,
    worker_token: WorkerToken,
    person: User,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, HttpResponse]:
    return every.every_page(make_submission, suite, worker_token, person, monkeypatch)


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
            wanted = [element.get("for"), element.get("form"), element.get("data-copy")]
            wanted += [] if "data-json" in element.attributes else [element.get("data-chart")]
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
        "/gap",
        "/claims",
        "/method",
        "/changelog",
    ):
        with django_assert_max_num_queries(8):
            client.get(path)
