"""The gap once more, from what everybody can download: lines, difference, interval and lag with code of its own.

The board's CSV has release dates and scores, the API the scores of items. Nothing of leaderboard.statistics is used.
"""

import csv
import math
from collections.abc import Callable
from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from scipy import stats

from leaderboard.models import Submission, Suite
from tests.leaderboard import gaps

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("collected")]
Make = Callable[..., Submission]
TASKS = ("alpha", "beta")
MONTH = 30.436875


def table(client: Client, path: str) -> list[dict[str, str]]:
    reply: Any = client.get(path)
    content = b"".join(reply.streaming_content) if reply.streaming else reply.content
    return list(csv.DictReader(StringIO(content.decode())))


def records(rows: list[dict[str, str]], kind: str) -> list[dict[str, str]]:
    """Rows of one side that beat everything released before, by date."""
    best, found = -math.inf, []
    for row in sorted((row for row in rows if row["kind"] == kind), key=lambda row: row["released_on"]):
        if float(row["score"]) > best:
            best = float(row["score"])
            found.append(row)
    return found


def item_scores(client: Client, key: str, task: str) -> list[float]:
    scores: list[float] = client.get(f"/api/v1/submissions/{key.removeprefix('s')}/items/?task={task}").json()["scores"]
    return scores


def paired(client: Client, first: str, second: str) -> tuple[float, float, float]:
    """First minus second in points: the mean over tasks with Welch's t interval."""
    means, variances, freedoms = [], [], []
    for task in TASKS:
        d = [a - b for a, b in zip(item_scores(client, first, task), item_scores(client, second, task), strict=True)]
        mean = sum(d) / len(d)
        means.append(mean)
        variances.append(sum((x - mean) ** 2 for x in d) / (len(d) - 1) / len(d) / len(TASKS) ** 2)
        freedoms.append(len(d) - 1)
    total = sum(variances)
    df = total**2 / sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    middle, half = sum(means) / len(TASKS), stats.t.ppf(0.975, df) * math.sqrt(total)
    return 100 * middle, 100 * (middle - half), 100 * (middle + half)


def test_lines_difference_interval_and_lag_by_other_code(client: Client, make_submission: Make, suite: Suite) -> None:
    gaps.stand_ins(make_submission, suite)
    rows = table(client, "/board.csv?suite=tiny@1")
    shown = [row for row in table(client, "/gap.csv?suite=tiny@1") if row["capability"] == "suite"]
    expected = {side: records(rows, side) for side in ("open", "proprietary")}
    assert [(row["weights"], row["released"], row["model"], row["evaluation"]) for row in shown] == [
        (side, row["released_on"], row["model"], row["key"]) for side, of in expected.items() for row in of
    ]
    for row in shown:
        [origin] = [one for one in rows if one["key"] == row["evaluation"]]
        assert float(row["score"]) == pytest.approx(float(origin["score"]), abs=1e-6)
        assert float(row["half_interval"]) == pytest.approx(1.959964 * float(origin["stderr"]), abs=1e-5)

    said = client.get("/api/v1/gap/?suite=tiny@1").json()["capabilities"][0]["today"]
    ours, theirs = expected["open"][-1], expected["proprietary"][-1]
    difference, low, high = paired(client, theirs["key"], ours["key"])
    assert (said["difference"], said["low"], said["high"]) == pytest.approx((difference, low, high), abs=1e-6)
    assert said["items"] == 2 * gaps.ITEMS

    steps = [(row, paired(client, row["key"], ours["key"])) for row in expected["proprietary"]]
    reached = [next((row for row, of in steps if of[part] >= 0), None) for part in (0, 1, 2)]
    day = date.fromisoformat(ours["released_on"])
    months, surely, perhaps = (
        None if row is None else (day - date.fromisoformat(row["released_on"])).days / MONTH for row in reached
    )
    assert said["lag"]["behind"] == "open"
    assert said["lag"]["months"] == pytest.approx(months)
    assert said["lag"]["low"] == (None if surely is None else pytest.approx(surely))
    assert said["lag"]["high"] == pytest.approx(perhaps)
