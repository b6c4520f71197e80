"""The page about the method works through numbers of this site, which have to come out."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Submission, Suite
from leaderboard.queries.method import example
from tests.leaderboard import gaps
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


def test_the_worked_example_comes_out(client: Client, make_submission: Make, suite: Suite) -> None:
    gaps.stand_ins(make_submission, suite)
    found = example()
    assert found is not None and found.row.rank == 1
    assert found.mean == pytest.approx(found.row.score) and found.error == pytest.approx(found.row.stderr)
    worked = [one.text for one in tree(client.get("/method")).all("p", "worked")]
    terms, mean = re.fullmatch(r"\((.+)\) / 2 = ([\d.]+)√.*", worked[0]).groups()  # type: ignore[union-attr]
    assert sum(map(float, terms.split(" + "))) / 2 == pytest.approx(float(mean), abs=0.011)
    said = client.get("/api/v1/gap/?suite=tiny@1").json()["capabilities"][0]["today"]
    assert f"{said['difference']:.1f}" in worked[2] and f"{said['lag']['months']:.2f} months" in worked[3]


def test_without_anything_ranked_the_formulas_stand_alone(client: Client, suite: Suite) -> None:
    shown = tree(client.get("/method"))
    assert "Nothing is ranked here yet" in shown.one("p", "notice").text
    assert shown.all("p", "worked") == []
    assert len(shown.all("p", "formula")) == 4


def test_one_row_without_the_other_side(client: Client, make_submission: Make, suite: Suite) -> None:
    made.succeed(make_submission("org/<i>only"), 50.0)
    build_snapshot(suite=suite)
    shown = tree(client.get("/method")).one("main").text
    assert "0 of 1 ranked rows" in shown and "No proprietary model was measured here." in shown
