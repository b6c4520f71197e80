from pathlib import Path

import pytest
from django.conf import settings as site
from django.test import Client

from leaderboard.models import Suite
from leaderboard.queries import submissions
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Client:
    """The queue has a bug."""

    def fail() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(submissions, "queue", fail)
    return Client(raise_request_exception=False)


def test_an_unknown_address_is_404(client: Client) -> None:
    reply = client.get("/%3Cscript%3E")
    assert reply.status_code == 404
    assert tree(reply).one("h1").text == "Not found"
    assert b"script%3E" not in reply.content


def test_a_bug_is_500_without_its_details(broken: Client) -> None:
    reply = broken.get("/queue")
    assert reply.status_code == 500
    assert tree(reply).one("h1").text == "Something broke"
    assert b"secret detail" not in reply.content and b"Traceback" not in reply.content


def test_a_request_for_another_host_is_400(client: Client, suite: Suite) -> None:
    reply = client.get("/", headers={"host": "evil.example"})
    assert reply.status_code == 400
    assert tree(reply).one("h1").text == "Bad request"


def test_a_form_that_is_too_old_says_what_to_do(db: None) -> None:
    reply = Client(enforce_csrf_checks=True).post("/login", {})
    assert reply.status_code == 403
    assert "reload the page" in tree(reply).one("p", "lede").text


def test_pages_for_the_worst_case_need_no_manifest(broken: Client) -> None:
    """They name their files without the hash of the content; these are there all the same."""
    found = tree(broken.get("/queue"))
    files = [one.get("src") or one["href"] for one in found.all() if one.tag in {"script", "link"}]
    assert files == ["/static/theme.js", "/static/parity.css", "/static/favicon.svg"]
    assert all((Path(site.STATIC_ROOT) / name.removeprefix("/static/")).is_file() for name in files)
