"""The board as files: every row that fits, in the order and with the columns that are shown."""

import csv
import io
import json
from typing import Any

import duckdb
import pyarrow.parquet as parquet
import pytest
from django.test import Client

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Submission, Suite
from leaderboard.queries import export
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
QUERIES = ["", "&sort=-alpha", "&search=org", "&col=beta", "&w.alpha=2&w.beta=1", "&scores=percentile&sort=model"]


@pytest.fixture
def board(make_submission: made.Make, suite: Suite) -> dict[str, Submission]:
    return made.ranked(make_submission, suite)


def body(client: Client, path: str) -> bytes:
    reply = client.get(path)
    assert reply.status_code == 200, path
    return b"".join(reply.streaming_content)


def shown(client: Client, query: str) -> list[str]:
    """The rows' keys on the page, in order."""
    html = client.get(f"/?suite=tiny@1{query}").content.decode()
    return [part.split('"')[0] for part in html.split('<tr id="')[1:]]


@pytest.mark.parametrize("query", QUERIES)
def test_all_three_hold_what_is_shown(client: Client, board: dict[str, Submission], query: str) -> None:
    wanted = shown(client, query)
    lines = list(csv.DictReader(io.StringIO(body(client, f"/board.csv?suite=tiny@1{query}").decode())))
    listed = json.loads(body(client, f"/board.json?suite=tiny@1{query}"))
    table = parquet.read_table(io.BytesIO(body(client, f"/board.parquet?suite=tiny@1{query}")))
    assert [line["key"] for line in lines] == [one["key"] for one in listed] == table["key"].to_pylist() == wanted
    assert list(lines[0]) == list(listed[0]) == table.column_names
    for line, one in zip(lines, table.to_pylist(), strict=True):
        assert {name: number(line[name]) for name in ("rank", "score", "beta")} == {
            name: one[name] for name in ("rank", "score", "beta")
        }


def number(text: str) -> float | None:
    return float(text) if text else None


def test_columns_follow_the_choice(client: Client, board: dict[str, Submission]) -> None:
    def columns(query: str) -> set[str]:
        return set(json.loads(body(client, f"/board.json?suite=tiny@1{query}"))[0])

    assert {"alpha", "beta", "alpha_stderr"} <= columns("")
    assert "alpha" not in columns("&col=beta")
    assert {"own", "own_stderr"} <= columns("&w.alpha=1")
    assert "alpha_stderr" not in columns("&scores=percentile")


def test_formulas_are_defused(client: Client, make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission("=cmd()/best"), 50.0)
    build_snapshot(suite=suite)
    lines = csv.DictReader(io.StringIO(body(client, "/board.csv?suite=tiny@1").decode()))
    assert [line["model"] for line in lines] == ["'=cmd()/best"]


def test_no_rows_are_an_empty_file(client: Client, board: dict[str, Submission]) -> None:
    assert json.loads(body(client, "/board.json?suite=tiny@1&search=nobody")) == []
    names = parquet.read_table(io.BytesIO(body(client, "/board.parquet?suite=tiny@1&search=nobody"))).column_names
    assert list(csv.reader(io.StringIO(body(client, "/board.csv?suite=tiny@1&search=nobody").decode()))) == [names]


def test_pieces_are_put_together(
    client: Client, board: dict[str, Submission], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    whole = json.loads(body(client, "/board.json?suite=tiny@1"))
    monkeypatch.setattr(export, "BATCH", 1)
    assert json.loads(body(client, "/board.json?suite=tiny@1")) == whole
    (tmp_path / "board.parquet").write_bytes(body(client, "/board.parquet?suite=tiny@1"))
    found = duckdb.sql(f"SELECT model, rank FROM '{tmp_path}/board.parquet' ORDER BY rank NULLS LAST, model").fetchall()
    assert found == [(one["model"], one["rank"]) for one in whole]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_bad_question_is_answered_in_words(client: Client, board: dict[str, Submission], kind: str) -> None:
    assert client.get(f"/board.{kind}?suite=tiny@1&sort=__class__").status_code == 400
    assert client.get(f"/board.{kind}?suite=none@1").status_code == 404
