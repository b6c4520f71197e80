"""The ranking of a suite: the board's own query, in pages of one snapshot."""

from collections.abc import Sequence
from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import tabular
from leaderboard.api import paging, shapes, tables
from leaderboard.api.paging import MAX_PAGE_SIZE
from leaderboard.api.views import PublicView, whole
from leaderboard.columnar import export
from leaderboard.columnar.facts import FACETS
from leaderboard.queries import board, snapshots
from leaderboard.queries.rows import Grid, Row
from leaderboard.queries.selection import Asked, selection

PARAMETERS = (
    OpenApiParameter("suite", str, description="name@version; default the one with the newest ranking"),
    OpenApiParameter("sort", str, description="column or task, - for descending; default rank"),
    OpenApiParameter("search", str, description="such as: qwen size:<10 -license:mit"),
    OpenApiParameter(
        "scores", str, enum=["normalised", "raw", "percentile"], description="which numbers of tasks are sorted by"
    ),
    OpenApiParameter("col", str, many=True, description="a task to show, as often as wanted; default all"),
    OpenApiParameter(
        "weights", str, description="a score of your own, `TASK:WEIGHT,TASK:WEIGHT`; sort by it with sort=-own"
    ),
    *(OpenApiParameter(fact.name, str, many=True, description=f"facet: {fact.title}") for fact in FACETS),
)
"""What chooses and orders rows."""


def asked(request: Request, snapshot: int | None = None) -> Asked:
    """What a query string with PARAMETERS asks."""
    query = request.query_params
    pairs = [one.rpartition(":") for one in query.get("weights", "").split(",") if one.strip()]
    return Asked(
        suite=query.get("suite", ""),
        sort=query.get("sort", ""),
        search=query.get("search", ""),
        chosen={fact.name: query.getlist(fact.name) for fact in FACETS},
        scores=query.get("scores", ""),
        columns=query.getlist("col"),
        weights={task.strip(): weight for task, _, weight in pairs},
        snapshot=snapshot,
    )


def lines(rows: Sequence[Row], grid: Grid) -> list[dict[str, Any]]:
    """Rows with their cells in the shape of `shapes.RowOut`, which itself would take half of a page's time."""
    source = shapes.SourceOut()
    sources = {key: source.to_representation(one) for key, one in board.sources(rows).items()}
    return [
        {
            "rank": row.rank,
            "rank_interval": shapes.interval(row),
            "unranked_reason": row.unranked_reason,
            "model": row.model_name,
            "revision": row.sha,
            "settings": row.settings,
            "adapter_on": row.adapter_on,
            "precision": row.precision,
            "score": row.score,
            "stderr": row.stderr,
            "own": row.own,
            "own_stderr": row.own_stderr,
            "tasks": cells,
            "submission": row.submission_id,
            "verified": row.verified,
            "source": sources[row.imported_id] if row.imported_id else None,
        }
        for row, cells in zip(rows, grid.cells, strict=True)
    ]


class RankingView(PublicView):
    """A reply that depends on a ranking and on nothing else."""

    def validator(self, request: Request, **named: Any) -> str | None:
        """The newest ranking, or the one that a cursor names."""
        if "cursor" in request.query_params:
            return f"snapshot {self.place(request)[0]}"
        state = snapshots.state_of(request.query_params.get("suite", ""))
        return None if state is None else f"snapshot {state.key}"

    def place(self, request: Request) -> list[int]:
        """The snapshot and page that a cursor names; raises BadQuery."""
        found = paging.place_of(request.query_params["cursor"], [int, int])
        return [one for one in found if isinstance(one, int)]

    def scope_of(self, request: Request) -> str:
        return "search" if request.query_params.get("search", "").strip() else ""


class Leaderboard(RankingView):
    """A suite's ranking."""

    renderer_classes = [tables.QuickJSON, tables.CSV, tables.Parquet]
    paged = True
    shape = shapes.RowOut
    parameters = (
        *PARAMETERS,
        OpenApiParameter("page", int, description="of the newest ranking; to read all pages follow `next` instead"),
        *paging.PARAMETERS,
    )

    @extend_schema(responses=tables.responses(shapes.LeaderboardOut))
    def get(self, request: Request) -> HttpResponseBase:
        """One page of the newest ranking. `next` stays in this ranking, also when a newer one is made meanwhile; it is
        410 once the ranking is not kept any more. As CSV or Parquet (`format=`) it is all rows that match."""
        if kind := tables.wanted(request):
            return self.table(request, kind)
        snapshot, page = None, whole(request, "page", 1, most=10**6)
        if "cursor" in request.query_params:
            snapshot, page = self.place(request)
        found = board.board(
            asked(request, snapshot),
            page=page,
            page_size=whole(request, "page_size", board.PAGE_SIZE, most=MAX_PAGE_SIZE),
        )
        reply = {
            "suite": found.suite.slug,
            "snapshot": found.snapshot.pk if found.snapshot else None,
            "count": found.count,
            "page": found.page,
            "next": self.at(request, found, found.page + 1) if found.page < found.pages else None,
            "previous": self.at(request, found, found.page - 1) if found.page > 1 else None,
            "results": lines(found.rows, found.grid),
        }
        return Response(reply)

    def table(self, request: Request, kind: str) -> StreamingHttpResponse:
        """All rows that match, in their order."""
        found = selection(asked(request))
        rows = export.batches(found.data, found.found.rows, [task.task for task in found.shown])
        return tabular.streamed(kind, found.suite.slug, rows)

    def at(self, request: Request, found: board.Board, page: int) -> str:
        return paging.next_url(request, [found.snapshot.pk if found.snapshot else 0, page])
