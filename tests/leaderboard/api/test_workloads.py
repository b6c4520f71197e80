"""`/api/v1/workloads/`: one's own prompts, kept whole or not at all, seen by nobody else, gone when deleted."""

import gzip
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InternalError, connection, transaction
from django.db.utils import IntegrityError
from django.test import Client
from django.urls import get_resolver

from leaderboard import uploads
from leaderboard.actions.accounts import create_api_token, create_person
from leaderboard.models import Audit, Workload, WorkloadItems, WorkloadPart, WorkloadVersion
from leaderboard.workloads.packed import items_in

pytestmark = pytest.mark.django_db
CANARY = "canary7f3a"
ITEMS: list[dict[str, Any]] = [
    {"prompt": f"What is {n} + 1, {CANARY}?", "reference": str(n + 1), "tags": [f"tag {CANARY}"], "id": f"{CANARY}-{n}"}
    for n in range(1_500)
]
BODY: dict[str, Any] = {"name": f"Sums {CANARY}", "items": ITEMS, "scoring": {"kind": "number"}}


@pytest.fixture
def headers(api_token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {api_token}"}


@pytest.fixture
def strangers(db: None) -> dict[str, str]:
    grace = create_person(username="grace", password=None)
    return {"authorization": f"Bearer {create_api_token(owner=grace.owner, user=grace, name='hers')}"}


def post(client: Client, headers: dict[str, str], **changed: Any) -> Any:
    return client.post("/api/v1/workloads/", BODY | changed, content_type="application/json", headers=headers)


def test_a_workload_is_kept_with_all_its_items(client: Client, headers: dict[str, str]) -> None:
    made = post(client, headers)
    assert made.status_code == 201, made.content
    assert made["Cache-Control"] == "no-store"
    assert CANARY not in made.content.decode()
    version = made.json()["version"]
    assert (version["number"], version["items"], version["counted"], version["masked"]) == (1, 1_500, 1_500, False)
    parts = WorkloadPart.objects.order_by("first")
    assert [(part.first, part.n) for part in parts] == [(0, 1_000), (1_000, 500)]
    stored = [item for part in parts for item in items_in(part.data)]
    assert [item.prompt for item in stored] == [item["prompt"] for item in ITEMS]
    assert stored[7].references == ("8",)
    listed = client.get("/api/v1/workloads/", headers=headers).json()["results"]
    assert [(one["name"], one["newest"]) for one in listed] == [(BODY["name"], 1)]
    shown = client.get(f"/api/v1/workloads/{made.json()['id']}/", headers=headers).json()
    assert shown["versions"][0]["scoring"]["kind"] == "number"


def test_the_same_name_makes_the_next_version_and_none_changes(client: Client, headers: dict[str, str]) -> None:
    first, second = post(client, headers).json(), post(client, headers, items=ITEMS[:10]).json()
    assert (second["id"], second["version"]["number"]) == (first["id"], 2)
    for row, values in ((WorkloadVersion, {"scoring": {}}), (WorkloadItems, {"n": 3}), (WorkloadPart, {"n": 3})):
        with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
            row.objects.update(**values)


def test_prompts_and_conversations_may_be_mixed(client: Client, headers: dict[str, str]) -> None:
    talk = [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "1"}]
    items = [{"prompt": "Two?", "reference": "2"}, {"messages": talk, "reference": ["1", "1.0"], "system": "Count."}]
    assert post(client, headers, items=items).status_code == 201
    first, second = items_in(WorkloadPart.objects.get().data)
    assert first.messages[0].content == "Two?"
    assert ([one.role for one in second.messages], second.production) == (["system", "user"], "1")


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"items": [ITEMS[0], {"prompt": " "}]}, "items[1].prompt", "empty"),
        ({"items": [ITEMS[0], ITEMS[1] | {"id": ITEMS[0]["id"]}]}, "items[1].id", "there once"),
        ({"items": [ITEMS[0], {"prompt": "a\x00"}, {"prompt": ""}]}, "items[1].prompt", "1 more"),
        ({"items": [ITEMS[0], {"prompt": "a"}]}, "scoring.kind", "Line 2, reference"),
        ({"items": ITEMS[:1]}, "items", "at least 2"),
        ({"scoring": {"kind": "magic"}}, "scoring.kind", "one of"),
        ({"scoring": {"kind": "regex", "pattern": "(?=a)"}}, "scoring.pattern", "RE2"),
        ({"scoring": {"kind": "json", "schema": {"$ref": "https://x.example/"}}}, "scoring.schema", "within"),
        ({"name": " "}, "name", "blank"),
        ({"name": "a\u202eb"}, "name", "printable"),
        ({"colour": "red"}, "colour", "no such field"),
        ({"items": ["a"]}, "items.0", "dictionary"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_kept(
    client: Client, headers: dict[str, str], changed: dict[str, Any], field: str, words: str
) -> None:
    reply = post(client, headers, **changed)
    assert reply.status_code == 400
    assert (reply.json()["field"], words in reply.json()["message"]) == (field, True), reply.json()
    assert not Workload.objects.exists() and not WorkloadItems.objects.exists() and not WorkloadPart.objects.exists()


def test_items_that_cannot_be_scored_may_be_left_out_with_the_reason(client: Client, headers: dict[str, str]) -> None:
    made = post(client, headers, items=[*ITEMS[:5], {"prompt": "a"}], leave_out=True).json()["version"]
    assert (made["items"], made["counted"]) == (6, 5)
    assert list(WorkloadVersion.objects.get().excluded) == ["5"]
    assert "no reference" in WorkloadVersion.objects.get().excluded["5"]


def test_personal_data_are_noted_and_masked_where_asked(client: Client, headers: dict[str, str]) -> None:
    items = [ITEMS[0], {"prompt": "Write to ada@example.org", "reference": "1"}]
    noted = post(client, headers, items=items).json()
    assert [(one["item"], one["code"]) for one in noted["notes"]] == [(2, "e-mail")]
    post(client, headers, items=items, mask=True, name="masked")
    newest = WorkloadVersion.objects.get(workload__name="masked")
    assert items_in(newest.items.parts.get().data)[1].prompt == "Write to [e-mail]"


LINES = b"question,answer\n2 + 2,4\n3 + 3,6\n"


def post_file(client: Client, headers: dict[str, str], body: bytes = LINES, **changed: Any) -> Any:
    fields = {"name": "Sums", "scoring": '{"kind": "number"}', "file": SimpleUploadedFile("sums.csv", body)}
    return client.post("/api/v1/workloads/", fields | changed, headers=headers)


def test_a_file_makes_a_workload_as_items_do(client: Client, headers: dict[str, str]) -> None:
    made = post_file(client, headers, mask="true")
    assert made.status_code == 201, made.content
    assert (made.json()["version"]["items"], made.json()["version"]["masked"]) == (2, True)
    first = items_in(WorkloadPart.objects.get().data)[0]
    assert (first.prompt, first.references) == ("2 + 2", ("4",))
    turned = post_file(client, headers, mapping='{"prompt": "answer", "reference": "answer"}', format="csv")
    assert turned.json()["version"]["number"] == 2
    assert items_in(WorkloadPart.objects.latest("pk").data)[0].prompt == "4"


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"file": SimpleUploadedFile("a.jsonl", b'{"prompt": "a"}\n' * 730 + b'{"prompt')}, "file", "Line 731"),
        ({"file": SimpleUploadedFile("a.csv", b"question,answer\na,\xff\n")}, "file", "Line 2: It is not UTF-8"),
        ({"file": SimpleUploadedFile("a.csv", gzip.compress(b"a" * 10_000_000))}, "file", "gzip"),
        ({"file": SimpleUploadedFile("a.csv", b"frage,antwort\na,b\n")}, "file", "Say which field is the prompt"),
        ({"file": "not a file"}, "file", "not a file"),
        ({"scoring": "{"}, "scoring", "JSON"),
        ({"scoring": "[" * 100_000}, "scoring", "JSON"),
        ({"mapping": '{"prompt": "question", "colour": "red"}'}, "mapping", "colour"),
        ({"mapping": '{"prompt": 3}'}, "mapping.prompt", "column"),
        ({"format": "xls"}, "format", "valid choice"),
        ({"colour": "red"}, "colour", "no such field"),
        ({"name": " "}, "name", "blank"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_named_and_nothing_is_kept(
    client: Client, headers: dict[str, str], changed: dict[str, Any], field: str, words: str
) -> None:
    reply = post_file(client, headers, **changed)
    assert reply.status_code == 400, reply.content
    assert (reply.json()["field"], words in reply.json()["message"]) == (field, True), reply.json()
    assert not Workload.objects.exists() and not WorkloadItems.objects.exists()


def test_a_file_that_is_too_large_leaves_nothing(
    client: Client, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 100_000)
    reply = post_file(client, headers, LINES + b"a,b\n" * 50_000)
    assert (reply.status_code, reply.json()["code"], reply.json()["field"]) == (400, "too_large", "file")
    assert not WorkloadItems.objects.exists()


def test_a_repeated_file_is_answered_as_before_and_another_is_refused(client: Client, headers: dict[str, str]) -> None:
    once = headers | {"idempotency-key": "k"}
    first, again = post_file(client, once), post_file(client, once)
    assert (again["Idempotency-Replayed"], again.json()["id"]) == ("true", first.json()["id"])
    assert post_file(client, once, LINES + b"4 + 4,8\n").status_code in {409, 422}
    assert WorkloadVersion.objects.count() == 1


def test_for_anybody_else_there_is_no_workload(
    client: Client, headers: dict[str, str], strangers: dict[str, str]
) -> None:
    key = post(client, headers).json()["id"]
    address = f"/api/v1/workloads/{key}/"
    for other, status in ((strangers, 404), ({}, 401)):
        assert client.get(address, headers=other).status_code == status
        assert client.delete(address, headers=other).status_code == status
    assert client.get(address, headers=strangers).json() == client.get(
        "/api/v1/workloads/999/", headers=strangers
    ).json() | {"detail": f"You have no workload {key}.", "message": f"You have no workload {key}."}
    assert client.get("/api/v1/workloads/", headers=strangers).json() == {"next": None, "results": []}
    assert Workload.objects.filter(pk=key).exists()


def test_no_page_and_no_reply_for_others_holds_a_word_of_it(
    client: Client, headers: dict[str, str], strangers: dict[str, str]
) -> None:
    post(client, headers)
    for route in get_resolver().url_patterns:
        if route.pattern.converters:
            continue
        body = client.get(f"/{route.pattern}", headers=strangers)
        text = b"".join(body.streaming_content) if body.streaming else body.content
        assert CANARY.encode() not in text, route.pattern


def everything() -> Iterator[tuple[str, str]]:
    """All rows as texts, their bytes unpacked: what a dump would hold."""
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT t::text FROM "{model._meta.db_table}" t')
            for (row,) in cursor.fetchall():
                yield model._meta.db_table, row
                for packed in re.findall(r"\\x(1f8b(?:[0-9a-f]{2})+)", row):
                    yield model._meta.db_table, gzip.decompress(bytes.fromhex(packed)).decode()


def places() -> set[str]:
    return {table for table, text in everything() if CANARY in text}


def test_deleted_is_gone_from_every_table(client: Client, headers: dict[str, str]) -> None:
    once = headers | {"idempotency-key": "k"}
    key = post(client, once).json()["id"]
    post(client, headers, items=ITEMS[:3])
    assert places() == {"leaderboard_workload", "leaderboard_workloaditems", "leaderboard_workloadpart"}
    receipt = client.delete(f"/api/v1/workloads/{key}/", headers=headers)
    assert receipt.status_code == 200, receipt.content
    assert "2 versions" in receipt.json()["reason"] and "backups" in receipt.json()["reason"]
    assert places() == set()
    assert Audit.objects.get().digest == receipt.json()["digest"]
    assert client.delete(f"/api/v1/workloads/{key}/", headers=headers).status_code == 404


def test_a_receipt_says_when_backups_expire(client: Client, headers: dict[str, str], settings: Any) -> None:
    settings.BACKUP_DAYS = 30
    key = post(client, headers, items=ITEMS[:3]).json()["id"]
    assert "within 30 days" in client.delete(f"/api/v1/workloads/{key}/", headers=headers).json()["reason"]
