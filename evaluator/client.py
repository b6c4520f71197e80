"""HTTP to the worker API. Every call may be repeated: the site knows it by attempt and digest, a claim by its nonce."""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from msgspec.structs import replace

from evaluator import tracing
from evaluator.contract import (
    ATTEMPT_TOKEN_HEADER,
    CHUNK_DIGEST_HEADER,
    JOURNAL_HEADER,
    VERSION,
    ClaimRequest,
    ContractError,
    EarlyReply,
    EarlyScores,
    Failure,
    Heartbeat,
    HeartbeatReply,
    JobSpec,
    Part,
    Parts,
    Preflight,
    Results,
    Upcoming,
    decode,
    encode,
)
from evaluator.tls import trusted, unheard

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Waits between tries of a call that got no answer, or one that says the site is not well (5xx, 429)."""


TOO_OLD, NO_ROOM = 426, 507
"""What a site answers to a worker whose edition it does not take any more, and while its disk is full."""


class SiteError(Exception):
    """The site refused, or could not be reached; `status` is 0 when there was no answer."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class LeaseLost(SiteError):
    """This attempt does not hold the job any more (409): stop, and post nothing else."""


@dataclass(frozen=True)
class Site:
    """The worker API of one site."""

    http: httpx.Client
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def connect(cls, url: str, token: str) -> "Site":
        """A client for the site at `url`; close `.http` at the end."""
        headers = {"Authorization": f"Bearer {token}"}
        api = f"{url}/api/worker/v{VERSION}/"
        return cls(httpx.Client(base_url=api, headers=headers, timeout=30.0, trust_env=False, verify=trusted()))

    def claim(self, request: ClaimRequest, *, wait: int = 0) -> JobSpec | None:
        """A job, or None when none waits for this worker, or came within `wait` seconds."""
        path = f"claims/?wait={wait}" if wait else "claims/"
        reply = self._call("POST", path, content=encode(replace(request, nonce=secrets.token_hex(16))))
        return None if reply.status_code == 204 else understood(reply, JobSpec)

    def hello(self, request: ClaimRequest) -> None:
        """Say that this worker is there, and what it can run."""
        self._call("POST", "hello/", content=encode(request), tries=1)

    def upcoming(self, request: ClaimRequest) -> Upcoming | None:
        """What a claim would get now, where that has weights; None for nothing. Nothing is leased."""
        reply = self._call("POST", "upcoming/", content=encode(request), tries=1)
        return None if reply.status_code == 204 else understood(reply, Upcoming)

    def bundle(self, digest: str) -> bytes:
        """A suite's own task files; checked against the digest they are named by."""
        data = self._call("GET", f"bundles/{digest}/").content
        if hashlib.sha256(data).hexdigest() != digest:
            raise SiteError(f"The bundle {digest} arrived damaged.")
        return data

    def heartbeat(self, job: JobSpec, beat: Heartbeat) -> HeartbeatReply:
        """Renew the lease."""
        reply = self._call("POST", f"jobs/{job.job}/heartbeat/", job=job, content=encode(beat), tries=1)
        return understood(reply, HeartbeatReply)

    def look(self, job: JobSpec, scores: EarlyScores) -> EarlyReply:
        """Show what was measured so far; asked once, for the next look comes anyway."""
        reply = self._call("POST", f"jobs/{job.job}/look/", job=job, content=encode(scores), tries=1)
        return understood(reply, EarlyReply)

    def post_chunk(self, job: JobSpec, sequence: int, body: bytes) -> str:
        """Send a chunk of samples (gzip JSONL); returns its digest."""
        digest = hashlib.sha256(body).hexdigest()
        path = f"jobs/{job.job}/attempts/{job.attempt}/chunks/{sequence}/"
        headers = {CHUNK_DIGEST_HEADER: digest, "Content-Type": "application/gzip"}
        self._call("PUT", path, job=job, content=body, headers=headers)
        return digest

    def parts(self, job: JobSpec) -> tuple[Part, ...]:
        """What earlier attempts of this job have left at the site; for a shard, also what the others have."""
        return understood(self._call("GET", f"jobs/{job.job}/parts/", job=job), Parts).parts

    def part(self, job: JobSpec, part: Part) -> bytes:
        """One of them (gzip); checked against its digest."""
        of = f"?job={part.job}" if part.job else ""
        data = self._call("GET", part_path(job, part.attempt, part.sequence) + of, job=job).content
        if hashlib.sha256(data).hexdigest() != part.digest:
            raise SiteError(f"Part {part.sequence} of attempt {part.attempt} arrived damaged.")
        return data

    def reply_chunk(self, job: JobSpec, sequence: int) -> bytes:
        """A chunk of stored samples that this job scores anew (gzip JSONL), as it is stored."""
        return self._call("GET", f"jobs/{job.job}/replies/{sequence}/", job=job).content

    def leave_part(self, job: JobSpec, identity: str, sequence: int, body: bytes) -> None:
        """Leave responses (gzip) for whoever goes on with this job; asked once, for more of them come soon."""
        digest = hashlib.sha256(body).hexdigest()
        headers = {CHUNK_DIGEST_HEADER: digest, JOURNAL_HEADER: identity, "Content-Type": "application/gzip"}
        self._call("PUT", part_path(job, job.attempt, sequence), job=job, content=body, headers=headers, tries=1)

    def post_results(self, job: JobSpec, results: Results) -> None:
        """End the attempt well."""
        self._call("POST", f"jobs/{job.job}/results/", job=job, content=encode(results))

    def post_preflight(self, job: JobSpec, found: Preflight) -> None:
        """End a look at an endpoint that is fit."""
        self._call("POST", f"jobs/{job.job}/preflight/", job=job, content=encode(found))

    def post_failure(self, job: JobSpec, failure: Failure) -> None:
        """End the attempt badly."""
        self._call("POST", f"jobs/{job.job}/failure/", job=job, content=encode(failure))

    def _call(
        self,
        method: str,
        path: str,
        *,
        job: JobSpec | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        tries: int = len(RETRY_SECONDS) + 1,
    ) -> httpx.Response:
        sent = {"Content-Type": "application/json", **(headers or {})}
        if job is not None:
            sent[ATTEMPT_TOKEN_HEADER] = job.token
        if trace := tracing.current():
            sent[tracing.HEADER] = trace
        for wait in [*RETRY_SECONDS[: tries - 1], None]:
            try:
                reply = self.http.request(method, path, content=content, headers=sent)
            except httpx.TransportError as error:
                problem = SiteError(unheard(str(self.http.base_url), error))
            else:
                if reply.is_success:
                    return reply
                problem = refusal(method, path, reply)
                if reply.status_code != 429 and reply.status_code < 500:
                    raise problem
            if wait is None:
                raise problem
            log.warning("%s Trying again in %s s.", problem, wait)
            self.sleep(wait)
        raise AssertionError("unreachable: the last try returns or raises")


def part_path(job: JobSpec, attempt: int, sequence: int) -> str:
    return f"jobs/{job.job}/attempts/{attempt}/parts/{sequence}/"


def understood(reply: httpx.Response, kind: type[T]) -> T:
    """The body of a reply; raises SiteError when it is not what the contract says, such as a proxy's page."""
    try:
        return decode(reply.content, kind)
    except ContractError as error:
        raise SiteError(f"{reply.url} answered something else than a {kind.__name__}: {error}") from error


def refusal(method: str, path: str, reply: httpx.Response) -> SiteError:
    """The error for a reply of 400 and above, with what the site says about it."""
    message = f"{method} {path} was answered {reply.status_code}: {said(reply)}"
    if reply.is_redirect:
        message += f" The site is elsewhere: set PARITY_URL to where {reply.headers.get('location', 'it')} points."
    return (LeaseLost if reply.status_code == 409 else SiteError)(message, status=reply.status_code)


def said(reply: httpx.Response) -> str:
    try:
        body: Any = reply.json()
    except ValueError:
        return reply.text[:200]
    return str(body.get("message", body)) if isinstance(body, dict) else str(body)[:200]
