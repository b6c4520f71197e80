"""Two claims by other code (`again`): the rows, the interval, the word."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from leaderboard.actions.accounts import create_person
from leaderboard.actions.claims import state_claim
from leaderboard.models import Revision, Submission, Suite, User
from tests.leaderboard import gaps
from tests.leaderboard.again import Items, Row, table

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


@pytest.fixture
def staff(db: None) -> User:
    user = create_person(username="staff", password=None)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.refresh_from_db()
    return user


def best(rows: list[Row], tasks: list[str], **wanted: str) -> Row:
    fits = [row for row in rows if row["rank"] and all(row[name] == value for name, value in wanted.items())]
    return max(fits, key=lambda row: sum(float(row[task]) for task in tasks))


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
    rows, tasks = table(client, "/board.csv?suite=tiny@1"), ["alpha", "beta"]
    first, second = best(rows, tasks, kind="open"), best(rows, tasks, kind="proprietary")
    difference, low, high = Items(client).between(first, second, tasks)
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
    rows, found, items = table(client, "/board.csv?suite=tiny@1"), said(client, "each"), Items(client)
    plain, wide = [], []
    for task, evidence in zip(("alpha", "beta"), found["evidence"], strict=True):
        first = best(rows, [task], model="parity-demo/tiny-random-1")
        second = best(rows, [task], kind="proprietary")
        at_95, at_975 = (items.between(first, second, [task], alpha) for alpha in (0.05, 0.025))
        plain.append(at_95[1:])
        wide.append(at_975[1:])
        assert (evidence["first"], evidence["second"]) == (first["key"], second["key"])
        assert evidence["value"] == pytest.approx(at_95.difference)
        assert (evidence["low"], evidence["high"]) == pytest.approx(plain[-1], abs=1e-4)
    expected = decided(plain, margin)
    if expected == "refuted":  # takes the intervals that are corrected for two tasks
        expected = "refuted" if any(high < -margin for _, high in wide) else "not yet measured"
    assert found["outcome"] == expected
