"""The public API, version 1. Reading is open; submitting needs a bearer token."""

from typing import Any

import msgspec
from django.http import StreamingHttpResponse
from django.utils.decorators import method_decorator
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.exceptions import NotAuthenticated
from rest_framework.pagination import PageNumberPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evaluator.contract import Settings, encode_sample
from leaderboard.actions.cancel import cancel
from leaderboard.actions.pause import resume
from leaderboard.actions.retry import retry
from leaderboard.actions.submit import submit
from leaderboard.actions.submit_endpoint import submit_endpoint
from leaderboard.api import shapes
from leaderboard.api.endpoint_shapes import ResumeIn, access_of
from leaderboard.columnar.facts import FACETS
from leaderboard.conditional import conditional
from leaderboard.models import ApiToken, Model, Submission, Suite
from leaderboard.queries import board, models, quota, samples, submissions, suites
from leaderboard.queries.errors import BadQuery
from leaderboard.queries.status import status

MAX_PAGE_SIZE = 500


class Pages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE


def token_of(request: Request) -> ApiToken:
    """The token that acts; raises NotAuthenticated (401)."""
    if not isinstance(request.auth, ApiToken):
        raise NotAuthenticated("Send an API token: Authorization: Bearer parity_...")
    return request.auth


def whole(request: Request, name: str, default: int, *, most: int) -> int:
    """A positive whole number from the query string; raises BadQuery."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise BadQuery(name, f"{name} is a whole number from 1 to {most}, not {text[:40]!r}.")
    return int(text)


def detail_reply(request: Request, pk: int, status: int = 200) -> Response:
    detail = submissions.detail(pk)
    context = {"request": request, "detail": detail}
    return Response(shapes.SubmissionDetailOut(detail.submission, context=context).data, status=status)


def refuse_body(request: Request) -> None:
    """Raise for a body that is not JSON, or has fields: the call takes none."""
    shapes.NothingIn(data=request.data).is_valid(raise_exception=True)


class SubmissionList(generics.ListAPIView[Submission]):
    """All submissions, newest first; POST makes one."""

    serializer_class = shapes.SubmissionOut
    pagination_class = Pages

    def get_queryset(self) -> Any:
        return submissions.submissions()

    @extend_schema(
        request=shapes.SubmissionIn,
        responses={
            201: shapes.SubmissionDetailOut,
            400: shapes.ErrorOut,
            401: shapes.ErrorOut,
            404: shapes.ErrorOut,
            409: shapes.ErrorOut,
            429: shapes.ErrorOut,
        },
    )
    def post(self, request: Request) -> Response:
        """Submit a model to a suite: weights on the Hub, or in place of `model` an `endpoint` behind an API."""
        token = token_of(request)
        body = shapes.SubmissionIn(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        who = {"owner": token.owner, "submitter": token.user, "suite": asked["suite"]}
        if "endpoint" in asked:
            made = submit_endpoint(**who, access=access_of(asked["endpoint"]))
            return detail_reply(request, made.pk, status=201)
        settings = msgspec.convert(asked.get("settings", {}), Settings)
        made = submit(**who, model=asked["model"], revision=asked.get("revision", "main"), settings=settings)
        return detail_reply(request, made.pk, status=201)


class SubmissionDetail(APIView):
    """One submission."""

    @extend_schema(responses={200: shapes.SubmissionDetailOut, 404: shapes.ErrorOut})
    def get(self, request: Request, pk: int) -> Response:
        """State, progress and results of a submission."""
        return detail_reply(request, pk)


class SubmissionCancel(APIView):
    """Give up a submission."""

    @extend_schema(
        request=None, responses={200: shapes.SubmissionDetailOut, 404: shapes.ErrorOut, 409: shapes.ErrorOut}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Cancel your own submission; a running one stops within seconds."""
        token = token_of(request)
        refuse_body(request)
        cancel(submission=pk, owner=token.owner)
        return detail_reply(request, pk)


class SubmissionRetry(APIView):
    """Try an ended submission again."""

    @extend_schema(
        request=None,
        responses={
            201: shapes.SubmissionDetailOut,
            401: shapes.ErrorOut,
            404: shapes.ErrorOut,
            409: shapes.ErrorOut,
            429: shapes.ErrorOut,
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        """Make a new submission with the same request as one of yours that has ended."""
        token = token_of(request)
        refuse_body(request)
        made = retry(submission=pk, owner=token.owner, submitter=token.user)
        return detail_reply(request, made.pk, status=201)


class SubmissionResume(APIView):
    """Let a paused submission go on."""

    @extend_schema(
        request=ResumeIn,
        responses={
            200: shapes.SubmissionDetailOut,
            400: shapes.ErrorOut,
            401: shapes.ErrorOut,
            404: shapes.ErrorOut,
            409: shapes.ErrorOut,
        },
    )
    def post(self, request: Request, pk: int) -> Response:
        """Agree to the estimate, raise the budget, or give a key again that was removed after a day."""
        token = token_of(request)
        body = ResumeIn(data=request.data)
        body.is_valid(raise_exception=True)
        resume(submission=pk, owner=token.owner, **body.validated_data)
        return detail_reply(request, pk)


class Quota(APIView):
    """What is left to submit."""

    @extend_schema(responses={200: shapes.QuotaOut, 401: shapes.ErrorOut})
    def get(self, request: Request) -> Response:
        """How much of each of your caps is used."""
        found = {one.period: one for one in quota.allowances(token_of(request).owner)}
        return Response(shapes.QuotaOut(found).data)


class JSONLines(JSONRenderer):
    """What callers may ask for by name; the samples are written as they are read, its errors are JSON."""

    media_type = "application/x-ndjson"
    format = "ndjson"


class SubmissionSamples(APIView):
    """The samples behind a submission's results."""

    renderer_classes = [JSONRenderer, JSONLines]

    @extend_schema(
        parameters=[OpenApiParameter("task", str, description="of the suite; default all")],
        responses={(200, JSONLines.media_type): shapes.SampleOut, 404: shapes.ErrorOut},
    )
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        """Every sample, one JSON object a line, in ASCII: escapes keep NUL and lone surrogates as they were."""
        found = samples.export(pk, request.query_params.get("task", ""))
        return StreamingHttpResponse(
            (encode_sample(sample) + b"\n" for sample in found),
            content_type=JSONLines.media_type,
            headers={"Content-Disposition": f'attachment; filename="submission-{pk}.jsonl"'},
        )


@method_decorator(conditional("Accept"), name="dispatch")
class Leaderboard(APIView):
    """A suite's ranking."""

    @extend_schema(
        parameters=[
            OpenApiParameter("suite", str, description="name@version"),
            OpenApiParameter("sort", str, description="column or task, - for descending; default rank"),
            OpenApiParameter("search", str, description="such as: qwen size:<10 -license:mit"),
            *(OpenApiParameter(fact.name, str, many=True, description=f"facet: {fact.title}") for fact in FACETS),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
        responses={200: shapes.LeaderboardOut, 400: shapes.ErrorOut, 404: shapes.ErrorOut},
    )
    def get(self, request: Request) -> Response:
        """One page of the newest snapshot."""
        found = board.board(
            suite=request.query_params.get("suite", ""),
            sort=request.query_params.get("sort", ""),
            search=request.query_params.get("search", ""),
            chosen={fact.name: request.query_params.getlist(fact.name) for fact in FACETS},
            page=whole(request, "page", 1, most=10**6),
            page_size=whole(request, "page_size", board.PAGE_SIZE, most=MAX_PAGE_SIZE),
        )
        reply = {
            "suite": found.suite.slug,
            "snapshot": found.snapshot.pk if found.snapshot else None,
            "count": found.count,
            "page": found.page,
            "next": page_url(request, found.page + 1) if found.page < found.pages else None,
            "previous": page_url(request, found.page - 1) if found.page > 1 else None,
            "results": found.rows,
        }
        return Response(shapes.LeaderboardOut(reply, context={"sources": board.sources(found.rows)}).data)


def page_url(request: Request, page: int) -> str:
    query = request.query_params.copy()
    query["page"] = str(page)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


class Models(generics.ListAPIView[Model]):
    """All models that were ever submitted, with their revisions."""

    serializer_class = shapes.ModelOut
    pagination_class = Pages

    def get_queryset(self) -> Any:
        return models.models()


class Suites(generics.ListAPIView[Suite]):
    """All released suites with their tasks."""

    serializer_class = shapes.SuiteOut
    pagination_class = Pages

    def get_queryset(self) -> Any:
        return suites.suites()


class Status(APIView):
    """Whether the site is at work."""

    @extend_schema(responses={200: shapes.StatusOut})
    def get(self, request: Request) -> Response:
        """Workers, queues, what runs in the background, and how far predictions were off."""
        return Response(shapes.StatusOut(status(), context={"request": request}).data)
