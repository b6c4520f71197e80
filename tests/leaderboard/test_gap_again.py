"""Lines, difference, interval and lag of the gap by other code (`again`), for the suite and for each task."""

import math
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Model, Submission, Suite
from tests.leaderboard import gaps
from tests.leaderboard.again import Items, Row, table
from tests.leaderboard.compared import finished, imported

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
CAPABILITIES = {"suite": ["alpha", "beta"], "alpha": ["alpha"], "beta": ["beta"]}
MONTH = 365.2425 / 12
DOUBTED = "org/doubted"


def crowd(make: Make, suite: Suite) -> None:
    """Rows that belong on no measured line, each better than all that do, and released before them."""
    best = {"alpha": [1.0] * gaps.ITEMS, "beta": [1.0] * (gaps.ITEMS - 1) + [0.0]}
    early = date(2022, 1, 1)
    for number in range(2):
        finished(make, f"org/on-other-items-{number}", best, start=900 * (number + 1))
    finished(make, DOUBTED, best)
    finished(make, "org/partial", {"alpha": best["alpha"]})
    imported(suite, "org/claimed", best)
    Model.objects.filter(name__startswith="org/").update(released_on=early)
    finished(make, "org/undated", best)
    Model.objects.filter(name=DOUBTED).update(flagged=True)
    build_snapshot(suite=suite, anew=True)


def records(rows: list[Row], items: Items, tasks: list[str], kind: str) -> list[Row]:
    """Rows of one side that beat everything of it that was released before."""
    best, found = -math.inf, []
    for row in sorted((row for row in rows if row["kind"] == kind), key=lambda row: row["released_on"]):
        if items.score(row, tasks) > best:
            best = items.score(row, tasks)
            found.append(row)
    return found


@pytest.mark.parametrize("graded", [False, True], ids=["right or wrong", "graded"])
@pytest.mark.parametrize(("ahead", "behind"), [(0.0, "open"), (1.5, "open"), (-3.0, "proprietary")])
def test_all_of_the_gap_by_other_code(
    client: Client, make_submission: Make, suite: Suite, ahead: float, behind: str, graded: bool
) -> None:
    gaps.stand_ins(make_submission, suite, ahead=ahead, graded=graded)
    crowd(make_submission, suite)
    items = Items(client)
    rows = [
        row for row in table(client, "/board.csv?suite=tiny@1")
        if row["rank"] and row["released_on"] and row["verified"] == "true" and row["model"] != DOUBTED
    ]  # fmt: skip
    assert len(rows) == len(gaps.STAND_INS) + 2
    drawn = [row for row in table(client, "/gap.csv?suite=tiny@1") if row["origin"] == "measured"]
    said = {one["name"]: one for one in client.get("/api/v1/gap/?suite=tiny@1").json()["capabilities"]}
    for name, tasks in CAPABILITIES.items():
        alike = items.alike(rows, tasks)
        assert len(alike) == len(gaps.STAND_INS)
        sides = {kind: records(alike, items, tasks, kind) for kind in ("open", "proprietary")}
        shown = [row for row in drawn if row["capability"] == name]
        assert [(row["weights"], row["released"], row["model"], row["evaluation"]) for row in shown] == [
            (kind, row["released_on"], row["model"], row["key"]) for kind, of in sides.items() for row in of
        ]
        for row, origin in zip(shown, [row for of in sides.values() for row in of], strict=True):
            assert float(row["score"]) == pytest.approx(items.score(origin, tasks), abs=1e-7)
            assert float(row["half_interval"]) == pytest.approx(items.half(origin, tasks), abs=1e-7)
        assert [row["model"] for row in shown] == [
            step["model"] for line in said[name]["lines"] if not line["imported"] for step in line["steps"]
        ]
        check_today(said[name]["today"], sides, items, tasks, behind)


def check_today(
    today: dict[str, Any], sides: dict[str, list[Row]], items: Items, tasks: list[str], behind: str
) -> None:
    ours, theirs = sides["open"][-1], sides["proprietary"][-1]
    assert (today["open"], today["proprietary"]) == (ours["key"], theirs["key"])
    found = items.between(theirs, ours, tasks)
    assert (today["difference"], today["low"], today["high"]) == pytest.approx(found, abs=1e-4)
    assert today["items"] == len(tasks) * gaps.ITEMS
    assert (found.difference > 0) == (behind == "open")

    own, others = (ours, sides["proprietary"]) if behind == "open" else (theirs, sides["open"])
    against = [(row, items.between(row, own, tasks)) for row in others]
    day = date.fromisoformat(own["released_on"])

    def since(part: str) -> float | None:
        first = next((row for row, of in against if getattr(of, part) >= 0), None)
        return None if first is None else (day - date.fromisoformat(first["released_on"])).days / MONTH

    lag = today["lag"]
    assert lag["behind"] == behind
    assert [lag["months"], lag["high"]] == [pytest.approx(since("difference")), pytest.approx(since("high"))]
    assert (lag["low"] is None) == (since("low") is None)
    assert lag["low"] is None or lag["low"] == pytest.approx(since("low"))
    assert lag["since"] == next(row["key"] for row, of in against if of.difference >= 0)


def test_the_scenes_reach_every_part_of_the_lag(client: Client, make_submission: Make, suite: Suite) -> None:
    """What the test above relies on: a range with both ends, each step at another place."""
    gaps.stand_ins(make_submission, suite, ahead=1.5)
    whole = client.get("/api/v1/gap/?suite=tiny@1").json()["capabilities"][0]
    lag = whole["today"]["lag"]
    assert lag["low"] is not None and lag["low"] < lag["high"]
    for line in whole["lines"]:
        days = [date.fromisoformat(step["released"]) for step in line["steps"]]
        assert len(days) > 1 and all(later - earlier > timedelta(0) for earlier, later in pairwise(days))
