"""The gap as its readers see it: page, file, API and the small one on the board."""

import csv
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Model, Submission, Suite
from leaderboard.pages import gap as pages
from tests.environment import SHARED
from tests.leaderboard import gaps
from tests.leaderboard.compared import finished
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


def page(client: Client, path: str) -> Element:
    reply = client.get(path)
    assert reply.status_code == 200
    return tree(reply)


def lines(client: Client, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(client.get(path).content.decode())))


def test_page_file_and_api_say_the_same(client: Client, make_submission: Make, suite: Suite) -> None:
    gaps.stand_ins(make_submission, suite)
    shown = page(client, "/gap?suite=tiny@1")
    said = client.get("/api/v1/gap/?suite=tiny@1").json()
    whole = said["capabilities"][0]
    steps = [(line["side"], one["released"], one["model"]) for line in whole["lines"] for one in line["steps"]]
    rows = [row for row in lines(client, "/gap.csv?suite=tiny@1") if row["capability"] == "suite"]
    assert [(row["weights"], row["released"], row["model"]) for row in rows] == steps
    table = shown.one("div", "pane", aria_label="Steps of the lines")
    listed = [row for row in table.all("tr") if row.all("td")]
    assert [row.all("td")[0].text for row in listed] == [day for _, day, _ in steps]
    today = whole["today"]
    text = shown.one("section", aria_labelledby="today").text
    assert f"+{today['difference']:.1f} points" in text
    assert f"{today['lag']['months']:.1f} months" in text
    assert f"/compare?m={today['open']}&m={today['proprietary']}" in shown.links()["Compare them"]
    small = page(client, "/?suite=tiny@1").one("aside", "gap-small")
    assert f"+{today['difference']:.1f}" in small.text and small.links()["The gap over time"] == "/gap?suite=tiny%401"


def test_each_capability_has_its_own_lines(client: Client, make_submission: Make, suite: Suite) -> None:
    gaps.stand_ins(make_submission, suite)
    shown = page(client, "/gap?suite=tiny@1&task=alpha")
    assert shown.one("h2", id="lines").text == "Alpha over time"
    table = shown.one("table", "capabilities")
    assert [row.one("th").text for row in table.one("tbody").all("tr")] == ["Whole suite", "Alpha", "Beta"]
    for path in ("/gap?task=nothing", "/gap?suite=nothing@1", "/gap.csv?suite=%00", "/api/v1/gap/?suite=nothing@1"):
        assert client.get(path).status_code == 404


def test_without_a_side_it_says_so_and_draws_what_there_is(client: Client, make_submission: Make, suite: Suite) -> None:
    finished(make_submission, "org/<b>open", {"alpha": [1.0, 0.0] * 10, "beta": [1.0, 0.0] * 10})
    Model.objects.update(released_on=date(2025, 1, 1))
    build_snapshot(suite=suite)
    shown = page(client, "/gap?suite=tiny@1")
    note = shown.one("div", "notice", role="note").text
    assert note.startswith("Not yet measured on both sides. No proprietary model was measured here.")
    assert "<b>open" not in client.get("/gap?suite=tiny@1").content.decode()
    assert "No proprietary model was measured here." in page(client, "/?suite=tiny@1").one("aside", "gap-small").text


@pytest.mark.slow
def test_the_real_table_is_drawn_as_imported_and_never_compared(client: Client) -> None:
    source = SHARED / "data" / "open_llm_leaderboard_v2.csv"
    if not source.is_file():
        pytest.skip("../shared/data (the Open LLM Leaderboard's table) is not here")
    call_command("import_open_llm_leaderboard", str(source), stdout=StringIO())
    slug = "open-llm-leaderboard-v2@1"
    shown = lines(client, f"/gap.csv?suite={slug}")
    assert {row["origin"] for row in shown} == {"imported"} and {row["weights"] for row in shown} == {"open"}
    for capability, column in (("suite", "Average ⬆️"), ("leaderboard_gpqa", "GPQA")):
        found = [
            (row["released"], row["model"], float(row["score"])) for row in shown if row["capability"] == capability
        ]
        assert found == records(source, column)
    said = client.get(f"/api/v1/gap/?suite={slug}").json()
    assert all(one["today"] is None for one in said["capabilities"])
    assert any("without a release date" in one for one in said["left_out"])
    text = page(client, f"/gap?suite={slug}").one("main").text
    assert "Best open-weights, imported, not verified here" in text
    assert "No open-weights model was measured here." in text


def records(source: Path, column: str) -> list[tuple[str, str, float]]:
    """The records by upload date, straight from the file."""
    with source.open(encoding="utf-8", newline="") as file:
        table = [row for row in csv.DictReader(file) if row["Upload To Hub Date"] and row["Flagged"] != "True"]
    dates = {row["fullname"]: row["Upload To Hub Date"] for row in table}
    best, found = -1.0, []
    for day in sorted(set(dates.values())):
        top = max((row for row in table if row["Upload To Hub Date"] == day), key=lambda row: float(row[column]))
        if float(top[column]) > best:
            best = float(top[column])
            found.append((day, top["fullname"], float(f"{best:.10g}")))
    return found


def test_a_ranking_is_drawn_once_and_a_newer_one_anew(
    client: Client, make_submission: Make, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps.stand_ins(make_submission, suite)
    first = page(client, "/gap?suite=tiny@1").one("main").text
    drawn: list[str] = []
    monkeypatch.setattr(pages, "render_to_string", lambda name, _: drawn.append(name) or "drawn anew")
    assert page(client, "/gap?suite=tiny@1&utm_id=7").one("main").text == first
    assert drawn == []
    finished(make_submission, "org/newer", {"alpha": [1.0] * gaps.ITEMS, "beta": [1.0] * gaps.ITEMS})
    Model.objects.filter(name="org/newer").update(released_on=date(2026, 1, 1))
    build_snapshot(suite=suite)
    assert "drawn anew" in page(client, "/gap?suite=tiny@1&utm_id=8").one("main").text
    assert drawn == ["gap/sections.html"]
