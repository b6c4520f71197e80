"""`/workloads/new`: what is sent is read, told, looked at; nothing is kept before somebody says so."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertRedirects

from leaderboard import uploads
from leaderboard.actions.workload_drafts import MOST_DRAFTS, forget_old_drafts
from leaderboard.models import DraftPart, User, Workload, WorkloadDraft, WorkloadItems, WorkloadPart, WorkloadVersion
from leaderboard.workloads import reading
from leaderboard.workloads.packed import items_in
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db
NEW = "/workloads/new"
ROWS: list[dict[str, Any]] = [
    {"prompt": f"What is {n} + 1?", "reference": str(n + 1), "production": f"It is {n + 1 + n % 2}.", "tags": ["sums"]}
    for n in range(12)
]


def jsonl(rows: Iterable[Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def send(client: Client, body: bytes, name: str = "sums.jsonl", **more: Any) -> Any:
    return client.post(NEW, {"file": SimpleUploadedFile(name, body), **more})


def held(client: Client, body: bytes, name: str = "sums.jsonl", **more: Any) -> WorkloadDraft:
    """Uploaded, and taken to be looked at."""
    reply = send(client, body, name, **more)
    assert reply.status_code == 302, tree(reply).one("main").text
    found = WorkloadDraft.objects.latest("pk")
    assert reply["Location"] == f"/workloads/drafts/{found.pk}"
    return found


def main(reply: Any) -> str:
    return tree(reply).one("main").text


def nothing_is_kept() -> bool:
    rows = (Workload, WorkloadDraft, DraftPart, WorkloadItems, WorkloadPart, WorkloadVersion)
    return not any(row.objects.exists() for row in rows)


def test_a_file_is_read_and_shown_and_is_no_workload_yet(member: Client) -> None:
    found = held(member, jsonl(ROWS))
    reply = member.get(f"/workloads/drafts/{found.pk}")
    assert reply["Cache-Control"] == "private, no-store"
    words = main(reply)
    for part in ("sums.jsonl", "JSON lines", "12 items", "12 with a reference", "not kept yet", "What is 0 + 1?"):
        assert part in words, part
    assert not Workload.objects.exists()
    assert "sums.jsonl" in main(member.get("/workloads/"))


def test_pasted_text_will_do_and_a_file_of_any_kind(member: Client) -> None:
    pasted = member.post(NEW, {"text": "question;answer\r\n2 + 2;4\r\n3 + 3;6\r\n"})
    assert pasted.status_code == 302
    draft = WorkloadDraft.objects.get()
    assert (draft.form, draft.report["items"], draft.file_name) == ("csv", 2, "")
    log = {"request": {"messages": [{"role": "user", "content": "Hello"}]}, "response": None, "metadata": {"a": "b"}}
    assert held(member, jsonl([log]), "log.jsonl").form == "openai"
    suite = b"prompts: ['Say {{word}}']\ntests:\n  - vars: {word: yes}\n    assert: [{type: equals, value: 'yes'}]\n"
    assert held(member, suite, "promptfooconfig.yaml").form == "promptfoo"


def test_columns_are_guessed_and_can_be_chosen(member: Client) -> None:
    body = b"Frage,Antwort,Thema,Nr\nWas ist 2+2?,4,Rechnen,a\nWas ist 3+3?,6,Rechnen,b\n"
    draft = held(member, body, "fragen.csv")
    page = tree(member.get(f"/workloads/drafts/{draft.pk}"))
    assert "Say which field is the prompt" in page.one("main").text
    assert "Go on to scoring" not in page.one("main").text
    assert [one.text for one in page.one("table", "mapping").all("code")] == ["Frage", "Antwort", "Thema", "Nr"]
    chosen = {"column-0": "prompt", "column-1": "reference", "column-2": "tags", "column-3": "key"}
    assertRedirects(member.post(f"/workloads/drafts/{draft.pk}", chosen), f"/workloads/drafts/{draft.pk}")
    draft.refresh_from_db()
    assert draft.items is not None
    first = items_in(draft.items.parts.get().data)[0]
    assert (first.prompt, first.references, first.tags, first.key) == ("Was ist 2+2?", ("4",), ("Rechnen",), "a")
    page = tree(member.get(f"/workloads/drafts/{draft.pk}"))
    assert [one["value"] for one in page.one("table", "mapping").all("option") if "selected" in one.attributes] == [
        "prompt", "reference", "tags", "key"
    ]  # fmt: skip
    assert "Go on to scoring" in page.one("main").text
    address = f"/workloads/drafts/{draft.pk}"
    assertRedirects(member.post(address, chosen | {"do": "on"}), f"{address}/scoring")
    other = member.post(address, chosen | {"column-2": "", "do": "on"}, follow=True)
    assert other.redirect_chain == [(address, 302)]
    assert "This is how it reads now." in main(other)


def test_columns_beyond_those_that_are_listed_stay_what_they_were(member: Client) -> None:
    many = {f"c{n}": "x" for n in range(120)}
    draft = held(member, jsonl([many | {"prompt": f"p{n}", "reference": "r"} for n in range(2)]))
    assert "And 22 more columns" in main(member.get(f"/workloads/drafts/{draft.pk}"))
    member.post(f"/workloads/drafts/{draft.pk}", {"column-0": "production"})
    draft.refresh_from_db()
    assert draft.report["mapping"] == {"prompt": "prompt", "reference": "reference", "production": "c0"}


def test_a_prompt_may_be_made_of_columns(member: Client) -> None:
    draft = held(member, b"text,lang,answer\nGuten Tag,en,Good day\nGute Nacht,en,Good night\n", "a.csv")
    chosen = {"column-2": "reference", "template": "To {{lang}}: {{text}}", "system": "Translate."}
    member.post(f"/workloads/drafts/{draft.pk}", chosen)
    draft.refresh_from_db()
    assert draft.items is not None
    first = items_in(draft.items.parts.get().data)[0]
    assert [(one.role, one.content) for one in first.messages] == [
        ("system", "Translate."),
        ("user", "To en: Guten Tag"),
    ]
    member.post(f"/workloads/drafts/{draft.pk}", chosen | {"template": "{{nothing}}"})
    assert "The template names" in main(member.get(f"/workloads/drafts/{draft.pk}"))


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"column-0": "prompt", "column-1": "prompt"}, "Two columns are chosen as “Prompt”"),
        ({"column-0": "reference"}, "Choose the column that is the prompt"),
        ({"column-0": "prompt", "system": "a\x00b"}, "no NUL"),
    ],
)
def test_a_choice_that_cannot_be_is_told_and_changes_nothing(
    member: Client, chosen: dict[str, str], words: str
) -> None:
    draft = held(member, jsonl(ROWS))
    reply = member.post(f"/workloads/drafts/{draft.pk}", chosen)
    assert reply.status_code == 400
    assert words in main(reply)
    before = draft.report
    draft.refresh_from_db()
    assert draft.report == before


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("prompts.jsonl", b"0" * 20_000_000)
    return out.getvalue()


BROKEN = jsonl({"prompt": f"p{n}"} for n in range(730)) + b'{"prompt": "a\n' + jsonl([{"prompt": "z"}])
BAD: dict[str, tuple[bytes, str, str]] = {
    "broken JSON": (BROKEN, "a.jsonl", "Line 731: It is no JSON"),
    "mixed encodings": (jsonl(ROWS[:1]) + "Grüße".encode("latin-1"), "a.jsonl", "Line 2: It is not UTF-8"),
    "zip bomb": (zipped(), "a.zip", "zip archive"),
    "gzip bomb": (gzip.compress(b"0" * 20_000_000), "a.jsonl", "compressed with gzip"),
    "nothing": (b" \n", "a.jsonl", "It is empty"),
    "no header": (b'"",b\n1,2\n', "a.csv", "column 1"),
    "too few fields": (b"prompt,reference\na,b\nc\n", "a.csv", "Line 3: It has 1 fields"),
    "an open quotation": (b'prompt,reference\n"a,b\n', "a.csv", "never closed"),
    "a file elsewhere": (b"prompts: [file://secret.txt]\ntests: [{vars: {}}]\n", "a.yaml", "refers to"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_read_names_the_line_and_leaves_nothing(member: Client, bad: str) -> None:
    body, name, words = BAD[bad]
    reply = send(member, body, name)
    assert reply.status_code == 400
    assert words in tree(reply).one("div", id="refusals").text
    assert nothing_is_kept()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (jsonl([ROWS[0], {"prompt": " "}]), "Line 2, prompt: It is empty"),
        (jsonl([ROWS[0] | {"id": "a"}, ROWS[1] | {"id": "a"}]), "Line 2, id: 'a' is the id of line 1 too"),
        (jsonl([{"prompt": ["a"]}]), "Line 1, prompt: It is a list, not a text."),
        (jsonl([{"messages": [{"role": "boss", "content": "a"}]}]), "Line 1, messages[0].role"),
    ],
)
def test_what_other_columns_may_mend_is_held_with_its_problems(member: Client, body: bytes, words: str) -> None:
    draft = held(member, body)
    assert draft.items is None
    assert words in tree(member.get(f"/workloads/drafts/{draft.pk}")).one("div", role="alert").text
    assert not WorkloadItems.objects.exists()
    assertRedirects(member.get(f"/workloads/drafts/{draft.pk}/scoring"), f"/workloads/drafts/{draft.pk}")


def test_ids_that_are_there_twice_are_mended_by_taking_none(member: Client) -> None:
    draft = held(member, jsonl([{"id": "a", "prompt": "p"}, {"id": "a", "prompt": "q"}]))
    columns = draft.report["columns"]
    member.post(f"/workloads/drafts/{draft.pk}", {f"column-{columns.index('prompt')}": "prompt"})
    draft.refresh_from_db()
    assert draft.items is not None and draft.items.n == 2


def test_a_file_with_a_mark_and_a_utf_16_one_are_read(member: Client) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert held(member, jsonl(ROWS).decode().encode(encoding)).report["items"] == len(ROWS)


def test_more_than_may_be_is_refused_and_leaves_nothing(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 100_000)
    reply = send(member, jsonl({"prompt": f"number {n}"} for n in range(10_000)))
    assert reply.status_code == 400
    assert "more than 128 MB" in main(reply)
    monkeypatch.setattr(reading, "MOST_ITEMS", 5)
    reply = send(member, jsonl(ROWS))
    assert "Line 6: There are more than 5 items" in main(reply)
    assert "characters are pasted" in main(member.post(NEW, {"text": "a" * 2_000_001}))
    assert nothing_is_kept()


@pytest.mark.parametrize("sent", [{}, {"text": " "}])
def test_nothing_sent_is_told(member: Client, sent: dict[str, str]) -> None:
    reply = member.post(NEW, sent)
    assert (reply.status_code, "Choose a file" in main(reply)) == (400, True)


def test_a_script_hears_how_far_the_reading_is(member: Client) -> None:
    rows = ({"prompt": f"number {n}"} for n in range(2_500))
    steps = {"accept": "application/x-ndjson"}
    reply = member.post(NEW, {"file": SimpleUploadedFile("a.jsonl", jsonl(rows))}, headers=steps)
    told = [json.loads(line) for line in b"".join(reply.streaming_content).splitlines()]  # type: ignore[attr-defined]
    assert [one.get("items") for one in told] == [1_000, 2_000, 2_500, None]
    assert reply["Cache-Control"] == "private, no-store"
    assert told[-1] == {"go": f"/workloads/drafts/{WorkloadDraft.objects.get().pk}"}
    refused = member.post(NEW, {"file": SimpleUploadedFile("a.jsonl", BROKEN)}, headers=steps)
    last = json.loads(b"".join(refused.streaming_content).splitlines()[-1])  # type: ignore[attr-defined]
    assert "Line 731" in tree(last["refused"]).text
    assert WorkloadDraft.objects.count() == 1
    assert "Choose a file" in json.loads(member.post(NEW, {}, headers=steps).content)["refused"]


def test_hostile_texts_are_shown_as_they_are(member: Client) -> None:
    rows = [{"prompt": "<script>alert(1)</script>\u202e", "reference": "=1+1", "tags": ["<b>"], "\u202ex": "<i>"}]
    draft = held(member, jsonl([*rows, {"prompt": "b", "reference": "c"}]), "<img>.jsonl")
    page = tree(member.get(f"/workloads/drafts/{draft.pk}"))
    assert not page.one("main").all("script") and not page.one("main").all("img")
    assert page.one("h1").text == "<img>.jsonl"
    assert "<script>alert(1)</script>U+202E" in page.one("main").text
    assert "⟨U+202E⟩x" in page.one("table", "mapping").text


def test_a_nul_in_the_name_of_a_field_is_told(member: Client) -> None:
    reply = send(member, b'{"prompt": "a", "x\\u0000": 1}\n')
    assert "NUL" in main(reply)
    assert nothing_is_kept()


def test_what_was_noticed_is_told_and_masked_where_asked(member: Client) -> None:
    long = "please tell me in a few words how the weather will be in oslo tomorrow morning"
    rows = [{"prompt": long}, {"prompt": long}, {"prompt": long + " then"}, {"prompt": "Write to ada@example.org"}]
    draft = held(member, jsonl(rows))
    page = tree(member.get(f"/workloads/drafts/{draft.pk}"))
    noted = [one.text for one in page.all("li", "noted")]
    assert [one.split(".")[0] for one in noted] == [
        "1 item holds what looks like an e-mail address", "1 item says the same as another",
        "1 item says nearly the same as another",
    ]  # fmt: skip
    assert "line 2: It says the same as line 1" in noted[1]
    member.post(f"/workloads/drafts/{draft.pk}", {"column-0": "prompt", "mask": "on"})
    draft.refresh_from_db()
    assert draft.items is not None
    assert items_in(draft.items.parts.get().data)[3].prompt == "Write to [e-mail]"
    assert "checked" in tree(member.get(f"/workloads/drafts/{draft.pk}")).one("input", id="mask").attributes


def test_an_upload_that_nobody_keeps_is_forgotten(member: Client) -> None:
    old, fresh = held(member, jsonl(ROWS)), held(member, jsonl(ROWS))
    WorkloadDraft.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(minutes=61))
    assert member.get(f"/workloads/drafts/{old.pk}").status_code == 404
    assert member.post(f"/workloads/drafts/{old.pk}/scoring", {"kind": "exact", "do": "keep"}).status_code == 404
    assert forget_old_drafts() == 1
    assertRedirects(member.post(f"/workloads/drafts/{fresh.pk}/discard"), "/workloads/")
    assert nothing_is_kept()


def test_one_more_makes_the_oldest_go(member: Client) -> None:
    first = held(member, jsonl(ROWS))
    for _ in range(MOST_DRAFTS):
        held(member, jsonl(ROWS))
    assert WorkloadDraft.objects.count() == WorkloadItems.objects.count() == MOST_DRAFTS
    assert not WorkloadDraft.objects.filter(pk=first.pk).exists()


def test_for_anybody_else_there_is_no_upload(member: Client, stranger: Client, client: Client) -> None:
    draft = held(member, jsonl(ROWS))
    for path in ("", "/scoring", "/discard"):
        address = f"/workloads/drafts/{draft.pk}{path}"
        for ask in (stranger.get, stranger.post):
            reply = ask(address)
            assert reply.status_code in {404, 405}, path
            assert "What is" not in reply.content.decode()
            assert reply["Cache-Control"] == "private, no-store"
        assert client.get(address).status_code == 302
    assert "sums" not in main(stranger.get("/workloads/"))
    assert WorkloadDraft.objects.filter(pk=draft.pk).exists()


def test_a_form_of_another_site_is_refused(person: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    assert client.post(NEW, {"text": "prompt\na\n"}).status_code == 403
    assert send(client, jsonl(ROWS)).status_code == 403
    assert nothing_is_kept()


def test_an_account_that_owns_nothing_yet_can_upload(client: Client) -> None:
    client.force_login(User.objects.create_user(username="root"))
    assert client.get("/workloads/").status_code == client.get(NEW).status_code == 200
    assert client.get("/workloads/1").status_code == 404
    held(client, jsonl(ROWS))
