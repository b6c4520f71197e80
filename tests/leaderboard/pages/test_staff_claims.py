"""The staff's forms of claims: stated, amended, withdrawn, on the record; what is wrong is said beside its field."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django.asserts import assertRedirects

from leaderboard.actions.accounts import create_person
from leaderboard.actions.claims import seed_claims, withdraw_claim
from leaderboard.claims.terms import read
from leaderboard.models import Audit, Claim, Submission, Suite, User
from leaderboard.pages.claim_form import FORMS, form_of
from tests.leaderboard import gaps
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
NEW = "/staff/claims/new/"
SAID = {"slug": "tiny-matches", "text": "Open models match.", "who": "a maker", "url": "https://maker.example/blog",
        "quotation": "“It matches them.”"}  # fmt: skip
BEHIND = SAID | {"first_kind": "open", "second_kind": "proprietary", "tasks": "tiny@1 alpha\n\n tiny@1\tbeta ",
                 "margin": "2.5", "over": "each"}  # fmt: skip
CHEAPER = SAID | {"suite": "tiny@1", "least": "60", "most": "80", "hardware": "H100", "price_low": "2.69",
                  "price_high": "6.88", "requests": "1e7"}  # fmt: skip
LONGER = SAID | {"first_model": "lab/long", "second_kind": "open", "second_least": "8", "second_most": "10.5",
                 "at_least": "1000000", "at_most": "262144"}  # fmt: skip


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(create_person(username="root", password=None, staff=True))
    return client


def errors(reply: HttpResponse) -> dict[str, str]:
    """What is wrong, by field; "" for the whole form."""
    page = tree(reply)
    fields = {one["id"].removeprefix("id_").removesuffix("_error"): one.text for one in page.all("div", "errors")}
    whole = [one.text for one in page.all("div", "bad")]
    return fields | dict.fromkeys([""] if whole else [], " ".join(whole))


def filled(page: Element) -> dict[str, str]:
    """What a form would send as it stands."""
    form = page.one("form", "claim-form")
    sent = {one["name"]: one.get("value") or "" for one in form.all("input") if one["name"] != "csrfmiddlewaretoken"}
    sent |= {one["name"]: one.raw.removeprefix("\n") for one in form.all("textarea")}
    for choice in form.all("select"):
        chosen = [one["value"] for one in choice.all("option") if "selected" in one.attributes]
        sent[choice["name"]] = chosen[0] if chosen else ""
    return sent


def test_a_claim_with_two_tasks_is_stated_and_shown(root: Client, make_submission: Make, suite: Suite) -> None:
    gaps.stand_ins(make_submission, suite)
    reply = root.post(f"{NEW}not_behind", BEHIND, follow=True)
    assertRedirects(reply, "/staff/claims")
    [stored] = Claim.objects.all()
    assert stored.terms == {
        "test": "not_behind", "first": {"model": "", "kind": "open", "least_parameters": None,
                                        "most_parameters": None},
        "second": {"model": "", "kind": "proprietary", "least_parameters": None, "most_parameters": None},
        "tasks": [{"suite": "tiny@1", "task": "alpha"}, {"suite": "tiny@1", "task": "beta"}], "margin": 2.5,
        "over": "each",
    }  # fmt: skip
    assert stored.stated_by == User.objects.get(username="root")
    page = tree(reply)
    assert page.one("p", "notice").text.startswith("Stated. It is ")
    listed = page.one("ul", "claims-listed")
    assert "Open models match." in listed.text and "by root" in listed.text
    card = tree(Client().get("/claims")).one("article", id="tiny-matches")
    assert card.one("blockquote").text == "“It matches them.”"
    assert card.links()["a maker"] == "https://maker.example/blog"
    said = Client().get("/api/v1/claims/").json()["results"][0]
    assert (said["quotation"], said["url"]) == ("“It matches them.”", "https://maker.example/blog")
    assert "State or amend claims" not in Client().get("/claims").content.decode()
    assert tree(root.get("/claims")).links()["State or amend claims"] == "/staff/claims"


@pytest.mark.parametrize(
    ("test", "sent", "terms"),
    [
        ("cheaper", CHEAPER, {"suite": "tiny@1", "least": 60.0, "most": 80.0, "hardware": "H100", "price_low": 2.69,
                              "price_high": 6.88, "requests": 1e7, "model": "", "api": ""}),
        ("longer_context", LONGER, {
            "first": {"model": "lab/long", "kind": "", "least_parameters": None, "most_parameters": None},
            "second": {"model": "", "kind": "open", "least_parameters": 8e9, "most_parameters": 1.05e10},
            "at_least": 1_000_000, "at_most": 262_144}),
    ],
)  # fmt: skip
def test_the_other_tests_are_stated_too(root: Client, test: str, sent: dict[str, str], terms: dict[str, Any]) -> None:
    reply = root.post(NEW + test, sent, follow=True)
    assert Claim.objects.get().terms == {"test": test, **terms}
    assert tree(reply).one("p", "notice").text.startswith("Stated. It is not yet measured now: ")


@pytest.mark.parametrize(
    ("test", "changed", "field", "why"),
    [
        ("not_behind", {"text": ""}, "text", "required"),
        ("not_behind", {"text": "x" * 301}, "text", "at most 300"),
        ("not_behind", {"slug": "Not a slug"}, "slug", "small letters, digits and hyphens"),
        ("not_behind", {"url": "javascript:alert(1)"}, "url", "no address of a page"),
        ("not_behind", {"margin": "nan"}, "margin", "number"),
        ("not_behind", {"margin": "101"}, "margin", "less than or equal to 100"),
        ("not_behind", {"margin": ""}, "margin", "required"),
        ("not_behind", {"tasks": " \n"}, "tasks", "required"),
        ("not_behind", {"tasks": "tiny@1 alpha\ntiny@1"}, "tasks", "Line 2: 'tiny@1' is no suite and task"),
        ("not_behind", {"tasks": "tiny@1 gamma"}, "tasks", "tiny@1 has no task 'gamma'; it has alpha, beta."),
        ("not_behind", {"tasks": "tiny@1 alpha\nother@1 x", "over": "mean"}, "", "a mean is taken over tasks of one"),
        ("not_behind", {"over": "some"}, "over", "valid choice"),
        ("not_behind", {"first_kind": "shut"}, "first_kind", "valid choice"),
        ("not_behind", {"first_least": "9", "first_most": "8"}, "first_most", "less than the least"),
        ("not_behind", {"first_least": "-1"}, "first_least", "greater than or equal to 0"),
        ("not_behind", {"quotation": "x" * 1_001}, "quotation", "at most 1000"),
        ("cheaper", {"least": "81"}, "most", "less than the number before"),
        ("cheaper", {"price_low": "0"}, "price_low", "greater than or equal to"),
        ("cheaper", {"price_high": "1"}, "price_high", "less than the number before"),
        ("cheaper", {"requests": "inf"}, "requests", "number"),
        ("cheaper", {"hardware": ""}, "hardware", "required"),
        ("longer_context", {"at_least": "1e6"}, "at_least", "whole number"),
        ("longer_context", {"at_most": "0"}, "at_most", "greater than or equal to 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_it(
    root: Client, suite: Suite, test: str, changed: dict[str, str], field: str, why: str
) -> None:
    sent = {"not_behind": BEHIND, "cheaper": CHEAPER, "longer_context": LONGER}[test] | changed
    reply = root.post(NEW + test, sent)
    assert reply.status_code == 400
    assert why.lower() in errors(reply)[field].lower()
    assert not Claim.objects.exists() and not Audit.objects.exists()
    shown = filled(tree(reply))
    assert {name: shown[name] for name in ("who", "quotation")} == {name: sent[name] for name in ("who", "quotation")}


def test_a_slug_is_taken_once(root: Client, suite: Suite) -> None:
    root.post(f"{NEW}not_behind", BEHIND)
    again = root.post(f"{NEW}not_behind", BEHIND)
    assert (again.status_code, Claim.objects.count()) == (409, 1)
    assert "withdraw it before you state it anew" in errors(again)["slug"]


def test_amending_withdraws_and_states_anew(root: Client, suite: Suite) -> None:
    root.post(f"{NEW}not_behind", BEHIND)
    first = Claim.objects.get()
    path = f"/staff/claims/{first.pk}"
    stands = filled(tree(root.get(path)))
    assert stands["margin"] == "2.5" and stands["tasks"] == "tiny@1 alpha\ntiny@1 beta" and "slug" not in stands
    assert "Say why" not in root.get(path).content.decode()
    unchanged = root.post(path, stands | {"reason": "none"})
    assert (unchanged.status_code, errors(unchanged)["text"]) == (
        400, "Nothing is different from the claim as it stands.")  # fmt: skip
    silent = root.post(path, stands | {"margin": "3"})
    assert (silent.status_code, "required" in errors(silent)["reason"]) == (400, True)
    assertRedirects(root.post(path, stands | {"margin": "3", "reason": "It said 3."}), "/staff/claims")
    old, new = Claim.objects.all()
    assert (old.pk, old.withdrawn_reason, old.terms["margin"]) == (first.pk, "It said 3.", 2.5)
    assert (new.slug, new.withdrawn_at, new.terms["margin"]) == (first.slug, None, 3.0)
    assert list(Audit.objects.values_list("actor", "action", "subject")) == [
        ("root", "claim stated", first.slug), ("root", "claim withdrawn", first.slug),
        ("root", "claim stated", first.slug),
    ]  # fmt: skip
    told = tree(root.get("/changelog")).one("main").text
    assert "Claim withdrawn: Open models match. It said 3." in told
    assert "It said 3." in tree(root.get("/staff/claims")).one("section", aria_labelledby="withdrawn").text
    late = root.post(path, stands | {"margin": "4", "reason": "Too late."})
    assert late.status_code == 404 and Claim.objects.count() == 2


@pytest.mark.parametrize("test", FORMS)
def test_every_form_gives_back_the_terms_that_it_was_filled_with(root: Client, suite: Suite, test: str) -> None:
    sent = {"not_behind": BEHIND, "cheaper": CHEAPER, "longer_context": LONGER}[test]
    root.post(NEW + test, sent)
    first = Claim.objects.get()
    assert form_of(read(first.terms)).test == test
    stands = filled(tree(root.get(f"/staff/claims/{first.pk}")))
    root.post(f"/staff/claims/{first.pk}", stands | {"who": "somebody else", "reason": "It was another."})
    assert Claim.objects.get(withdrawn_at=None).terms == first.terms
    assert Claim.objects.count() == 2


def test_the_claims_that_a_site_begins_with_can_be_amended(root: Client) -> None:
    seed_claims()
    for row in Claim.objects.all():
        page = tree(root.get(f"/staff/claims/{row.pk}"))
        sent = filled(page) | {"quotation": "As it was said.", "reason": "The quotation."}
        assert root.post(f"/staff/claims/{row.pk}", sent).status_code == 302, row.slug
    assert Claim.objects.filter(withdrawn_at=None, quotation="As it was said.").count() == 4


def test_a_claim_is_withdrawn_with_a_reason(root: Client, suite: Suite) -> None:
    root.post(f"{NEW}not_behind", BEHIND)
    row = Claim.objects.get()
    path = f"/staff/claims/{row.pk}"
    for reason in ("", " ", "x" * 1_001):
        assert root.post(path, {"act": "withdraw", "reason": reason}).status_code == 400
    assertRedirects(root.post(path, {"act": "withdraw", "reason": "It was a joke."}), "/staff/claims")
    row.refresh_from_db()
    assert row.withdrawn_at is not None and row.withdrawn_reason == "It was a joke."
    assert root.post(path, {"act": "withdraw", "reason": "Again."}).status_code == 409
    assert (root.get(path).status_code, root.get("/staff/claims/999999").status_code) == (404, 404)
    assert root.post("/staff/claims/999999", {"act": "withdraw", "reason": "x"}).status_code == 404


def test_a_claim_that_was_amended_meanwhile_is_not_withdrawn_unseen(root: Client, suite: Suite) -> None:
    root.post(f"{NEW}not_behind", BEHIND)
    row = Claim.objects.get()
    stands = filled(tree(root.get(f"/staff/claims/{row.pk}")))
    root.post(f"/staff/claims/{row.pk}", stands | {"margin": "9", "reason": "It said 9."})
    assert root.post(f"/staff/claims/{row.pk}", {"act": "withdraw", "reason": "x"}).status_code == 409
    assert Claim.objects.filter(withdrawn_at=None).count() == 1


def test_terms_of_another_edition_are_no_traceback(root: Client) -> None:
    row = Claim.objects.create(slug="odd", text="<b>It</b> is so.", who="x\u202e", terms={"test": "magic"})
    reply = root.get(f"/staff/claims/{row.pk}")
    assert reply.status_code == 400 and "withdraw it, and state it anew" in reply.content.decode()
    listed = root.get("/staff/claims").content.decode()
    assert "<b>It</b>" not in listed and "\u202e" not in listed
    withdraw_claim(slug="odd", reason="Its test is gone.", by=User.objects.get(username="root"))


@pytest.mark.parametrize("test", ["magic", "%00", "x" * 300])
def test_an_unknown_test_is_told(root: Client, test: str) -> None:
    reply = root.get(NEW + test)
    assert reply.status_code == 404
    assert "not_behind, cheaper, longer_context" in reply.content.decode()


def test_nobody_else_finds_it(member: Client, client: Client) -> None:
    row = Claim.objects.create(slug="a", text="So.", who="me", terms={})
    for path in ("/staff/claims", f"{NEW}cheaper", f"/staff/claims/{row.pk}"):
        assert (member.get(path).status_code, client.get(path).status_code) == (404, 302)
        assert member.post(path, CHEAPER | {"act": "withdraw", "reason": "x"}).status_code == 404
    assert Claim.objects.filter(withdrawn_at=None).count() == 1
