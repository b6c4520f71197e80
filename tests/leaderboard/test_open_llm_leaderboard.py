"""The real table of the Open LLM Leaderboard v2, from the file to the site's own answers, to the last printed digit."""

import csv
import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from leaderboard.imports.open_llm_leaderboard import AVERAGE, SUITE
from leaderboard.models import Import, Imported, Model, Snapshot
from tests.environment import SHARED

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
SLUG = "open-llm-leaderboard-v2@1"
Row = dict[str, str]


@pytest.fixture(scope="module")
def table() -> Path:
    path = SHARED / "data" / "open_llm_leaderboard_v2.csv"
    if not path.is_file():
        pytest.skip("../shared/data (the Open LLM Leaderboard's table) is not here")
    return path


@pytest.fixture(scope="module")
def rows(table: Path) -> list[Row]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load(*arguments: str) -> str:
    out = StringIO()
    call_command("import_open_llm_leaderboard", *arguments, stdout=out)
    return out.getvalue()


def board(client: Client, query: str = "") -> Iterator[dict[str, Any]]:
    """Every row that the API gives, its numbers as they are printed."""
    page = 1
    while True:
        reply = client.get(f"/api/v1/leaderboard/?suite={SLUG}&page_size=500&page={page}{query}")
        found = json.loads(reply.content, parse_float=str)
        yield from found["results"]
        if found["next"] is None:
            return
        page += 1


def test_every_row_of_the_board_is_the_sources_to_the_last_digit(client: Client, table: Path, rows: list[Row]) -> None:
    said = load(str(table))
    assert f"{SLUG}: 3827 new, 0 changed, 0 unchanged, 0 withdrawn, 0 skipped" in said
    assert "13  The source names no revision." in said
    assert "5  The source gives no number of parameters that could be one." in said
    assert "7  The source has no submission date." in said
    seconds = float(re.search(r"([\d.]+) s\n", said)[1])  # type: ignore[index]
    assert seconds < 60, "an import takes seconds"
    shown = {(row["model"], row["precision"]): row for row in board(client)}
    assert len(shown) == len(rows) == 3827
    averages = [float(row[AVERAGE]) for row in rows]
    better = {average: 1 + place for place, average in reversed(list(enumerate(sorted(averages, reverse=True))))}
    for row in rows:
        found = shown[row["fullname"], row["Precision"]]
        assert found["score"] == row[AVERAGE]
        assert found["rank"] == better[float(row[AVERAGE])]
        assert (found["rank_interval"], found["stderr"], found["unranked_reason"]) == (None, None, "")
        assert (found["verified"], found["submission"], found["revision"]) == (False, None, row["Model sha"])
        assert (found["source"]["title"], found["source"]["as_of"]) == (SUITE.title, "2025-02-08")
        assert found["source"]["evaluated_on"] == (row["Submission Date"] or None)
        assert found["settings"]["apply_chat_template"] == (row["Chat Template"] == "True")
        assert found["source"]["facts"]["co2_kg"] == row["CO₂ cost (kg)"]
        for task in SUITE.tasks:
            cell = found["tasks"][task.task]
            assert (cell["normalised"], cell["score"]) == (row[task.title], row[f"{task.title} Raw"])


def test_facts_of_every_model_are_the_sources(table: Path, rows: list[Row]) -> None:
    load(str(table))
    models = {model.name: model for model in Model.objects.prefetch_related("revisions")}
    assert len(models) == 3753
    for row in rows:
        model = models[row["fullname"]]
        revision = next(one for one in model.revisions.all() if one.sha == row["Model sha"])
        assert model.organisation == row["fullname"].split("/")[0]
        assert model.licence == row["Hub License"].replace("unknown", "")
        assert (model.official, model.mixture) == (row["Official Providers"] == "True", row["MoE"] == "True")
        assert (model.merged, model.flagged) == (row["Merged"] == "True", row["Flagged"] == "True")
        assert model.available == (row["Available on the hub"] == "True")
        assert (str(model.released_on or ""), model.likes) == (row["Upload To Hub Date"], int(row["Hub ❤️"]))
        assert model.training != ""
        if float(row["#Params (B)"]) <= 0:
            assert revision.parameters is None
    assert Model.objects.exclude(licence="").filter(licence_family="").count() == 0


def test_again_as_parquet_and_once_more_as_csv_nothing_changes(tmp_path: Path, table: Path) -> None:
    load(str(table))
    before = (Import.objects.count(), Imported.objects.count(), Snapshot.objects.count())
    options = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(table, convert_options=options), tmp_path / "t.parquet")
    for path in (tmp_path / "t.parquet", table):
        assert "0 new, 0 changed, 3827 unchanged, 0 withdrawn" in load(str(path))
    assert (Import.objects.count(), Imported.objects.count(), Snapshot.objects.count()) == before


def test_a_file_that_is_not_the_table_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("model,score\na,1\n")
    with pytest.raises(CommandError, match="the column 'fullname' is missing") as refusal:
        load(str(tmp_path / "t.csv"))
    assert refusal.value.returncode == 2
    assert Import.objects.count() == Model.objects.count() == 0
