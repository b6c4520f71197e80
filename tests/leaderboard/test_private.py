"""Private means private: whoever walks the whole site finds no word of a workload, its runs, or the models it tried;
and once it is deleted, nobody finds any."""

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.converters import IntConverter

from evaluator import contract
from leaderboard.actions.accounts import create_api_token, create_person
from leaderboard.actions.cancel import cancel
from leaderboard.actions.delete_workload import delete_workload
from leaderboard.actions.errors import Conflict
from leaderboard.actions.grade import grade
from leaderboard.actions.preflight import record_preflight
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import (
    Bakeoff,
    Endpoint,
    EndpointHour,
    Grade,
    Judge,
    Judging,
    Model,
    Owner,
    Submission,
    Suite,
    WorkerToken,
)
from tests.leaderboard import bakeoffs, endpoints, judgings
from tests.leaderboard.pages import made
from tests.leaderboard.pages.every import HTMX

pytestmark = pytest.mark.django_db
CANARY = "canary7f3a"
JUDGED = "judging."
"""How the suites of judges begin."""
MODELS = [f"{CANARY}/good", f"{CANARY}/bad", f"{CANARY}/slow"]
COUNTING = ["api-status", "api-submissions", "api-results", "api-models", "api-revisions", "api-suites", "api-tasks",
            "api-changelog", "api-leaderboard", "queue", "status", "models", "suites", "gap",
            "gap-csv", "api-gap", "claims", "api-claims", "changelog", "method"]  # fmt: skip


def said(model: str, number: int) -> str:
    return f"{CANARY} {number + 1 if model.endswith('good') or number % 2 else number}"


@pytest.fixture
def bakeoff(
    owner: Owner, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch, suite: Suite,
    make_submission: made.Make,
) -> Bakeoff:  # fmt: skip
    """Beside something public: a bake-off with runs that ended, one that waits, and an endpoint that was looked at."""
    made.measure(make_submission("org/public"), worker_token, [1.0, 0.5] * 6)
    build_snapshot(suite=suite)
    version = bakeoffs.kept(owner, 12, word=CANARY, name=f"Sums {CANARY}")
    found = bakeoffs.begun(version, *MODELS[:2])
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, said)
    judging = judgings.begun(found, f"{CANARY}-sage/judge", rubric=f"Who says {CANARY} wins.")
    bakeoffs.queued(monkeypatch)
    judgings.worked(worker_token, {f"{CANARY}-sage/judge": lambda a, b: f"{CANARY} it is.\nVERDICT: A"})
    grade(owner=owner, grader=owner.user, judging=judging.pk, number=0, choice="left")
    access = endpoints.access(model=f"{CANARY}-api")
    bakeoffs.begun(version, MODELS[2], candidates=[access])
    look = endpoints.claim(worker_token, edition=contract.EDITION)
    assert look is not None
    record_preflight(job=look.job, token=look.token, found=endpoints.found(look))
    bakeoffs.queued(monkeypatch)
    return found


def walked(bakeoff: Bakeoff) -> Iterator[str]:
    """Every address of the site, with the numbers and names that the bake-off's own rows would have there."""
    rows = list(Submission.everything.exclude(suite__owner=None))
    slug = rows[0].suite.slug
    for route in get_resolver().url_patterns:
        if route.name in {"logout"}:
            continue
        for row in rows[:2] if route.pattern.converters else rows[:1]:
            known: dict[str, Any] = {
                "pk": row.pk, "job": row.jobs.first().pk if row.jobs.exists() else 1, "attempt": 1, "sequence": 0,
                "digest": row.suite.bundle_id, "organisation": CANARY, "name": f"{CANARY}/good",
                "task": "parity_workload", "suite": slug.partition("@")[0], "version": "1", "slug": slug,
                "first": f"s{rows[0].pk}", "second": f"s{rows[1].pk}", "workload": bakeoff.version.workload_id,
                "bakeoff": bakeoff.pk, "submission": row.pk, "share": 1, "token": "x" * 43,
                "item": "0" * 64,
            }  # fmt: skip
            named = {
                name: known.get(name, 1 if isinstance(kind, IntConverter) else "x")
                for name, kind in route.pattern.converters.items()
            }
            if route.name in {"model", "badge", "badge-alone", "model-alone"}:
                named["name"] = "good"
            yield reverse(route.name, kwargs=named)
    for judging in Judging.objects.all():
        at = f"/workloads/{bakeoff.version.workload_id}/bakeoffs/{judging.bakeoff_id}"
        yield from (f"{at}/judgings/{judging.pk}/{rest}" for rest in ("", "judges", "grade", "items", "report.csv"))
        yield from (f"{at}/", f"{at}/judgings/new", f"/api/v1/bakeoffs/{judging.bakeoff_id}/judgings/")
        yield f"/api/v1/suites/{judging.suite.slug}/"
    for key in Endpoint.objects.values_list("pk", flat=True):
        yield from (f"/endpoints/{key}/drift", f"/endpoints/{key}/drift.csv", f"/api/v1/endpoints/{key}/drift/")
    for path in (
        "/",
        "/models/",
        "/api/v1/models/",
        "/api/v1/submissions/",
        "/api/v1/results/",
        "/api/v1/leaderboard/",
    ):
        for query in (f"search={CANARY}", f"model={CANARY}/good", f"suite={slug}", "col=parity_workload"):
            yield f"{path}?{query}"
    yield f"/compare?m=s{rows[0].pk}&m=s{rows[1].pk}"
    yield f"/compare?suite={slug}&m={CANARY}/good&m={CANARY}/bad"
    yield f"/submit?suite={slug}"
    yield f"/tco?model={CANARY}/good"
    yield from ("/sitemap.xml", "/robots.txt", "/favicon.ico")


def text_of(reply: Any) -> str:
    body = b"".join(reply.streaming_content) if reply.streaming else reply.content
    return (body + str(dict(reply.headers)).encode()).decode("utf-8", "replace")


@pytest.fixture
def strangers(bakeoff: Bakeoff) -> list[Client]:
    """Nobody, somebody else who is logged in, and somebody else's program."""
    grace = create_person(username="grace", password=None)
    token = create_api_token(owner=grace.owner, user=grace, name="hers")
    member = Client(raise_request_exception=False)
    member.force_login(grace)
    program = Client(headers={"authorization": f"Bearer {token}"}, raise_request_exception=False)
    return [Client(raise_request_exception=False), member, program]


SECRETS = [f"Sums {CANARY}", f"{CANARY}q", f"{CANARY}third", f"{CANARY}other", f"? {CANARY}", f"{CANARY} 1"]
"""Parts of its name, ids, tags, prompts and answers, which no reader's own address holds."""


@pytest.mark.slow
def test_nobody_else_finds_a_word_of_it_anywhere(bakeoff: Bakeoff, strangers: list[Client]) -> None:
    suite = f"workload.{bakeoff.version.workload_id}"
    for path in walked(bakeoff):
        for reader in strangers:
            for headers in ({}, HTMX):
                reply = reader.get(path, headers=headers)
                text = text_of(reply)
                assert reply.status_code < 500, path
                assert [word for word in SECRETS if word in text] == [], path
                # A refusal may repeat what its reader asked for, and a search its own words.
                assert CANARY in path or CANARY not in text, path
                assert suite in path or suite not in text, path
                assert JUDGED in path or JUDGED not in text, path
                if f"/{CANARY}" in path or f"/{suite}" in path:
                    assert reply.status_code in {302, 400, 401, 404, 405}, path


def test_no_search_finds_its_models(bakeoff: Bakeoff, strangers: list[Client]) -> None:
    for reader in strangers:
        for path in ("/api/v1/models/", "/api/v1/submissions/", "/api/v1/results/"):
            for query in (f"search={CANARY}", f"model={MODELS[0]}", ""):
                assert CANARY not in text_of(reader.get(f"{path}?{query}")).replace(query, "")


def test_its_runs_are_in_no_count(bakeoff: Bakeoff, strangers: list[Client], owner: Owner) -> None:
    """The same numbers stand there as if it had never been."""
    before = {name: counted(strangers[0], name) for name in COUNTING}
    for row in Submission.everything.exclude(suite__owner=None).filter(finished_at=None):
        cancel(submission=row.pk, owner=owner)
    delete_workload(owner=owner, workload=bakeoff.version.workload_id)
    assert {name: counted(strangers[0], name) for name in COUNTING} == before


def counted(reader: Client, name: str) -> str:
    """A page without what differs from one second to the next."""
    text = text_of(reader.get(reverse(name)))
    moving = r"\d+ (?:second|minute)s? ago|csrf\S+|nonce\S+|\"[a-z_]*(?:at|seen|seconds|age)\": ?[^,}]+|<time.*?</time>"
    return re.sub(rf"{moving}|'X-Request-ID': '\w+'", "", text)


def test_its_endpoints_pace_is_nobodys_business(bakeoff: Bakeoff) -> None:
    assert EndpointHour.objects.count() == 0


# Deleted is gone


def dumped() -> Iterator[tuple[str, str]]:
    """All rows as texts, with the bytes of every column unpacked where they are packed: more than a dump would hold."""
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT t::text FROM "{model._meta.db_table}" t')
            for (row,) in cursor.fetchall():
                yield model._meta.db_table, row
                for plain in re.findall(r"\\x((?:[0-9a-f]{2})+)", row):
                    yield model._meta.db_table, unpacked(bytes.fromhex(plain))


def unpacked(data: bytes) -> str:
    try:
        data = gzip.decompress(data)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        pass  # as it is
    return data.decode("utf-8", "replace")


def where(files: Path) -> set[str]:
    """The tables and files that hold a canary."""
    tables = {table for table, text in dumped() if CANARY in text}
    stored = [path for path in files.rglob("*") if path.is_file()]
    return tables | {path.suffix for path in stored if CANARY in unpacked(path.read_bytes())}


def test_deleted_is_gone_from_every_table_and_file(
    bakeoff: Bakeoff, files: Path, owner: Owner, django_capture_on_commit_callbacks: Any
) -> None:
    found = where(files)
    assert {"leaderboard_workload", "leaderboard_workloadpart", "leaderboard_bundle", "leaderboard_workloadsuite",
            "leaderboard_submission", "leaderboard_model", "leaderboard_judging", ".gz"} <= found  # fmt: skip
    workload = bakeoff.version.workload_id
    with pytest.raises(Conflict, match="still being asked"):
        delete_workload(owner=owner, workload=workload)
    for row in Submission.everything.exclude(suite__owner=None).filter(finished_at=None):
        cancel(submission=row.pk, owner=owner)
    with django_capture_on_commit_callbacks(execute=True):
        receipt = delete_workload(owner=owner, workload=workload)
    assert "the answers of 5 runs" in receipt.reason and CANARY not in receipt.reason
    # The endpoint is the owner's own and stays: where it answers is no word of the workload.
    assert where(files) - {"leaderboard_endpoint"} == set()
    assert (Suite.everything.exclude(owner=None).count(), Bakeoff.objects.count()) == (0, 0)
    assert (Judging.objects.count(), Judge.objects.count(), Grade.objects.count()) == (0, 0, 0)
    assert [model.name for model in Model.everything.all()] == ["org/public"]
    assert Submission.everything.count() == 1
    assert default_storage.listdir("samples")[0] == [str(Submission.objects.get().pk)]
