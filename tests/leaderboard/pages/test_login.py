import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django.asserts import assertRedirects

from leaderboard.actions.accounts import create_person
from leaderboard.models import Suite, User
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db
GRACE = {"login": "grace", "password": "correct horse"}


@pytest.fixture
def grace(db: None) -> User:
    return create_person(username="grace", password=GRACE["password"])


def test_logging_in_leads_to_the_board(client: Client, grace: User, suite: Suite) -> None:
    assertRedirects(client.post("/login", GRACE), "/")
    header = tree(client.get("/")).one("header", "site")
    assert header.one("span", "who").text == "grace"
    assert header.one("form", action="/logout", method="post")


def test_logging_in_leads_back_to_where_one_was_going(client: Client, grace: User, suite: Suite) -> None:
    page = tree(client.get("/submit?model=org/model", follow=True))
    assert "This page needs an account." in page.one("p", "lede").text
    wanted = page.one("input", name="next")["value"]
    assertRedirects(client.post("/login", {**GRACE, "next": wanted}), "/submit?model=org/model")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil"])
def test_logging_in_never_leads_to_another_site(client: Client, grace: User, suite: Suite, elsewhere: str) -> None:
    assert client.post("/login", {**GRACE, "next": elsewhere})["Location"] == "/"


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"login": "nobody"}, {"login": "grace\x00"}])
def test_a_wrong_name_or_password_is_refused_in_plain_words(client: Client, grace: User, wrong: dict[str, str]) -> None:
    page = tree(client.post("/login", {**GRACE, **wrong}))
    said = [one.text for one in page.all("", "errors")] + [one.text for one in page.all("div", role="alert")]
    assert len(said) == 1 and said[0]
    assert not Session.objects.exists()
    assert page.one("input", name="password").get("value") is None


def test_an_account_without_a_password_cannot_log_in(client: Client, person: User) -> None:
    client.post("/login", {"username": person.username, "password": ""})
    client.post("/login", {"username": person.username, "password": "None"})
    assert not Session.objects.exists()


def test_who_is_logged_in_does_not_log_in_again(member: Client, suite: Suite) -> None:
    assertRedirects(member.get("/login"), "/")


def test_logging_out_takes_a_form(member: Client, suite: Suite) -> None:
    assert member.get("/logout").status_code == 405
    assert Session.objects.exists()
    assertRedirects(member.post("/logout"), "/")
    assert not Session.objects.exists()
    assert tree(member.get("/")).one("header", "site").links()["Log in"] == "/login"


def test_a_form_of_another_site_neither_logs_in_nor_out(grace: User) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login", GRACE).status_code == 403
    client.force_login(grace)
    assert client.post("/logout").status_code == 403
    assert Session.objects.exists()


def test_scripts_cannot_read_the_session(client: Client, grace: User) -> None:
    cookie = client.post("/login", GRACE).cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
