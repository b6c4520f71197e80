"""Organisations and their tokens: who sees, who acts, who governs, and what ends with a membership."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings as DjangoSettings
from pytest_django.asserts import assertRedirects

from leaderboard import last_used
from leaderboard.actions.accounts import create_person
from leaderboard.actions.api_tokens import MOST, keep_last_used, make_api_token
from leaderboard.actions.errors import Conflict, Refused
from leaderboard.actions.organisations import add_member, change_role, make_organisation, remove_member
from leaderboard.models import ApiToken, Audit, Membership, Owner, Submission, Suite, User
from leaderboard.queries.quota import allowances
from tests.leaderboard.pages.html import tree
from tests.together import together

pytestmark = pytest.mark.django_db
PATH = "/api/v1/submissions/"
BODY = {"suite": "tiny@1", "model": "org/model"}


@pytest.fixture
def grace(db: None) -> User:
    return create_person(username="grace", password=None)


@pytest.fixture
def laboratory(person: User) -> Owner:
    return make_organisation(name="laboratory", user=person)


def logged_in(user: User, organisation: Owner | None = None) -> Client:
    client = Client()
    client.force_login(user)
    if organisation:
        client.post("/settings/organisations/act", {"organisation": organisation.pk})
    return client


def called(token: str, path: str = PATH, body: dict[str, str] | None = None) -> int:
    headers = {"authorization": f"Bearer {token}"}
    return Client().post(path, body or BODY, content_type="application/json", headers=headers).status_code


def test_a_member_submits_for_the_organisation_and_its_quota_pays(
    person: User, laboratory: Owner, suite: Suite, settings: DjangoSettings
) -> None:
    settings.ORGANISATION_CAPS = {**settings.ORGANISATION_CAPS, "day": 7}
    client = logged_in(person, laboratory)
    assert "ada for laboratory" in tree(client.get("/")).one("span", "who").text
    client.post("/submit", {**BODY, "engine": "vllm", "dtype": "auto"})
    row = Submission.objects.get()
    assert (row.owner, row.submitter) == (laboratory, person)
    assert next((one.cap, one.used) for one in allowances(laboratory)) == (7, 1)
    assert allowances(person.owner)[0].used == 0
    assert tree(client.get(f"/submissions/{row.pk}")).all("form", action=f"/submissions/{row.pk}/cancel")
    client.post("/settings/organisations/act")
    assert not tree(client.get(f"/submissions/{row.pk}")).all("form", action=f"/submissions/{row.pk}/cancel")
    assert client.post(f"/submissions/{row.pk}/cancel").status_code == 404


def test_a_viewer_sees_and_changes_nothing(person: User, grace: User, laboratory: Owner, suite: Suite) -> None:
    add_member(organisation=laboratory.pk, username="grace", role="viewer", user=person)
    make_api_token(owner=laboratory, user=person, name="nightly", scopes=["submit"], days=30)
    client = logged_in(grace, laboratory)
    page = tree(client.get("/settings/tokens"))
    assert "nightly" in page.one("ul", "tokens").text and not page.all("form", action="/settings/tokens")
    for path, body in (
        ("/submit", {**BODY, "engine": "vllm", "dtype": "auto"}),
        ("/settings/tokens", {"name": "x", "days": "30"}),
        ("/settings/notices", {"url": "https://hooks.example.org/"}),
        (f"/settings/organisations/{laboratory.pk}", {"username": "ada", "role": "viewer"}),
        (f"/settings/organisations/{laboratory.pk}/role", {"person": grace.pk, "role": "owner"}),
        (f"/settings/organisations/{laboratory.pk}/remove", {"person": person.pk}),
    ):
        assert client.post(path, body).status_code == 403, path
    assert Membership.objects.get(user=grace).role == "viewer"
    assert not Submission.objects.exists() and ApiToken.objects.count() == 1


def test_who_is_removed_is_out_at_once_and_their_tokens_end(
    person: User, grace: User, laboratory: Owner, suite: Suite
) -> None:
    add_member(organisation=laboratory.pk, username="GRACE", role="member", user=person)
    client = logged_in(grace, laboratory)
    token = make_api_token(owner=laboratory, user=grace, name="x", scopes=["submit"], days=7)
    assert called(token) == 201
    remove_member(organisation=laboratory.pk, person=grace.pk, user=person)
    assert called(token, body=BODY | {"model": "org/other"}) == 401
    assert client.get(f"/settings/organisations/{laboratory.pk}").status_code == 404
    client.post("/submit", {**BODY, "model": "org/own", "engine": "vllm", "dtype": "auto"})
    assert Submission.objects.latest("pk").owner == grace.owner


def test_who_only_reads_from_now_on_loses_their_tokens(person: User, grace: User, laboratory: Owner) -> None:
    add_member(organisation=laboratory.pk, username="grace", role="member", user=person)
    make_api_token(owner=laboratory, user=grace, name="x", scopes=[], days=7)
    change_role(organisation=laboratory.pk, person=grace.pk, role="viewer", user=person)
    assert ApiToken.objects.get().revoked_at is not None
    assert list(Audit.objects.values_list("action", flat=True)) == [
        "make_organisation", "add_member", "make_token", "change_role",
    ]  # fmt: skip


def test_an_organisation_keeps_an_owner(person: User, grace: User, laboratory: Owner) -> None:
    for act in (
        lambda: remove_member(organisation=laboratory.pk, person=person.pk, user=person),
        lambda: change_role(organisation=laboratory.pk, person=person.pk, role="viewer", user=person),
    ):
        with pytest.raises(Conflict, match="only owner"):
            act()
    add_member(organisation=laboratory.pk, username="grace", role="owner", user=person)
    remove_member(organisation=laboratory.pk, person=person.pk, user=person)
    assert Membership.objects.get().user == grace


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_once_do_not_both_leave(person: User) -> None:
    grace = create_person(username="grace", password=None)
    laboratory = make_organisation(name="laboratory", user=person)
    add_member(organisation=laboratory.pk, username="grace", role="owner", user=person)

    def leave(user: User) -> Callable[[], None]:
        return lambda: remove_member(organisation=laboratory.pk, person=user.pk, user=user)

    outcomes = together(leave(person), leave(grace))
    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict", "NoneType"]
    assert Membership.objects.count() == 1


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "laboratоry", "1aboratory", "LABORATORY", "la\u200bb", "x" * 40, "admin"]
)
def test_names_that_no_organisation_may_have(person: User, laboratory: Owner, name: str) -> None:
    client = logged_in(person)
    assert client.post("/settings/organisations", {"name": name}).status_code in {400, 409}
    assert Owner.objects.filter(kind="organisation").count() == 1


def test_a_token_is_shown_once_and_does_what_it_may(person: User, suite: Suite) -> None:
    client = logged_in(person)
    reply = client.post("/settings/tokens", {"name": "nightly build", "scopes": ["submit"], "days": "30"})
    token = tree(reply).one("code", id="secret").text
    assert token.startswith("parity_")
    assert token not in client.get("/settings/tokens").content.decode()
    assert called(token) == 201
    assert called(token, "/api/v1/webhooks/", {"url": "https://hooks.example.org/"}) == 403
    reading = make_api_token(owner=person.owner, user=person, name="reads", scopes=[], days=7)
    assert called(reading, body=BODY | {"model": "org/other"}) == 403
    headers = {"authorization": f"Bearer {reading}"}
    assert Client().get("/api/v1/quota/", headers=headers).status_code == 200
    row = ApiToken.objects.get(name="nightly build")
    assert token not in str(vars(row))
    assertRedirects(client.post(f"/settings/tokens/{row.pk}/revoke"), "/settings/tokens")
    assert called(token, body=BODY | {"model": "org/third"}) == 401
    assert client.post(f"/settings/tokens/{row.pk}/revoke").status_code == 404


def test_a_token_in_an_address_is_refused(client: Client, api_token: str, suite: Suite) -> None:
    for name in ("token", "access_token", "api_key"):
        assert client.get(f"/api/v1/quota/?{name}={api_token}").status_code in {400, 401}
        assert client.get(f"/api/v1/suites/?{name}={api_token}").status_code == 400


def test_when_a_token_was_used_last_is_shown_and_kept(
    person: User, api_token: str, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_used, "KEY", "test-used")
    monkeypatch.setattr(last_used, "_noted", {})
    client = logged_in(person)
    assert "never used" in tree(client.get("/settings/tokens")).one("ul", "tokens").text
    Client().get("/api/v1/quota/", headers={"authorization": f"Bearer {api_token}"})
    assert ApiToken.objects.get().last_used_at is None  # reading changes no row
    assert "used" in tree(client.get("/settings/tokens")).one("ul", "tokens").text
    assert (keep_last_used(), keep_last_used()) == (1, 0)
    last_used.throttles.storage().delete("test-used")
    assert ApiToken.objects.get().last_used_at is not None


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 61}, {"name": "a\u202eb"}, {"days": "36500"}, {"scopes": ["root"]}]
)
def test_a_token_that_cannot_be_is_refused_beside_its_field(person: User, wrong: dict[str, object]) -> None:
    client = logged_in(person)
    reply = client.post("/settings/tokens", {"name": "x", "days": "30", **wrong})
    assert reply.status_code == 400 and tree(reply).all("", "errors")
    assert not ApiToken.objects.exists()


def test_there_are_only_so_many_tokens(person: User) -> None:
    for number in range(MOST):
        make_api_token(owner=person.owner, user=person, name=f"n{number}", scopes=[], days=7)
    with pytest.raises(Refused, match="Revoke one first"):
        make_api_token(owner=person.owner, user=person, name="more", scopes=[], days=7)
