"""Two claims once more from what everybody can download, with code of its own: the rows, the interval, the word."""

import csv
import math
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from scipy import stats

from leaderboard.actions.accounts import create_person
from leaderboard.actions.claims import state_claim
from leaderboard.models import Revision, Submission, Suite, User
from tests.leaderboard import gaps

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("collected")]
Make = Callable[..., Submission]
Row = dict[str, str]


@pytest.fixture
def staff(db: None) -> User:
    user = create_person(username="staff", password=None)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.refresh_from_db()
    return user


def board(client: Client) -> list[Row]:
    reply: Any = client.get("/board.csv?suite=tiny@1")
    content = b"".join(reply.streaming_content) if reply.streaming else reply.content
    return list(csv.DictReader(StringIO(content.decode())))


def best(rows: list[Row], tasks: list[str], **wanted: str) -> Row:
    fits = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return max(fits, key=lambda row: sum(float(row[task]) for task in tasks))


def scores(client: Client, row: Row, task: str) -> list[float]:
    path = f"/api/v1/submissions/{row['key'].removeprefix('s')}/items/?task={task}"
    found: list[float] = client.get(path).json()["scores"]
    return found


def mean_interval(client: Client, first: Row, second: Row, tasks: list[str]) -> tuple[float, float, float]:
    """Of the mean of the tasks' differences, in points: Welch's degrees of freedom."""
    means, variances, freedoms = [], [], []
    for task in tasks:
        d = [a - b for a, b in zip(scores(client, first, task), scores(client, second, task), strict=True)]
        mean = math.fsum(d) / len(d)
        means.append(mean)
        variances.append(math.fsum((x - mean) ** 2 for x in d) / (len(d) - 1) / len(d) / len(tasks) ** 2)
        freedoms.append(len(d) - 1)
    df = sum(variances) ** 2 / sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    middle, half = sum(means) / len(tasks), stats.t.ppf(0.975, df) * math.sqrt(sum(variances))
    return 100 * middle, 100 * (middle - half), 100 * (middle + half)


def tango(wins: int, losses: int, n: int, z: float) -> tuple[float, float]:
    """Tango's score interval of a paired difference (1998), by bisection of its own statistic."""

    def statistic(null: float) -> float:
        a, b = 2 * n, -wins - losses + (2 * n - wins + losses) * null
        c = -losses * null * (1 - null)
        q = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
        variance = n * (2 * q + null * (1 - null))
        return (wins - losses - n * null) / math.sqrt(variance) if variance > 0 else 0.0

    def end(target: float, low: float, high: float) -> float:
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if statistic(middle) > target else (low, middle)
        return (low + high) / 2

    middle = (wins - losses) / n
    return end(z, -1 + 1e-12, middle), end(-z, middle, 1 - 1e-12)


def decided(intervals: list[tuple[float, float]], margin: float) -> str:
    if all(low > -margin for low, _ in intervals):
        return "supported"
    return "refuted" if any(high < -margin for _, high in intervals) else "not yet measured"


def said(client: Client, slug: str) -> dict[str, Any]:
    [found] = [one for one in client.get("/api/v1/claims/").json()["results"] if one["slug"] == slug]
    return dict(found)


@pytest.mark.parametrize("margin", [0.0, 4.0, 60.0])
def test_a_mean_over_tasks_by_other_code(
    client: Client, make_submission: Make, suite: Suite, staff: User, margin: float
) -> None:
    gaps.stand_ins(make_submission, suite)
    terms = {"test": "not_behind", "first": {"kind": "open"}, "second": {"kind": "proprietary"}, "margin": margin,
             "tasks": [{"suite": "tiny@1", "task": name} for name in ("alpha", "beta")]}  # fmt: skip
    state_claim(slug="mean", text="Open models match.", who="a test", terms=terms, by=staff)
    rows, tasks = board(client), ["alpha", "beta"]
    first, second = best(rows, tasks, kind="open"), best(rows, tasks, kind="proprietary")
    difference, low, high = mean_interval(client, first, second, tasks)
    found = said(client, "mean")
    [evidence] = found["evidence"]
    assert (evidence["first"], evidence["second"]) == (first["key"], second["key"])
    assert (evidence["value"], evidence["low"], evidence["high"]) == pytest.approx((difference, low, high), abs=1e-6)
    assert found["outcome"] == decided([(low, high)], margin)


@pytest.mark.parametrize("margin", [2.0, 45.0, 99.0])
def test_each_of_two_tasks_by_other_code(
    client: Client, make_submission: Make, suite: Suite, staff: User, margin: float
) -> None:
    rows_made = gaps.stand_ins(make_submission, suite)
    assert rows_made and Revision.objects.exists()
    terms = {"test": "not_behind", "first": {"model": "parity-demo/tiny-random-1"}, "over": "each",
             "second": {"kind": "proprietary"}, "margin": margin,
             "tasks": [{"suite": "tiny@1", "task": name} for name in ("alpha", "beta")]}  # fmt: skip
    state_claim(slug="each", text="Random weights match.", who="a test", terms=terms, by=staff)
    rows, found = board(client), said(client, "each")
    plain, wide = [], []
    for task, evidence in zip(("alpha", "beta"), found["evidence"], strict=True):
        first = best(rows, [task], model="parity-demo/tiny-random-1")
        second = best(rows, [task], kind="proprietary")
        ours, theirs = scores(client, first, task), scores(client, second, task)
        wins = sum(a > b for a, b in zip(ours, theirs, strict=True))
        losses = sum(a < b for a, b in zip(ours, theirs, strict=True))
        at_95, at_975 = (tango(wins, losses, len(ours), stats.norm.ppf(1 - a / 2)) for a in (0.05, 0.025))
        plain.append(tuple(100 * end for end in at_95))
        wide.append(tuple(100 * end for end in at_975))
        assert (evidence["first"], evidence["second"]) == (first["key"], second["key"])
        assert evidence["value"] == pytest.approx(100 * (wins - losses) / len(ours))
        assert (evidence["low"], evidence["high"]) == pytest.approx(plain[-1], abs=1e-4)
    expected = decided(plain, margin)
    if expected == "refuted":  # takes the intervals that are corrected for two tasks
        expected = "refuted" if any(high < -margin for _, high in wide) else "not yet measured"
    assert found["outcome"] == expected
