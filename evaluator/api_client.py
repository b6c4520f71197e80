"""A small client of a site's public API: typed, repeats what may be repeated, knows nothing of Django.

    with Parity("http://127.0.0.1:8000", token) as site:
        made = site.submit("org/name", suite="starter@1")
        ended = site.wait(made.id)
        print(site.standing(ended).rank)

Every request is tried again after a lost connection, a 5xx and a 429 (as `Retry-After` says). A POST carries an
Idempotency-Key, so that a repetition does nothing twice.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from evaluator.tls import trusted, unheard

RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0)
LONGEST_PAUSE = 60.0
"""Seconds: whoever is told to come back later than this is told so instead of waiting."""
POLL_SECONDS, WAIT_SECONDS = 1.0, 25
ENDED = frozenset({"succeeded", "rejected", "failed", "cancelled", "quarantined", "retracted"})

T = TypeVar("T")


class ApiError(Exception):
    """The site refused, or could not be reached (`status` 0). `code` is for programs, the message for people."""

    def __init__(self, message: str, *, status: int = 0, code: str = "", field: str = "", url: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.field, self.url = status, code, field, url


class Failure(msgspec.Struct, frozen=True):
    """Why a submission ended badly."""

    code: str
    message: str


class Progress(msgspec.Struct, frozen=True):
    """Items done of all."""

    done: int = 0
    total: int = 0
    phase: str = ""


class Eta(msgspec.Struct, frozen=True):
    """When it will have ended: seconds from now, or None and why nobody knows."""

    seconds: float | None = None
    reason: str = ""


class Result(msgspec.Struct, frozen=True):
    """One task's score and standard error, as fractions; None with `unavailable` saying why."""

    task: str
    metric: str
    score: float | None
    stderr: float | None
    n: int
    unavailable: str = ""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A submission; suite scores are 0-100. Results, progress and eta are there where a single one was asked for."""

    id: int
    state: str
    url: str
    suite: str
    model: str
    revision: str
    score: float | None = None
    stderr: float | None = None
    unranked_reason: str = ""
    error: Failure | None = None
    progress: Progress | None = None
    eta: Eta | None = None
    queue_position: int | None = None
    results: tuple[Result, ...] = ()

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a board. `rank` is None with `unranked_reason`; `rank_interval` is (low, high) at 95 %."""

    model: str
    revision: str = ""
    rank: int | None = None
    rank_interval: tuple[int, int] | None = None
    unranked_reason: str = ""
    score: float | None = None
    stderr: float | None = None
    submission: int | None = None
    verified: bool = False
    precision: str = ""
    suite: str = ""
    tasks: dict[str, dict[str, Any]] = {}


class Line(msgspec.Struct, frozen=True):
    """The verdict on one line of a bulk: a submission's number, or the problem."""

    line: int
    status: int
    submission: int | None = None
    problem: dict[str, Any] | None = None


class Parity:
    """One site. Close it, or use it as a context manager."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        sleep: Callable[[float], None] = time.sleep,
        http: httpx.Client | None = None,
    ) -> None:
        headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        self.url, self._sleep = url.rstrip("/"), sleep
        patience = httpx.Timeout(60, connect=10)
        self.http = http or httpx.Client(timeout=patience, follow_redirects=False, verify=trusted())
        self.http.headers.update(headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()

    # Submissions.

    def submit(
        self,
        model: str,
        *,
        suite: str,
        revision: str = "main",
        settings: Mapping[str, Any] | None = None,
        fresh: bool = False,
        key: str = "",
    ) -> Submission:
        """Submit a model; `key` names this request, so that the same call made again makes no second submission.
        `fresh`: everything is asked, whatever was answered before."""
        body: dict[str, Any] = {"model": model, "suite": suite, "revision": revision, "settings": dict(settings or {})}
        if fresh:
            body["fresh"] = True
        return understood(Submission, self.call("POST", "submissions/", body=body, key=key))

    def bulk(self, submissions: Sequence[Mapping[str, Any]], *, key: str = "") -> list[Line]:
        """Submit up to 100 at once; one verdict a line, in order."""
        reply = self.call("POST", "submissions/bulk/", body={"submissions": list(submissions)}, key=key)
        return understood(list[Line], reply["results"])

    def submission(self, number: int, *, wait: int = 0) -> Submission:
        """One submission; with `wait` the reply comes once its state has changed, or after so many seconds (30)."""
        query = {"wait": wait} if wait else {}
        return understood(Submission, self.call("GET", f"submissions/{number}/", query=query))

    def wait(
        self, number: int, *, timeout: float | None = None, watch: Callable[[Submission], None] | None = None
    ) -> Submission:
        """Follow a submission to its end; raises TimeoutError. `watch` sees it after each look."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            asked = time.monotonic()
            left = WAIT_SECONDS if deadline is None else max(0, min(WAIT_SECONDS, int(deadline - asked)))
            # Whoever watches wants to see progress within a state too.
            found = self.submission(number, wait=0 if watch else left)
            if watch:
                watch(found)
            if found.ended:
                return found
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"Submission {number} is still {found.state} after {timeout:.0f} s.")
            if time.monotonic() - asked < POLL_SECONDS:  # nobody let us wait there
                self._sleep(POLL_SECONDS)

    def submissions(self, *, mine: bool = False, **filters: str) -> Iterator[Submission]:
        """All of them, newest first, page by page: of a state, suite or model as given."""
        query = {**filters, **({"mine": "true"} if mine else {})}
        yield from self._all("submissions/", Submission, query)

    def cancel(self, number: int) -> Submission:
        return understood(Submission, self.call("POST", f"submissions/{number}/cancel/", body={}))

    def retry(self, number: int) -> Submission:
        """Try one that has ended again; returns the new one."""
        return understood(Submission, self.call("POST", f"submissions/{number}/retry/", body={}))

    # Rankings.

    def leaderboard(
        self, suite: str = "", *, sort: str = "", search: str = "", filters: Mapping[str, Sequence[str]] | None = None
    ) -> Iterator[Row]:
        """The rows of a suite's ranking, page by page, all of the same ranking."""
        query: dict[str, Any] = {"suite": suite, "sort": sort, "search": search, "page_size": 200, **(filters or {})}
        yield from self._all("leaderboard/", Row, {name: value for name, value in query.items() if value})

    def standings(self, model: str) -> list[Row]:
        """Where a model stands on every board."""
        return understood(list[Row], self.call("GET", f"models/{model}/", query={"fields": "standings"})["standings"])

    def standing(self, submission: Submission, *, patience: float = 10.0) -> Row | None:
        """The row of a submission in the newest ranking of its suite; None while it has none. A score that has just
        come is ranked a moment later: it is waited for, at most `patience` seconds."""
        deadline = time.monotonic() + patience
        while True:
            row = next((row for row in self.standings(submission.model) if row.submission == submission.id), None)
            waits = submission.state == "succeeded" and not submission.unranked_reason
            if row is not None or not waits or time.monotonic() >= deadline:
                return row
            self._sleep(POLL_SECONDS)

    def compare(self, *models: str, suite: str = "", margin: float | None = None) -> dict[str, Any]:
        """Paired tests of 2 to 8 evaluations ("s12", "i3", or models of a suite) against the first."""
        query: dict[str, Any] = {"m": list(models), "suite": suite}
        if margin is not None:
            query["margin"] = str(margin)
        found: dict[str, Any] = self.call("GET", "compare/", query={k: v for k, v in query.items() if v})
        return found

    # Bake-offs: one's own prompts to several models.

    def bakeoff(
        self, *, workload: int, models: Sequence[Mapping[str, Any]], margin: float = 2.0, stops: bool = False,
        key: str = "",
    ) -> int:  # fmt: skip
        """Ask these models (the first is the baseline) a workload's prompts; returns the bake-off's number. `stops`: a
        model is asked no more of them once its comparison is decided."""
        body = {"workload": workload, "models": [dict(one) for one in models], "margin": margin, "stops": stops}
        return int(self.call("POST", "bakeoffs/", body=body, key=key)["id"])

    def report(self, bakeoff: int, *, wait: bool = False) -> dict[str, Any]:
        """What a bake-off says so far; with `wait`, once nothing of it runs any more."""
        while True:
            asked = time.monotonic()
            query = {"wait": WAIT_SECONDS} if wait else {}
            found: dict[str, Any] = self.call("GET", f"bakeoffs/{bakeoff}/", query=query)
            if not (wait and found["live"]):
                return found
            if time.monotonic() - asked < POLL_SECONDS:  # nobody let us wait there
                self._sleep(POLL_SECONDS)

    def switch(self, bakeoff: int, **asked: Any) -> dict[str, Any]:
        """Whether one of its models may take the baseline's place: `margin`, `context`, `budget`, `licence` ..."""
        found: dict[str, Any] = self.call("GET", f"bakeoffs/{bakeoff}/switch/", query=asked)
        return found

    def status(self) -> dict[str, Any]:
        """Whether the site is at work."""
        found: dict[str, Any] = self.call("GET", "status/")
        return found

    # HTTP.

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        key: str = "",
    ) -> Any:
        """One request below /api/v1/, with its repetitions; the JSON of the reply. Raises ApiError."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())} if method == "POST" else {}
        for pause in [*RETRY_SECONDS, None]:
            try:
                reply = self.http.request(
                    method, f"{self.url}/api/v1/{path}", params=query or None, json=body, headers=headers
                )
            except httpx.TransportError as error:
                problem, asked = ApiError(unheard(self.url, error)), 0.0
            else:
                if reply.is_success:
                    return decoded(reply)
                problem, asked = refusal(reply), pause_of(reply)
                if not may_repeat(problem) or asked > LONGEST_PAUSE:
                    raise problem
            if pause is None:
                raise problem
            self._sleep(max(pause, asked))
        raise AssertionError("unreachable: the last try returns or raises")

    def _all(self, path: str, kind: type[T], query: Mapping[str, Any]) -> Iterator[T]:
        """Every result of a list, following `next`; the site is asked where it was found, whatever it calls itself."""
        page = self.call("GET", path, query=query)
        while True:
            yield from (understood(kind, one) for one in page["results"])
            if not page["next"]:
                return
            page = self.call("GET", f"{path}?{urlsplit(page['next']).query}")


def understood(kind: type[T], data: Any) -> T:
    """A part of a reply; raises ApiError when it is not what this client knows."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise ApiError(f"The site answered something that this client does not understand: {error}") from error


def decoded(reply: httpx.Response) -> Any:
    if reply.status_code == 204:
        return None
    try:
        return reply.json()
    except ValueError:
        raise ApiError(f"{reply.url} answered no JSON. Is it a Parity site?", status=reply.status_code) from None


def refusal(reply: httpx.Response) -> ApiError:
    """The error in a reply of 300 and above."""
    try:
        said = reply.json()
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    message = str(said.get("message") or f"{reply.url} answered {reply.status_code} {reply.reason_phrase}.")
    if reply.is_redirect:
        message = f"The site is elsewhere: set PARITY_URL to where {reply.headers.get('location', 'it')} points."
    told = {name: str(said.get(name, "")) for name in ("code", "field", "url")}
    return ApiError(message, status=reply.status_code, **told)


def may_repeat(problem: ApiError) -> bool:
    """Whether the same request may well succeed a little later. A quota that is used up is no such thing."""
    if problem.status == 409:
        return problem.code == "idempotency_busy"
    return problem.status >= 500 or (problem.status == 429 and problem.code == "too_many_requests")


def pause_of(reply: httpx.Response) -> float:
    """Seconds that the site asks to wait."""
    text = reply.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
