import re

import pytest
from django.test import Client
from pytest_django import Settings as DjangoSettings
from pytest_django.asserts import assertRedirects

from leaderboard.actions.accounts import create_person
from leaderboard.models import Event, Job, Model, Outbox, Owner, Submission, Suite, User
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
GOOD = {"model": "org/model", "revision": "", "suite": "tiny@1", "engine": "vllm", "dtype": "auto"}


def field(page: Element, name: str) -> Element:
    """The control of `name`."""
    return next(one for one in page.all() if one.tag in {"input", "select"} and one.get("name") == name)


def errors(page: Element) -> dict[str, str]:
    """Field to what is said beside it, as assistive technology finds it; "" for the form as a whole."""
    alerts = page.all("div", "notice", role="alert")
    said = {"": " ".join(alert.text for alert in alerts)} if alerts else {}
    for one in page.all():
        if one.get("aria-invalid") == "true":
            described = [page.one(id=name).text for name in one["aria-describedby"].split() if name.endswith("_error")]
            said[one["name"]] = " ".join(described)
    return said


def test_without_an_account_one_is_sent_to_log_in_and_back(client: Client, suite: Suite) -> None:
    assertRedirects(client.get("/submit?model=org/model"), "/login?next=/submit%3Fmodel%3Dorg/model")
    assertRedirects(client.post("/submit", GOOD), "/login?next=/submit")
    assert not Submission.objects.exists()


def test_a_submission_leads_to_its_page(member: Client, person: User, suite: Suite) -> None:
    reply = member.post("/submit", {**GOOD, "dtype": "float32", "apply_chat_template": "on", "revision": "v1.0"})
    made = Submission.objects.get()
    assertRedirects(reply, f"/submissions/{made.pk}")
    assert (made.owner, made.submitter, made.state) == (person.owner, person, "validating")
    assert (made.requested_model, made.requested_revision) == ("org/model", "v1.0")
    assert made.settings == {"engine": "vllm", "dtype": "float32", "apply_chat_template": True, "max_length": None}


def test_an_empty_revision_is_main_and_spaces_around_a_name_do_not_matter(member: Client, suite: Suite) -> None:
    member.post("/submit", {**GOOD, "model": "  org/model\n"})
    made = Submission.objects.get()
    assert (made.requested_model, made.requested_revision) == ("org/model", "main")


def test_a_model_may_be_asked_to_think(member: Client, suite: Suite) -> None:
    asked = {**GOOD, "apply_chat_template": "on", "thinking": "on", "thinking_tokens": "512"}
    assert member.post("/submit", asked).status_code == 302
    made = Submission.objects.get().settings
    assert (made["thinking"], made["thinking_tokens"]) == (True, 512)


@pytest.mark.parametrize(
    ("changes", "wrong", "words"),
    [
        ({"model": "a/b,trust_remote_code=True"}, "model", "'a/b,trust_remote_code=True' is not the name of a model."),
        ({"model": "a/../b"}, "model", "is not the name of a model"),
        ({"model": "gpt2"}, "model", "is not the name of a model"),
        ({"model": ""}, "model", "This field is required."),
        ({"model": "o/" + "m" * 300}, "model", "at most 200 characters"),
        ({"model": "org/mo\x00del"}, "model", "Null characters are not allowed."),
        ({"model": "org/\u202eledom"}, "model", r"'org/\u202eledom' is not the name of a model."),
        ({"revision": "a b"}, "revision", "'a b' is not a revision."),
        ({"revision": "--upload-pack=x"}, "revision", "is not a revision"),
        ({"suite": "huge@9"}, "suite", "Select a valid choice. huge@9 is not one of the available choices."),
        ({"suite": ""}, "suite", "This field is required."),
        ({"suite": "a\u202eb\x00"}, "suite", "a⟨U+202E⟩b⟨U+0000⟩ is not one of"),
        ({"engine": "bash"}, "engine", "bash is not one of the available choices"),
        ({"dtype": "int3"}, "dtype", "int3 is not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    member: Client, suite: Suite, changes: dict[str, str], wrong: str, words: str
) -> None:
    reply = member.post("/submit", {**GOOD, **changes})
    assert reply.status_code == 400
    page = tree(reply)
    assert list(errors(page)) == [wrong]
    assert words in errors(page)[wrong]
    assert page.one("title").text.startswith("Please check · ")
    assert not Submission.objects.exists()


def test_what_was_typed_is_still_there(member: Client, suite: Suite) -> None:
    typed = {**GOOD, "model": '"><script>alert(1)</script>', "revision": "v2", "dtype": "float16"}
    page = tree(member.post("/submit", {**typed, "apply_chat_template": "on"}))
    assert field(page, "model")["value"] == typed["model"]
    assert field(page, "revision")["value"] == "v2"
    chosen = [one["value"] for one in field(page, "dtype").all("option") if "selected" in one.attributes]
    assert chosen == ["float16"]
    assert "checked" in field(page, "apply_chat_template").attributes
    assert all(script.get("src") for script in page.all("script"))


def test_a_duplicate_leads_to_the_submission_that_exists(member: Client, suite: Suite) -> None:
    member.post("/submit", GOOD)
    existing = Submission.objects.get()
    reply = member.post("/submit", {**GOOD, "revision": "main"})
    assert reply.status_code == 409
    page = tree(reply)
    assert f"already being evaluated on tiny@1 with these settings (submission {existing.pk}" in errors(page)[""]
    assert page.one("div", "notice", role="alert").links() == {"Go to that submission": f"/submissions/{existing.pk}"}
    assert Submission.objects.count() == 1


def test_a_link_can_fill_the_form_in(member: Client, suite: Suite) -> None:
    page = tree(member.get("/submit?model=org/model&revision=v1&suite=tiny@1&dtype=float32"))
    assert (field(page, "model")["value"], field(page, "revision")["value"]) == ("org/model", "v1")
    assert [one["value"] for one in field(page, "suite").all("option")] == ["tiny@1"]
    assert not errors(page)


def test_reading_the_form_changes_nothing(member: Client, suite: Suite) -> None:
    assert member.get("/submit", GOOD).status_code == member.head("/submit", GOOD).status_code == 200
    for kind in (Submission, Job, Event, Outbox, Model):
        assert not kind.objects.exists()


def test_a_form_of_another_site_is_refused(person: User, suite: Suite) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    reply = client.post("/submit", GOOD)
    assert reply.status_code == 403
    assert tree(reply).one("h1").text == "Please try again"
    assert not Submission.objects.exists()


def test_with_the_pages_own_token_the_form_is_taken(person: User, suite: Suite) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    form = tree(client.get("/submit")).one("form", "card")
    token = form.one("input", name="csrfmiddlewaretoken")["value"]
    assert client.post(form["action"], {**GOOD, "csrfmiddlewaretoken": token}).status_code == 302


def test_without_a_suite_it_says_who_can_help(member: Client) -> None:
    empty = tree(member.get("/submit")).one("div", "empty")
    assert "manage.py load_suites" in empty.text


def test_an_account_that_owns_nothing_yet_owns_what_it_submits(client: Client, suite: Suite) -> None:
    """Such as one that `manage.py createsuperuser` made."""
    client.force_login(User.objects.create_user(username="root"))
    assert client.post("/submit", GOOD).status_code == 302
    assert Submission.objects.get().owner.name == "root"


def test_who_is_logged_in_is_shown_as_text(client: Client, suite: Suite) -> None:
    client.force_login(create_person(username="<b>\u202eeve", password=None))
    assert tree(client.get("/submit")).one("span", "who").text == "<b>⟨U+202E⟩eve"


@pytest.mark.parametrize("method", ["put", "delete", "patch", "options"])
def test_other_methods_are_refused(member: Client, suite: Suite, method: str) -> None:
    assert getattr(member, method)("/submit").status_code == 405


# The quota


def quota(client: Client) -> list[str]:
    return [one.text for one in tree(client.get("/submit")).one("ul", "quota").all("li")]


def test_the_quota_is_shown_beside_the_button(member: Client, suite: Suite, settings: DjangoSettings) -> None:
    settings.CAPS = {"day": 50, "month": 1_500, "live": 3}
    assert quota(member) == ["0 of 50 today", "0 of 1,500 this month", "0 of 3 under way"]
    member.post("/submit", GOOD)
    assert quota(member) == ["1 of 50 today", "1 of 1,500 this month", "1 of 3 under way"]


def test_a_used_up_quota_says_when_more_can_be_submitted(
    member: Client, suite: Suite, settings: DjangoSettings
) -> None:
    settings.CAPS = {"day": 1, "month": 0, "live": 1}
    Owner.objects.update(month_cap=1)
    member.post("/submit", GOOD)
    day, month, live = quota(member)
    assert re.fullmatch(r"1 of 1 today, more from \d+ [A-Z][a-z]+, 00:00 UTC", day)
    assert re.fullmatch(r"1 of 1 this month, more from 1 [A-Z][a-z]+, 00:00 UTC", month)
    assert live == "1 of 1 under way, more when one has ended"
    reply = member.post("/submit", {**GOOD, "model": "org/other"})
    assert reply.status_code == 429
    assert 1 <= int(reply["Retry-After"]) <= 86_401
    page = tree(reply)
    assert "This account has used 1 of 1 submissions today" in errors(page)[""]
    assert field(page, "model")["value"] == "org/other"
    assert Submission.objects.count() == 1


def test_a_cap_of_nothing_promises_nothing(member: Client, suite: Suite, settings: DjangoSettings) -> None:
    settings.CAPS = {"day": 0, "month": 1, "live": 1}
    assert quota(member)[0] == "0 of 0 today"
    assert "This account may not submit" in errors(tree(member.post("/submit", GOOD)))[""]


def test_who_owns_nothing_yet_sees_no_quota(client: Client, suite: Suite) -> None:
    client.force_login(User.objects.create_user(username="root"))
    assert not tree(client.get("/submit")).all("ul", "quota")
