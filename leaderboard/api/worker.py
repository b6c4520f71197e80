"""The worker API, version 1: bodies are the contract's types, errors {"code", "message"}.

Two credentials: the worker's bearer token says who calls, the attempt's token says that it still holds the job.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings as site
from django.core.exceptions import RequestDataTooBig
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from evaluator.contract import (
    ATTEMPT_TOKEN_HEADER,
    CHUNK_DIGEST_HEADER,
    JOURNAL_HEADER,
    ClaimRequest,
    ContractError,
    EarlyReply,
    EarlyScores,
    Failure,
    Heartbeat,
    Part,
    Parts,
    Preflight,
    Results,
    Upcoming,
    decode,
    encode,
)
from leaderboard import tokens
from leaderboard.actions import lease, record
from leaderboard.actions.endpoint_spec import model_ref
from leaderboard.actions.errors import Conflict, Refused, Unauthorised
from leaderboard.actions.introduce import introduce
from leaderboard.actions.parts import leave_part
from leaderboard.actions.preflight import record_preflight
from leaderboard.actions.stop_early import take_look
from leaderboard.actions.text import storable
from leaderboard.api.authentication import EXPIRED, bearer
from leaderboard.api.errors import body
from leaderboard.api.waiting import wait_for
from leaderboard.models import Bundle, Job, Worker, WorkerToken
from leaderboard.observed import REFUSED
from leaderboard.queries.parts import parts_for
from leaderboard.queries.rescoring import stored
from leaderboard.queries.upcoming import upcoming as next_job

log = logging.getLogger(__name__)

MAX_WAIT = 25
"""Seconds: the longest that a claim waits for a job."""

View = Callable[..., HttpResponse]


def for_workers(*methods: str) -> Callable[[View], View]:
    """A view for callers with a worker's token; turns refusals into their replies."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @require_http_methods(methods)
        @wraps(view)
        def guarded(request: HttpRequest, **arguments: Any) -> HttpResponse:
            token = bearer(request.META.get("HTTP_AUTHORIZATION", "").encode("latin-1", "replace"))
            row = known(token) if token else None
            if row is None:
                return refused("unauthorised", "A worker's bearer token is needed.")
            if row.expired:
                ended = f"{row.expires_at:%-d %B %Y, %H:%M} UTC"
                return refused("token_expired", f"This worker's token expired on {ended}; it needs a new one.")
            try:
                if "job" in arguments and foreign(row, arguments["job"]):
                    message = f"Job {arguments['job']} is another worker's, and so is its attempt's token."
                    raise Conflict("foreign_attempt", message)
                return view(request, token=row, **arguments)
            except RequestDataTooBig:
                limit = site.DATA_UPLOAD_MAX_MEMORY_SIZE
                return JsonResponse(body("body_too_large", f"A body has at most {limit:,} bytes."), status=413)
            except RecursionError:
                return JsonResponse(body("malformed", "The JSON is nested too deeply."), status=400)
            except ContractError as error:
                return JsonResponse(body("malformed", str(error)), status=400)
            except Unauthorised as error:
                return refused(error.code, error.message)
            except Refused as error:
                REFUSED.labels(error.code).inc()
                return JsonResponse(body(error.code, error.message), status=error.status)

        return guarded

    return decorate


def known(token: str) -> Any:
    """The WorkerToken with `expired` beside its columns, or None."""
    return WorkerToken.objects.annotate(expired=EXPIRED).filter(digest=tokens.digest(token), revoked_at=None).first()


def foreign(token: WorkerToken, job: int) -> bool:
    """Whether this job's newest attempt was claimed with another worker's token: its own opens nothing to anybody else,
    who must have recorded it."""
    return Job.everything.filter(pk=job, worker__isnull=False).exclude(worker__token=token).exists()


def refused(code: str, message: str) -> HttpResponse:
    """The reply to a caller who is not let in."""
    reply = JsonResponse(body(code, message), status=401)
    reply["WWW-Authenticate"] = 'Bearer realm="parity worker"'
    return reply


def wait_of(request: HttpRequest) -> int:
    """Seconds that the caller is ready to wait, 0 to MAX_WAIT."""
    text = request.GET.get("wait", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= MAX_WAIT):
        raise ContractError(f"wait is a number of seconds from 0 to {MAX_WAIT}, not {text[:40]!r}.")
    return int(text)


def attempt_token(request: HttpRequest) -> str:
    return request.headers.get(ATTEMPT_TOKEN_HEADER, "")


@for_workers("POST")
def claim(request: HttpRequest, *, token: WorkerToken) -> HttpResponse:
    """A job (200) or nothing (204). `?wait=20` waits that many seconds for one: the doorbell of a worker that has no
    broker. Where too many wait already the answer comes at once."""
    asked, seconds = decode(request.body, ClaimRequest), wait_of(request)
    job = lease.claim(token=token, request=asked)
    if job is None and seconds:
        job = wait_for(lambda: lease.claim(token=token, request=asked), seconds)
    if job is None:
        return HttpResponse(status=204)
    return HttpResponse(encode(job), content_type="application/json")


@for_workers("POST")
def hello(request: HttpRequest, *, token: WorkerToken) -> HttpResponse:
    """A sign of life (204) of a worker that waits for its bell."""
    introduce(token=token, request=decode(request.body, ClaimRequest))
    return HttpResponse(status=204)


@for_workers("POST")
def upcoming(request: HttpRequest, *, token: WorkerToken) -> HttpResponse:
    """What a claim would get now, where that has weights to download (200), or nothing (204). Nothing is leased, and
    the next claim may get something else."""
    asked = decode(request.body, ClaimRequest)
    worker = Worker.objects.filter(token=token, name=storable(asked.worker)).first()
    drained = worker is not None and worker.drained_at is not None
    job = None if drained else next_job(lease.fits(asked, trusted=token.trusted), worker)
    if job is None or job.submission.revision is None:
        return HttpResponse(status=204)
    found = Upcoming(model=model_ref(job), size_bytes=job.submission.revision.size_bytes or 0)
    return HttpResponse(encode(found), content_type="application/json")


@for_workers("GET")
def bundle(request: HttpRequest, *, token: WorkerToken, digest: str) -> HttpResponse:
    """A suite's own task files."""
    row = Bundle.objects.filter(digest=digest).first() if digest.isalnum() else None
    if row is None:
        return JsonResponse(body("unknown_bundle", "There is no such bundle."), status=404)
    return HttpResponse(bytes(row.data), content_type="application/gzip")


@for_workers("POST")
def heartbeat(request: HttpRequest, *, token: WorkerToken, job: int) -> HttpResponse:
    """Renew the lease."""
    reply = lease.heartbeat(job=job, token=attempt_token(request), beat=decode(request.body, Heartbeat))
    return HttpResponse(encode(reply), content_type="application/json")


@for_workers("POST")
def look(request: HttpRequest, *, token: WorkerToken, job: int) -> HttpResponse:
    """What an attempt has measured so far; the reply says whether it is enough."""
    enough = take_look(job=job, token=attempt_token(request), look=decode(request.body, EarlyScores))
    return HttpResponse(encode(EarlyReply(enough=enough)), content_type="application/json")


@for_workers("PUT")
def chunk(request: HttpRequest, *, token: WorkerToken, job: int, attempt: int, sequence: int) -> HttpResponse:
    """Store a chunk of samples: 201, or 200 when it is already there."""
    if max(attempt, sequence) >= 2**31:
        raise ContractError("Attempts and sequences are numbers below 2,147,483,648.")
    new = record.record_chunk(
        job=job,
        attempt=attempt,
        token=attempt_token(request),
        sequence=sequence,
        digest=request.headers.get(CHUNK_DIGEST_HEADER, ""),
        body=request.body,
    )
    return HttpResponse(status=201 if new else 200)


@for_workers("GET")
def parts(request: HttpRequest, *, token: WorkerToken, job: int) -> HttpResponse:
    """What earlier attempts have left for the one that holds the job."""
    names = ("attempt", "sequence", "identity", "digest", "size")
    rows = parts_for(lease.holder(job=job, token=attempt_token(request))).values(*names, "job")
    told = tuple(Part(**{**row, "job": 0 if row["job"] == job else row["job"]}) for row in rows)
    return HttpResponse(encode(Parts(parts=told)), content_type="application/json")


@for_workers("GET", "PUT")
def part(request: HttpRequest, *, token: WorkerToken, job: int, attempt: int, sequence: int) -> HttpResponse:
    """Take a part: 201, or 200 when it is already there. Or give one that an earlier attempt has left."""
    if max(attempt, sequence) >= 2**31:
        raise ContractError("Attempts and sequences are numbers below 2,147,483,648.")
    if request.method == "PUT":
        new = leave_part(
            job=job, attempt=attempt, token=attempt_token(request), sequence=sequence,
            identity=request.headers.get(JOURNAL_HEADER, ""), digest=request.headers.get(CHUNK_DIGEST_HEADER, ""),
            body=request.body,
        )  # fmt: skip
        return HttpResponse(status=201 if new else 200)
    there = parts_for(lease.holder(job=job, token=attempt_token(request)))
    row = there.filter(job=of_job(request) or job, attempt=attempt, sequence=sequence).first()
    if row is None or not default_storage.exists(row.path):
        return JsonResponse(body("unknown_part", "There is no such part."), status=404)
    with default_storage.open(row.path) as packed:
        return HttpResponse(packed.read(), content_type="application/gzip")


@for_workers("GET")
def reply_chunk(request: HttpRequest, *, token: WorkerToken, job: int, sequence: int) -> HttpResponse:
    """A chunk of the stored samples that a job scores anew."""
    found = stored(lease.holder(job=job, token=attempt_token(request)).submission)
    if sequence >= len(found) or not default_storage.exists(found[sequence].path):
        return JsonResponse(body("unknown_chunk", "There is no such chunk."), status=404)
    with default_storage.open(found[sequence].path) as packed:
        return HttpResponse(packed.read(), content_type="application/gzip")


def of_job(request: HttpRequest) -> int:
    """Which other job's part is asked for; 0: the caller's own."""
    text = request.GET.get("job", "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ContractError(f"job is a number, not {text[:40]!r}.")
    return int(text)


@for_workers("POST")
def results(request: HttpRequest, *, token: WorkerToken, job: int) -> HttpResponse:
    """Take the results: 201, or 200 when exactly these were taken before."""
    new = record.record_results(job=job, token=attempt_token(request), results=decode(request.body, Results))
    return HttpResponse(status=201 if new else 200)


@for_workers("POST")
def preflight(request: HttpRequest, *, token: WorkerToken, job: int) -> HttpResponse:
    """Take what a look at an endpoint found: 201, or 200 when exactly this was taken before."""
    new = record_preflight(job=job, token=attempt_token(request), found=decode(request.body, Preflight))
    return HttpResponse(status=201 if new else 200)


@for_workers("POST")
def failure(request: HttpRequest, *, token: WorkerToken, job: int) -> HttpResponse:
    """End an attempt without results."""
    record.record_failure(job=job, token=attempt_token(request), failure=decode(request.body, Failure))
    return HttpResponse(status=200)
