"""Accounts from the outside: made, verified, recovered, guarded by a second factor; and where they are logged in."""

import re
import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.usersessions.models import UserSession
from django.contrib.auth import hashers
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from pytest_django import Settings as DjangoSettings
from pytest_django.asserts import assertRedirects

from leaderboard import environment
from leaderboard.actions.accounts import create_person
from leaderboard.actions.errors import Refused
from leaderboard.actions.names import check_name
from leaderboard.environment import ConfigurationError
from leaderboard.models import Owner, Suite, User
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db
EDSGER = {"username": "edsger", "email": "edsger@example.org", "password1": "goto considered"}
LOGIN = {"login": "edsger", "password": "goto considered"}


@pytest.fixture(autouse=True)
def production(settings: DjangoSettings, suite: Suite) -> None:
    """As on a public site."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.SIGNUP_OPEN = True


def link(number: int = -1) -> str:
    """The path of the link in the newest message."""
    found = re.search(r"https?://[^/\s]+(/login/\S+)", str(mail.outbox[number].body))
    assert found
    return found.group(1)


def logged_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.fixture
def edsger(db: None) -> User:
    return create_person(username="edsger", password=LOGIN["password"], email=EDSGER["email"])


def test_an_account_is_made_and_lets_nobody_in_before_its_address_is_verified(client: Client) -> None:
    assertRedirects(client.post("/signup", EDSGER), "/login/verify")
    user = User.objects.get()
    assert (user.owner.name, user.owner.kind, user.is_staff) == ("edsger", Owner.Kind.PERSON, False)
    assert not logged_in(client)
    client.post("/login", LOGIN)
    assert not logged_in(client)
    verify = link()
    assert not EmailAddress.objects.get().verified
    assert client.get(verify).status_code == 200  # a mail program that looks ahead verifies nothing
    assert not EmailAddress.objects.get().verified
    client.post(verify)
    assert EmailAddress.objects.get().verified
    client.post("/login", LOGIN)
    assert logged_in(client)
    assert "does not hold any more" in client.get(verify).content.decode()  # it was used


def test_a_link_that_is_too_old_or_changed_verifies_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.post("/signup", EDSGER)
    verify = link()
    for wrong in (verify[:-1] + ("a" if verify[-1] != "a" else "b"), "/login/verify/" + "x" * 300, "/login/verify/%00"):
        assert client.post(wrong).status_code in {200, 302, 404}
    later = time.time() + 4 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    client.post(verify)
    assert not EmailAddress.objects.get().verified


def test_somebody_elses_address_makes_no_second_account_and_the_reply_says_nothing(
    client: Client, edsger: User
) -> None:
    again = client.post("/signup", {**EDSGER, "username": "barbara"})
    assertRedirects(again, "/login/verify")
    assert User.objects.count() == 1
    assert "signup" not in str(mail.outbox[-1].body) or mail.outbox[-1].to == [EDSGER["email"]]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"password1": "password123"}, "too common"),
        ({"password1": "short"}, "too short"),
        ({"password1": "edsger@example"}, "too similar"),
        ({"username": ""}, "required"),
        ({"username": "ed sger"}, "plain letters"),
        ({"username": "еdsger"}, "plain letters"),  # the first letter is Cyrillic
        ({"username": "a\u202eb"}, "plain letters"),
        ({"username": "x" * 40}, "plain letters"),
        ({"username": "adm1n"}, "taken for the site"),
        ({"username": "grace_"}, "plain letters"),
        ({"username": "gr-ace"}, "looks like"),
        ({"username": "GRACE"}, "looks like"),
        ({"email": "nobody"}, "valid email"),
        ({"email": "a@" + "b" * 300 + ".org"}, "valid email"),
        ({"username": "a\x00b"}, "Null characters"),
    ],
)
def test_what_no_account_can_be_made_of_is_said_beside_its_field(
    client: Client, changed: dict[str, str], words: str
) -> None:
    create_person(username="grace", password=None)
    reply = client.post("/signup", EDSGER | changed)
    assert reply.status_code == 200
    assert words in tree(reply).one("", "errors").text
    assert User.objects.count() == 1


def test_names_that_look_alike_are_one(db: None) -> None:
    Owner.objects.create(kind=Owner.Kind.ORGANISATION, name="open-lab", skeleton=check_name(name="open-lab"))
    for name in ("open-lab", "OPEN-LAB", "openlab", "0pen.lab", "open_1ab", "opeN-laB"):
        with pytest.raises(Refused, match="looks like"):
            check_name(name=name)
    assert check_name(name="open-labs")


def test_a_site_without_e_mail_takes_nobody(client: Client, settings: DjangoSettings) -> None:
    settings.SIGNUP_OPEN = False
    assert "ask them for one" in client.get("/signup").content.decode()
    client.post("/signup", EDSGER)
    assert not User.objects.exists()


def test_passwords_are_kept_by_argon2(settings: DjangoSettings) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.Argon2PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]  # fmt: skip
    kept = hashers.make_password("goto considered")
    assert kept.startswith("argon2$argon2id$")
    assert hashers.check_password("goto considered", kept)


def test_a_forgotten_password_is_changed_by_a_link_that_holds_once(client: Client, edsger: User) -> None:
    inside = Client()
    inside.post("/login", LOGIN)
    assert logged_in(inside)
    known, unknown = (client.post("/login/password", {"email": one}) for one in (EDSGER["email"], "no@example.org"))
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    reset = next(link(number) for number, one in enumerate(mail.outbox) if one.to == [EDSGER["email"]])
    shown = client.get(reset, follow=True)
    form = shown.request["PATH_INFO"]
    assert form.endswith("-set-password")  # the key is in no address that a page with links has
    client.post(form, {"password1": "notes on structure", "password2": "notes on structure"})
    edsger.refresh_from_db()
    assert edsger.check_password("notes on structure")
    assert inside.get("/settings/account").status_code == 302  # other sessions are over
    assert "does not hold any more" in Client().get(reset, follow=True).content.decode()


def code(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def with_second_factor(client: Client) -> str:
    """Turn it on for who logs in with LOGIN; returns the secret."""
    client.post("/login", LOGIN)
    assertRedirects(client.post("/login/again", {"password": LOGIN["password"]}), "/", fetch_redirect_response=False)
    page = tree(client.get("/settings/second-factor/app"))
    secret = page.one("code", "key").text
    assert client.post("/settings/second-factor/app", {"code": code(secret)}).status_code == 302
    return secret


def test_with_a_second_factor_a_password_is_not_enough(client: Client, edsger: User) -> None:
    secret = with_second_factor(client)
    other = Client()
    assertRedirects(other.post("/login", LOGIN), "/login/code")
    assert not logged_in(other)
    assert other.get("/settings/account").status_code == 302
    other.post("/login/code", {"code": "000000"})
    assert not logged_in(other)
    counters = list(yield_hotp_counters_from_time())
    other.post("/login/code", {"code": format_hotp_value(hotp_value(secret, counters[0] + 1000))})
    assert not logged_in(other)
    page = tree(client.get("/settings/second-factor/codes"))
    recovery = page.one("code", id="codes").text.split()
    assert len(recovery) == 10
    other.post("/login/code", {"code": recovery[0]})
    assert logged_in(other)
    third = Client()
    third.post("/login", LOGIN)
    third.post("/login/code", {"code": recovery[0]})  # it was used
    assert not logged_in(third)


def test_the_password_is_said_again_before_anything_about_logging_in_changes(
    client: Client, edsger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/login", LOGIN)

    def asked_again() -> bool:
        return client.get("/settings/second-factor/app").get("Location", "").startswith("/login/again")

    added = client.post("/settings/email", {"action_add": "", "email": "other@example.org"})
    assert added["Location"].startswith("/login/again")
    assert EmailAddress.objects.count() == 1
    assert asked_again()
    assert client.post("/login/again", {"password": "wrong"}).status_code == 200
    assert asked_again()
    client.post("/login/again", {"password": LOGIN["password"]})
    assert not asked_again()
    later = time.time() + 1_000
    monkeypatch.setattr(time, "time", lambda: later)
    assert asked_again()


def browser(agent: str, **more: Any) -> Client:
    client = Client(headers={"user-agent": agent}, **more)
    client.post("/login", LOGIN)
    return client


def test_sessions_are_listed_and_ended(edsger: User) -> None:
    here = browser("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0", REMOTE_ADDR="203.0.113.9")
    there = browser("<script>alert(1)</script>", REMOTE_ADDR="2001:db8::7")
    lines = tree(here.get("/settings/sessions")).one("ul", "places").all("li")
    assert "Firefox on Linux" in lines[0].text and "this browser" in lines[0].text and "203.0.113.9" in lines[0].text
    assert "An unknown program" in lines[1].text and "2001:db8::7" in lines[1].text
    key = there.session.session_key
    assert key and key not in here.get("/settings/sessions").content.decode()
    assertRedirects(
        here.post("/settings/sessions/end", {"session": UserSession.objects.get(session_key=key).pk}),
        "/settings/sessions",
    )
    assert there.get("/settings/account").status_code == 302
    assert here.get("/settings/account").status_code == 200
    browser("curl/8.0")
    here.post("/settings/sessions/end")
    assert list(Session.objects.values_list("pk", flat=True)) == [here.session.session_key]


@pytest.mark.parametrize("number", ["1", "x", "-1", "9" * 30, "１"])
def test_nobody_ends_anothers_session(edsger: User, member: Client, number: str) -> None:
    theirs = browser("curl/8.0")
    UserSession.objects.update(id=1)
    assert member.post("/settings/sessions/end", {"session": number}).status_code == 404
    assert theirs.get("/settings/account").status_code == 200


def test_other_sites_vouch_only_where_the_operator_said_so(client: Client, settings: DjangoSettings) -> None:
    assert [client.post(path).status_code for path in ("/login/github", "/login/with/huggingface")] == [404, 404]
    settings.SOCIALACCOUNT_PROVIDERS = environment.providers(
        {"PARITY_GITHUB": "id-1:secret-1", "PARITY_HUGGINGFACE": "id-2:secret-2"}
    )
    page = tree(client.get("/login"))
    assert [one.text for one in page.all("button", "wide")] == ["Go on with GitHub", "Go on with Hugging Face"]
    assert client.get("/login/github").status_code == 200  # asks first: another site's link must not begin it
    away = client.post("/login/github")["Location"]
    assert away.startswith("https://github.com/login/oauth/authorize?") and "secret-1" not in away
    assert "state=" in away and "code_challenge=" in away
    assert client.post("/login/with/elsewhere").status_code == 404


@pytest.mark.parametrize("wrong", ["x", "x:", ":y"])
def test_half_of_what_a_provider_needs_is_refused_in_words(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="PARITY_GITHUB"):
        environment.providers({"PARITY_GITHUB": wrong})
