"""The public API, version 1. Reading is open; submitting needs a bearer token."""

from typing import Any

import msgspec
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from evaluator.contract import Settings, encode_sample
from leaderboard.actions.cancel import cancel
from leaderboard.actions.pause import resume
from leaderboard.actions.retry import retry
from leaderboard.actions.submit import submit
from leaderboard.actions.submit_endpoint import submit_endpoint
from leaderboard.api import paging, shapes
from leaderboard.api.endpoint_shapes import ResumeIn, access_of
from leaderboard.api.once import once
from leaderboard.api.paging import ListView, page_of
from leaderboard.api.sample_shapes import SampleOut
from leaderboard.api.views import PublicView, token_of, whole
from leaderboard.api.waiting import wait_for
from leaderboard.models import ApiToken, Submission
from leaderboard.queries import quota, samples, submissions
from leaderboard.queries.errors import BadQuery
from leaderboard.queries.status import status

MOST_WAIT = 30
"""Seconds that a caller may wait for a submission to move."""


def detail_reply(request: Request, pk: int, status: int = 200) -> Response:
    detail = submissions.detail(pk)
    context = {"request": request, "detail": detail}
    return Response(shapes.SubmissionDetailOut(detail.submission, context=context).data, status=status)


def flag(request: Request, name: str) -> bool:
    """Whether a switch of the query string is on; raises BadQuery."""
    text = request.query_params.get(name, "false")
    if text not in {"true", "false"}:
        raise BadQuery(name, f"{name} is true or false, not {text[:40]!r}.")
    return text == "true"


def refuse_body(request: Request) -> None:
    """Raise for a body that is not JSON, or has fields: the call takes none."""
    shapes.NothingIn(data=request.data).is_valid(raise_exception=True)


def submitted(token: ApiToken, data: Any) -> Submission:
    """Check what is asked and submit it; raises ValidationError and what the actions raise."""
    body = shapes.SubmissionIn(data=data)
    body.is_valid(raise_exception=True)
    asked = body.validated_data
    who = {"owner": token.owner, "submitter": token.user, "suite": asked["suite"]}
    if "endpoint" in asked:
        return submit_endpoint(**who, access=access_of(asked["endpoint"]))
    settings = msgspec.convert(asked.get("settings", {}), Settings)
    return submit(
        **who, model=asked["model"], revision=asked.get("revision", "main"), settings=settings,
        fresh=asked.get("fresh", False),
    )  # fmt: skip


class SubmissionList(ListView):
    """All submissions, newest first; POST makes one."""

    shape = shapes.SubmissionOut
    act = "submit"
    scopes = {"POST": "submit"}
    parameters = (
        OpenApiParameter("mine", bool, description="true: only those of the token's owner"),
        OpenApiParameter("state", str, many=True, enum=Submission.State.values),
        OpenApiParameter("suite", str, description="name@version"),
        OpenApiParameter("model", str, description="org/name"),
        *paging.PARAMETERS,
    )

    @extend_schema(responses={200: page_of(shapes.SubmissionOut)})
    def get(self, request: Request) -> Response:
        """Submissions of everybody, or your own."""
        query = request.query_params
        owner = token_of(request).owner if flag(request, "mine") else None
        found = submissions.chosen(
            owner=owner, states=query.getlist("state"), suite=query.get("suite", ""), model=query.get("model", "")
        )
        return self.listed(request, found)

    @extend_schema(request=shapes.SubmissionIn, responses={201: shapes.SubmissionDetailOut, 404: shapes.ProblemOut})
    @once
    def post(self, request: Request) -> Response:
        """Submit a model to a suite: weights on the Hub, or in place of `model` an `endpoint` behind an API."""
        token = token_of(request)
        return detail_reply(request, submitted(token, request.data).pk, status=201)


class SubmissionDetail(PublicView):
    """One submission."""

    shape = shapes.SubmissionDetailOut
    parameters = (
        OpenApiParameter("wait", int, description=f"seconds (0 to {MOST_WAIT}) to wait until its state changes"),
    )

    @extend_schema(responses={200: shapes.SubmissionDetailOut})
    def get(self, request: Request, pk: int) -> Response:
        """State, progress and results of a submission. With `wait` the reply comes once its state is another one, or
        when the time is over; at once where it has ended, or too many wait already (then ask again after a second)."""
        seconds = whole(request, "wait", 0, least=0, most=MOST_WAIT)
        before = submissions.state_of(pk)
        if seconds and before not in submissions.ENDED:
            wait_for(lambda: submissions.state_of(pk) != before or None, seconds)
        return detail_reply(request, pk)


class SubmissionCancel(PublicView):
    """Give up a submission."""

    act = "submit"

    @extend_schema(request=None, responses={200: shapes.SubmissionDetailOut})
    @once
    def post(self, request: Request, pk: int) -> Response:
        """Cancel your own submission; a running one stops within seconds."""
        token = token_of(request)
        refuse_body(request)
        cancel(submission=pk, owner=token.owner)
        return detail_reply(request, pk)


class SubmissionRetry(PublicView):
    """Try an ended submission again."""

    act = "submit"
    scopes = {"POST": "submit"}

    @extend_schema(request=None, responses={201: shapes.SubmissionDetailOut})
    @once
    def post(self, request: Request, pk: int) -> Response:
        """Make a new submission with the same request as one of yours that has ended."""
        token = token_of(request)
        refuse_body(request)
        made = retry(submission=pk, owner=token.owner, submitter=token.user)
        return detail_reply(request, made.pk, status=201)


class SubmissionResume(PublicView):
    """Let a paused submission go on."""

    act = "submit"

    @extend_schema(request=ResumeIn, responses={200: shapes.SubmissionDetailOut})
    @once
    def post(self, request: Request, pk: int) -> Response:
        """Agree to the estimate, raise the budget, or give a key again that was removed after a day."""
        token = token_of(request)
        body = ResumeIn(data=request.data)
        body.is_valid(raise_exception=True)
        resume(submission=pk, owner=token.owner, **body.validated_data)
        return detail_reply(request, pk)


class Quota(PublicView):
    """What is left to submit."""

    shape = shapes.QuotaOut

    @extend_schema(responses={200: shapes.QuotaOut})
    def get(self, request: Request) -> Response:
        """How much of each of your caps is used."""
        found = {one.period: one for one in quota.allowances(token_of(request).owner)}
        return Response(shapes.QuotaOut(found).data)


class JSONLines(JSONRenderer):
    """What callers may ask for by name; the samples are written as they are read, its errors are JSON."""

    media_type = "application/x-ndjson"
    format = "ndjson"


class SubmissionSamples(PublicView):
    """The samples behind a submission's results."""

    renderer_classes = [JSONRenderer, JSONLines]
    parameters = (OpenApiParameter("task", str, description="of the suite; default all"),)

    @extend_schema(responses={(200, JSONLines.media_type): SampleOut})
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        """Every sample, one JSON object a line, in ASCII: escapes keep NUL and lone surrogates as they were."""
        found = samples.export(pk, request.query_params.get("task", ""))
        return StreamingHttpResponse(
            (encode_sample(sample) + b"\n" for sample in found),
            content_type=JSONLines.media_type,
            headers={"Content-Disposition": f'attachment; filename="submission-{pk}.jsonl"'},
        )


class Status(PublicView):
    """Whether the site is at work."""

    shape = shapes.StatusOut

    @extend_schema(responses={200: shapes.StatusOut})
    def get(self, request: Request) -> Response:
        """Workers, queues, what runs in the background, and how far predictions were off."""
        return Response(shapes.StatusOut(status(), context={"request": request}).data)
