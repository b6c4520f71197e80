"""The ranking by API is put together by hand, and is what the documented shape says."""

import json
from collections.abc import Callable

import pytest
from django.test import Client

from leaderboard.actions.rank import build_snapshot
from leaderboard.api import shapes, tables
from leaderboard.api.board import lines
from leaderboard.models import Submission, Suite
from leaderboard.queries.board import board, sources
from leaderboard.queries.selection import Asked
from tests.leaderboard import compared
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


@pytest.fixture
def ranked(make_submission: Make, suite: Suite) -> None:
    made.ranked(make_submission, suite)
    compared.imported(suite, "org/imported", {"alpha": [1.0, 0.0]}, normalised=12.5)
    build_snapshot(suite=suite)


@pytest.mark.parametrize("asked", [Asked(), Asked(scores="percentile", weights={"alpha": "2"}, columns=["alpha"])])
def test_rows_have_the_documented_shape(ranked: None, asked: Asked) -> None:
    found = board(asked)
    assert len({row.verified for row in found.rows}) == 2
    assert any("normalised" in cell for row in found.rows for cell in row.tasks.values())
    documented = shapes.RowOut(found.rows, many=True, context={"sources": sources(found.rows)}).data
    assert lines(found.rows, found.grid) == json.loads(json.dumps(documented))


def test_quick_json_is_the_same_json(ranked: None, client: Client) -> None:
    quick = client.get("/api/v1/leaderboard/?suite=tiny@1")
    assert quick["Content-Type"] == "application/json"
    indented = client.get("/api/v1/leaderboard/?suite=tiny@1", headers={"accept": "application/json; indent=2"})
    assert b"\n  " in indented.content and indented.json() == quick.json()


def test_nothing_is_rendered_as_nothing() -> None:
    assert tables.QuickJSON().render(None) == b""
