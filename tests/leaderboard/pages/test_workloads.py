"""`/workloads/1`: tried on five items, kept, changed only by new versions, seen by nobody else, gone when deleted."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from pytest_django.asserts import assertRedirects

from leaderboard.models import Audit, User, Workload, WorkloadDraft, WorkloadItems, WorkloadPart, WorkloadVersion
from tests.leaderboard.api.test_workloads import places
from tests.leaderboard.pages.html import Element, tree
from tests.leaderboard.pages.test_submit import errors
from tests.leaderboard.pages.test_workload_upload import ROWS, held, jsonl, main

pytestmark = pytest.mark.django_db
CANARY = "canary7f3a"


def keep(client: Client, rows: list[dict[str, Any]] = ROWS, name: str = "Sums", **scoring: Any) -> Workload:
    """Uploaded, scored, kept."""
    draft = held(client, jsonl(rows))
    chosen = {"kind": "number", "name": name, "do": "keep"} | scoring
    reply = client.post(f"/workloads/drafts/{draft.pk}/scoring", chosen)
    assert reply.status_code == 302, errors(tree(reply))
    return Workload.objects.latest("pk")


def grades(page: Element) -> list[str]:
    return [one.text for one in page.all("span", "grade")]


def test_scoring_is_tried_on_five_items_with_todays_answers(member: Client) -> None:
    draft = held(member, jsonl(ROWS))
    address = f"/workloads/drafts/{draft.pk}/scoring"
    page = tree(member.get(address))
    assert page.one("input", name="kind", value="number").get("checked") is not None  # guessed: all are numbers
    assert [one.text for one in page.one("div", "trial").all("h3")] == ["1", "4", "7", "9", "12"]
    assert grades(page) == ["Right", "Wrong", "Right", "Right", "Wrong"]
    assert "3 of 5: a mean of 60 %" in page.one("p", id="trial-note").text
    assert page.one("textarea", id="answer-0").raw.strip() == "It is 1."
    typed = {"kind": "exact", "answer-0": "1", "answer-3": "", "answer-6": "7", "answer-8": "9.", "answer-11": "13"}
    tried = member.post(address, typed)
    assert tried.status_code == 200
    assert grades(tree(tried)) == ["Right", "No score", "Right", "Wrong", "Wrong"]
    part = member.post(address, typed, headers={"HX-Request": "true"})
    assert grades(tree(part)) == grades(tree(tried)) and "<html" not in part.content.decode()
    assert not Workload.objects.exists()


def test_programs_are_read_and_not_run_here(member: Client) -> None:
    today = "```python\ndef f(n): return n\n```"
    rows = [{"prompt": "Write f.", "reference": f"assert f({n}) == {n}", "current": today} for n in range(3)]
    draft = held(member, jsonl(rows))
    address = f"/workloads/drafts/{draft.pk}/scoring"
    typed = {"kind": "unit_tests", "answer-0": today, "answer-1": "I cannot do that.", "answer-2": ""}
    page = tree(member.post(address, typed))
    assert grades(page) == ["Run by a worker", "Run by a worker", "No score"]
    lines = [one.text for one in page.all("p", "verdict-line")]
    assert lines[0] == "Read as 1 line of Python that defines f. A worker runs it with its tests."
    assert lines[1].startswith("It is no Python, and cannot pass. Line 1")
    assert "Programs are run by workers" in page.one("p", id="trial-note").text
    kept = member.post(address, {"kind": "unit_tests", "name": "Programs", "do": "keep"})
    assert kept.status_code == 302
    assert WorkloadVersion.objects.get().scoring["kind"] == "unit_tests"


def test_tests_that_are_no_python_are_told(member: Client) -> None:
    draft = held(member, jsonl([{"prompt": "a", "reference": "assert f("}, {"prompt": "b", "reference": "assert 1"}]))
    reply = member.post(f"/workloads/drafts/{draft.pk}/scoring", {"kind": "unit_tests", "name": "x", "do": "keep"})
    assert reply.status_code == 400
    assert "no Python that could test anything. Line 1" in tree(reply).one("fieldset").one("div", "errors").text


def test_without_answers_one_types_them(member: Client) -> None:
    draft = held(member, jsonl([{"prompt": "a", "reference": "b"}, {"prompt": "c", "reference": "d"}]))
    page = tree(member.get(f"/workloads/drafts/{draft.pk}/scoring"))
    assert grades(page) == ["No score", "No score"]
    assert "Type answers" in page.one("p", id="trial-note").text


@pytest.mark.parametrize(
    ("scoring", "field", "words"),
    [
        ({"kind": "regex", "regex-pattern": "(?=a)"}, "regex-pattern", "RE2 does not take it"),
        ({"kind": "regex", "regex-pattern": "a" * 1_001}, "regex-pattern", "at most 1000 characters"),
        ({"kind": "regex"}, "regex-pattern", "Give a pattern"),
        ({"kind": "exact", "extract": "(a"}, "extract", "RE2 does not take it"),
        ({"kind": "json", "json-schema": '{"$ref": "https://x.example/"}'}, "json-schema", "within the schema"),
        ({"kind": "json", "json-schema": "{"}, "json-schema", "no JSON"),
        ({"kind": "json", "json-schema": "[" * 50_000}, "json-schema", "no JSON"),
        ({"kind": "json", "json-schema": "[]"}, "json-schema", "an object"),
        ({"kind": "number", "number-absolute": "-1"}, "number-absolute", "greater than or equal to 0"),
        ({"kind": "number", "number-absolute": "inf"}, "number-absolute", "number"),
        ({"kind": "magic"}, "kind", "not one of"),
        ({}, "kind", "required"),
    ],
)
def test_a_way_that_cannot_be_is_told_beside_its_field(
    member: Client, scoring: dict[str, str], field: str, words: str
) -> None:
    draft = held(member, jsonl(ROWS))
    reply = member.post(f"/workloads/drafts/{draft.pk}/scoring", scoring | {"do": "keep", "name": "a"})
    assert reply.status_code == 400
    said = tree(reply)
    beside = said.one("fieldset").one("div", "errors").text if field == "kind" else errors(said)[field]
    assert words in beside
    assert not Workload.objects.exists()


def test_a_trial_keeps_nothing_whatever_button_its_browser_sends_along(member: Client) -> None:
    """htmx adds the button that was pressed last: a trial after "Keep" would keep before the form itself does."""
    draft = held(member, jsonl(ROWS))
    address, chosen = f"/workloads/drafts/{draft.pk}/scoring", {"kind": "number", "name": "a", "do": "keep"}
    reply = member.post(address, chosen, headers={"HX-Request": "true"})
    assert (reply.status_code, b'id="trial-note"' in reply.content) == (200, True)
    assert not Workload.objects.exists()
    assert member.post(address, chosen).status_code == 302
    assert Workload.objects.get().name == "a"


def test_what_another_way_says_does_not_matter(member: Client) -> None:
    workload = keep(member, **{"kind": "contains", "contains-all": "on", "number-absolute": "x", "json-schema": "{"})
    scoring = workload.versions.get().scoring
    assert scoring == {"kind": "contains", "all": True, "ignore_case": False, "extract": ""}


@pytest.mark.parametrize(("name", "words"), [("", "required"), ("a\u202eb", "printable"), ("Sums", "of this name")])
def test_a_name_that_cannot_be_is_told(member: Client, name: str, words: str) -> None:
    keep(member)
    draft = held(member, jsonl(ROWS))
    reply = member.post(f"/workloads/drafts/{draft.pk}/scoring", {"kind": "number", "do": "keep", "name": name})
    assert reply.status_code in {400, 409}
    assert words in errors(tree(reply))["name"]
    assert WorkloadVersion.objects.count() == 1


def test_kept_it_is_a_workload_and_the_upload_is_gone(member: Client) -> None:
    workload = keep(member, name=" Sums  of  two ")
    assert not WorkloadDraft.objects.exists()
    reply = member.get(f"/workloads/{workload.pk}")
    assert reply["Cache-Control"] == "private, no-store"
    words = main(reply)
    for part in ("Sums of two", "version 1", "Number", "Uploaded 12 items.", "See all 12"):
        assert part in words, part
    listed = tree(member.get("/workloads/")).one("table", "workloads")
    assert [one.text for one in listed.all("tr")[1].all("td")][:3] == ["12", "Number", "1"]
    assert member.get(f"/workloads/{workload.pk}?version=2").status_code == 404


def test_items_without_a_reference_are_left_out_where_asked(member: Client) -> None:
    draft = held(member, jsonl([*ROWS[:4], {"prompt": "Who?"}]))
    address = f"/workloads/drafts/{draft.pk}/scoring"
    assert "1 of 5 items have no reference" in tree(member.get(address)).one("p", id="trial-note").text
    chosen = {"kind": "number", "name": "a", "do": "keep"}
    reply = member.post(address, chosen)
    assert reply.status_code == 400
    assert "Line 5, reference" in tree(reply).one("fieldset").one("div", "errors").text
    member.post(address, chosen | {"leave_out": "on"})
    workload = Workload.objects.get()
    out = tree(member.get(f"/workloads/{workload.pk}/items?show=out"))
    assert "left out It has no reference" in out.one("div", "picked").text


def test_another_way_of_scoring_is_another_version(member: Client) -> None:
    workload = keep(member)
    address = f"/workloads/{workload.pk}/scoring"
    assert tree(member.get(address)).one("input", name="kind", value="number").get("checked") is not None
    same = member.post(address, {"kind": "number", "do": "keep"})
    assert (same.status_code, "scored so already" in main(same)) == (400, True)
    assertRedirects(
        member.post(address, {"kind": "exact", "exact-ignore_case": "on", "do": "keep"}), f"/workloads/{workload.pk}"
    )
    assert [(one.number, one.scoring["kind"]) for one in workload.versions.all()] == [(2, "exact"), (1, "number")]
    older = main(member.get(f"/workloads/{workload.pk}?version=1"))
    assert "The newest is version 2" in older
    assert WorkloadItems.objects.count() == 1


def test_items_are_left_out_with_a_reason_and_taken_back(member: Client) -> None:
    workload = keep(member)
    address = f"/workloads/{workload.pk}/items"
    for sent, words in (
        ({"place": ["1"]}, "A reason has"),
        ({"reason": "x"}, "Tick items"),
        ({"place": ["99"], "reason": "x"}, "Tick"),
    ):
        reply = member.post(address, {"number": "1", "do": "out"} | sent)
        assert (reply.status_code, words in main(reply)) == (400, True), sent
    reply = member.post(address, {"number": "1", "do": "out", "place": ["1", "5", "x"], "reason": "asks twice"})
    assertRedirects(reply, f"/workloads/{workload.pk}")
    newest = workload.versions.first()
    assert newest is not None and newest.excluded == {"1": "asks twice", "5": "asks twice"}
    assert "10 of 12" in main(member.get(f"/workloads/{workload.pk}"))
    stale = member.post(address, {"number": "1", "do": "out", "place": ["2"], "reason": "x"})
    assert (stale.status_code, "version 2 by now" in main(stale)) == (409, True)
    member.post(address, {"number": "2", "do": "back", "place": ["5", "7"]})
    newest = workload.versions.first()
    assert newest is not None and newest.excluded == {"1": "asks twice"}
    assert [one.note for one in workload.versions.all()][:2] == ["Took 1 item back.", "Left out 2 items."]
    every = [{"number": "3", "do": "out", "reason": "x", "place": [str(n) for n in range(12)]}]
    assert "at least 2 items" in main(member.post(address, every[0]))


def test_items_come_in_pages_across_the_parts_they_are_stored_in(member: Client) -> None:
    workload = keep(member, [{"prompt": f"p{n}", "reference": str(n)} for n in range(1_010)])
    assert WorkloadPart.objects.count() == 2
    page = tree(member.get(f"/workloads/{workload.pk}/items?page=41"))
    assert [one.text for one in page.all("h3")] == [str(n) for n in range(1_001, 1_011)]
    across = tree(member.get(f"/workloads/{workload.pk}/items?page=40"))
    assert across.all("pre")[-1].text == "p999"
    for bad in ("page=42", "show=x", "version=x"):
        assert member.get(f"/workloads/{workload.pk}/items?{bad}").status_code in {400, 404}


def test_a_new_upload_is_the_next_version_of_the_same_name(member: Client) -> None:
    workload = keep(member)
    page = tree(member.get(f"/workloads/new?to={workload.pk}"))
    assert page.one("input", name="to")["value"] == str(workload.pk)
    draft = held(member, jsonl(ROWS[:5]), to=str(workload.pk))
    address = f"/workloads/drafts/{draft.pk}/scoring"
    assert "Keep as version 2" in main(member.get(address))
    member.post(address, {"kind": "number", "do": "keep"})
    assert [(one.number, one.items.n) for one in workload.versions.all()] == [(2, 5), (1, 12)]
    for to in ("0", "x", "9" * 30):
        assert member.get(f"/workloads/new?to={to}").status_code in {400, 404}


def test_an_account_cannot_upload_to_another_ones(member: Client, stranger: Client) -> None:
    workload = keep(member)
    assert stranger.get(f"/workloads/new?to={workload.pk}").status_code == 404
    assert stranger.post("/workloads/new", {"text": "prompt\na\n", "to": str(workload.pk)}).status_code == 404
    assert not WorkloadDraft.objects.exists()


PATHS = ("", "/items", "/items?show=out", "/scoring", "?version=1")


def test_for_anybody_else_there_is_no_workload(member: Client, stranger: Client, client: Client) -> None:
    key = keep(member, [{"prompt": f"{CANARY} {n}", "reference": "1"} for n in range(3)], name=CANARY).pk
    nothing = stranger.get("/workloads/999999")
    for path in PATHS:
        reply = stranger.get(f"/workloads/{key}{path}")
        assert (reply.status_code, reply["Cache-Control"]) == (404, "private, no-store"), path
        assert CANARY not in reply.content.decode()
        assert client.get(f"/workloads/{key}{path}").status_code == 302
    assert tree(nothing).one("main").text.replace("999999", str(key)) == main(stranger.get(f"/workloads/{key}"))
    for path in ("items", "scoring", "delete"):
        reply = stranger.post(f"/workloads/{key}/{path}", {"kind": "exact", "do": "keep", "place": "1", "reason": "x"})
        assert reply.status_code == 404, path
    assert WorkloadVersion.objects.count() == 1


def test_no_page_for_others_holds_a_word_of_it(member: Client, stranger: Client, client: Client) -> None:
    rows = [{"prompt": f"{CANARY} {n}", "reference": "1", "tags": [CANARY], "id": f"{CANARY}{n}"} for n in range(3)]
    key = keep(member, rows, name=CANARY).pk
    held(member, jsonl(rows), f"{CANARY}.jsonl")
    for reader in (stranger, client):
        for address in [*addresses(), f"/workloads/{key}", "/models/?search=" + CANARY[:5], f"/workloads/new?to={key}"]:
            reply = reader.get(address)
            body = b"".join(reply.streaming_content) if reply.streaming else reply.content  # type: ignore[attr-defined]
            assert CANARY.encode() not in body, address


def addresses() -> Iterator[str]:
    for route in get_resolver().url_patterns:
        if not route.pattern.converters:
            yield f"/{route.pattern}"


def test_deleted_it_is_gone_with_the_uploads_to_it_and_the_receipt_says_so(member: Client) -> None:
    rows = [{"prompt": f"{CANARY} {n}", "reference": "1", "tags": [CANARY]} for n in range(3)]
    workload = keep(member, rows, name=CANARY)
    member.post(f"/workloads/{workload.pk}/items", {"number": "1", "do": "out", "place": ["1"], "reason": CANARY})
    held(member, jsonl(rows), f"{CANARY}.jsonl", to=str(workload.pk))
    assert "leaderboard_draftpart" in places()
    form = tree(member.get(f"/workloads/{workload.pk}")).one("details", "ending").one("form")
    assert form["action"] == f"/workloads/{workload.pk}/delete"
    reply = member.post(form["action"])
    assert (reply.status_code, reply["Cache-Control"]) == (200, "private, no-store")
    receipt = Audit.objects.get()
    for part in (CANARY, f"workload {workload.pk}", "2 versions", "backups are kept", receipt.digest):
        assert part in main(reply), part
    assert places() == set()
    assert member.post(form["action"]).status_code == 404
    assert member.get(f"/workloads/{workload.pk}").status_code == 404


def test_hostile_texts_are_shown_as_they_are(member: Client) -> None:
    said = [{"role": "system", "content": "\u202e<b>"}, {"role": "user", "content": "<script>x</script>"}]
    row = {"messages": said, "reference": "<i>\u2066", "production": "</textarea><script>y</script>", "id": "<u>"}
    rows = [row | {"tags": ["\u202etag"]}, row | {"id": "b"}]
    workload = keep(member, rows, name="<s>", kind="exact")
    draft = held(member, jsonl(rows))
    kept, upload = f"/workloads/{workload.pk}", f"/workloads/drafts/{draft.pk}"
    for address in (kept, f"{kept}/items", f"{kept}/scoring", upload, f"{upload}/scoring", "/workloads/"):
        page = tree(member.get(address)).one("main")
        assert not [one for one in page.walk() if one.tag in {"script", "u", "s"}], address
        assert "\u202e" not in page.raw, address
        if page.all("pre"):
            assert "<script>x</script>" in page.text and "⟨U+202E⟩tag" in page.text, address


def test_the_header_leads_there(member: Client, person: User) -> None:
    assert tree(member.get("/")).one("header").links()["Workloads"] == "/workloads/"
    assert tree(member.get("/workloads/new")).one("header").one("a", aria_current="page").text == "Workloads"
