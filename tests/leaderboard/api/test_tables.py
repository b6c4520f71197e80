"""Tables as files: what they hold, that memory does not grow, and that the guide's one-liners work."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client

from leaderboard import tabular
from leaderboard.actions.rank import build_snapshot
from leaderboard.api import schema
from leaderboard.columnar import export
from leaderboard.columnar.facts import FACTS
from leaderboard.columnar.table import Columns
from leaderboard.models import Model, Snapshot, Submission, Suite, WorkerToken
from leaderboard.queries.snapshots import columns_of
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
BOARD = "/api/v1/leaderboard/?suite=tiny@1"


@pytest.fixture
def ranked(make_submission: Make, suite: Suite) -> dict[str, Submission]:
    rows = made.ranked(make_submission, suite)
    Model.objects.filter(name="org/best").update(released_on="2026-01-31", official=True, licence="=1+1")
    build_snapshot(suite=suite, anew=True)
    return rows


def body(client: Client, path: str) -> bytes:
    reply = client.get(path)
    assert reply.status_code == 200, reply.content
    return reply.getvalue()


def test_a_ranking_as_parquet_is_the_ranking(client: Client, ranked: dict[str, Submission]) -> None:
    found = pq.read_table(io.BytesIO(body(client, f"{BOARD}&format=parquet"))).to_pylist()
    listed = client.get(BOARD).json()["results"]
    assert [row["model"] for row in found] == [row["model"] for row in listed]
    for file, api in zip(found, listed, strict=True):
        assert (file["rank"], file["score"], file["stderr"]) == (api["rank"], api["score"], api["stderr"])
        assert (file["revision"], file["submission"]) == (api["revision"], api["submission"])
        interval = None if file["rank_low"] is None else [file["rank_low"], file["rank_high"]]
        assert interval == api["rank_interval"]
        for task, cell in api["tasks"].items():
            assert (file[task], file[f"{task}_stderr"]) == (cell["score"], cell["stderr"])
    best, last = found[0], found[-1]
    assert (best["released_on"].isoformat(), best["official"], last["released_on"], last["official"]) == (
        "2026-01-31", True, None, None,
    )  # fmt: skip
    assert {fact.name for fact in FACTS} <= set(best)


def test_a_ranking_as_csv_is_safe_in_a_spreadsheet(client: Client, ranked: dict[str, Submission]) -> None:
    found = list(csv.DictReader(io.StringIO(body(client, f"{BOARD}&format=csv&search=best").decode())))
    assert [(row["rank"], row["model"], row["licence"]) for row in found] == [("1", "org/best", "'=1+1")]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_without_rows_has_its_columns(client: Client, suite: Suite, kind: str) -> None:
    data = body(client, f"{BOARD}&format={kind}")
    names = (
        data.decode().strip().replace('"', "").split(",") if kind == "csv" else pq.read_schema(io.BytesIO(data)).names
    )
    assert names[:5] == ["rank", "rank_low", "rank_high", "model", "revision"]


def test_refusals_stay_problems(client: Client, suite: Suite) -> None:
    for path, status in ((f"{BOARD}&format=parquet&sort=x", 400), (f"{BOARD}&format=xlsx", 404)):
        reply = client.get(path)
        assert (reply.status_code, reply["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize(
    "path", [BOARD, "/api/v1/submissions/1/lm-eval.zip", "/api/v1/submissions/1/eval-results.yaml"]
)
def test_browsers_may_ask_what_they_may_do_with_files(client: Client, path: str) -> None:
    for accepted in ("text/csv", "application/zip", "application/yaml", "*/*"):
        assert client.options(path, headers={"accept": accepted}).status_code in {204, 406}


def test_results_and_items(client: Client, make_submission: Make, worker_token: WorkerToken, files: Path) -> None:
    row = made.measure(make_submission("org/measured"), worker_token, [1.0, 0.0, 0.5])
    found = pq.read_table(io.BytesIO(body(client, "/api/v1/results/?format=parquet"))).to_pylist()
    listed = client.get("/api/v1/results/").json()["results"]
    assert [(one["id"], one["task"], one["score"], one["n"]) for one in found] == [
        (one["id"], one["task"], one["score"], one["n"]) for one in listed
    ]
    path = f"/api/v1/submissions/{row.pk}/items/?task=alpha"
    lines = list(csv.DictReader(io.StringIO(body(client, f"{path}&format=csv").decode())))
    listed = client.get(path).json()
    assert [one["item_hash"] for one in lines] == listed["item_hashes"]
    assert [float(one["score"]) for one in lines] == listed["scores"] == [1.0, 0.0, 0.5]


def test_what_is_written_is_given_away_at_once() -> None:
    """However many batches there are, no more than about one of them is held."""
    batch = pa.table({"x": np.random.default_rng(1).random(10_000)})
    schema_ = batch.schema
    held = []

    def many() -> Any:
        for _ in range(20):
            held.append(0)
            yield batch

    parts = []
    for part in tabular.parquet(schema_, many()):
        parts.append(len(part))
        assert len(held) <= len(parts)
    assert len(parts) == 21
    assert max(parts) < 2 * batch.nbytes


def test_the_guides_one_liners_read_the_table(
    client: Client, ranked: dict[str, Submission], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB and pandas for real, on the file that the route gives."""
    guide = (schema.CHECKED_IN.parent / "guide.md").read_text()
    address = "http://127.0.0.1:8000/api/v1/leaderboard/?format=parquet"
    assert guide.count(address) == 2
    file = tmp_path / "board.parquet"
    file.write_bytes(body(client, address.removeprefix("http://127.0.0.1:8000")))
    [query] = re.findall(r"```sql\n(.*?)\n```", guide, re.DOTALL)
    # In a process of its own: DuckDB's extension complains about what it leaks when an interpreter ends.
    program = "import duckdb, json, sys; print(json.dumps(duckdb.sql(sys.argv[1]).fetchall()))"
    command = [sys.executable, "-c", program, query.replace(address, str(file))]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [row[0] for row in found][:2] == ["org/best", "org/tied"]
    [line] = re.findall(r"```python\n(pandas.*?)\n```", guide, re.DOTALL)
    frame = eval(line.replace(address, str(file)), {"pandas": pandas})
    assert list(frame["model"])[:2] == ["org/best", "org/tied"]


def test_names_of_tasks_do_not_hide_facts(ranked: dict[str, Submission]) -> None:
    data = columns_of(Snapshot.objects.latest("id"))
    columns = data.table.append_column("score:licence", data.table["score:alpha"])
    told = [name for _, name in export.names(Columns(columns), ["alpha", "licence"])]
    assert len(told) == len(set(told))
    assert {"licence", "task:licence", "alpha"} <= set(told)
