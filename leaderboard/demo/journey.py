"""What a newcomer watches: submit a model by the API, follow it, see its rank. Over HTTP, as anyone would."""

import time
from collections.abc import Callable
from typing import Any

import httpx
from tqdm import tqdm

MODEL = "parity-demo/SmolLM2-135M-Instruct-Q4_1"
SUITE = "starter@1"
SETTINGS = {"engine": "vllm", "dtype": "float32"}
"""float32: most CPUs lack bfloat16 arithmetic and are three to four times slower in it."""
READY_SECONDS = 60.0
RANKING_SECONDS = 15.0
PHASES = {"": "waiting", "preparing": "preparing", "loading": "loading the model", "posting": "posting"}


class DemoError(Exception):
    """The demonstration cannot go on; the message says why and where to look."""


def wait_until_ready(http: httpx.Client, *, check: Callable[[], None]) -> float:
    """Wait for the first page; returns the seconds it took."""
    started = time.monotonic()
    while time.monotonic() - started < READY_SECONDS:
        check()
        try:
            if http.get("/").status_code == 200:
                return time.monotonic() - started
        except httpx.TransportError:
            pass  # it has not bound its port yet
        time.sleep(0.1)
    raise DemoError(f"The site did not answer within {READY_SECONDS:.0f} s; see .parity/log/site.log")


def ask(http: httpx.Client, path: str, *, check: Callable[[], None], **query: str) -> dict[str, Any]:
    """What the site answers; a site or database that `check` is just starting again is waited for."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        check()
        problem = ""
        try:
            reply = http.get(path, params=query)
        except httpx.TransportError as error:
            problem = str(error)
        else:
            if not reply.is_server_error:
                body: dict[str, Any] = reply.raise_for_status().json()
                return body
            problem = f"status {reply.status_code}"
        if time.monotonic() > deadline:
            raise DemoError(f"The site does not answer {path} ({problem}); see .parity/log/site.log")
        time.sleep(0.5)


def standing(http: httpx.Client, suite: str, *, check: Callable[[], None]) -> dict[str, Any] | None:
    """The demo model's row on the board, if it has one."""
    rows = ask(http, "/api/v1/leaderboard/", check=check, suite=suite, search=MODEL)
    return next((row for row in rows["results"] if row["model"] == MODEL), None)


def ranked(http: httpx.Client, suite: str, *, check: Callable[[], None]) -> dict[str, Any] | None:
    """The row once it has a rank, for which the result is gathered just after it came; as it is after RANKING_SECONDS
    where it gets none."""
    deadline = time.monotonic() + RANKING_SECONDS
    while not ((row := standing(http, suite, check=check)) and row["rank"]) and time.monotonic() < deadline:
        time.sleep(0.3)
    return row


def submit(http: httpx.Client, suite: str) -> dict[str, Any]:
    """Submit the demo model, or find the submission that already does this."""
    reply = http.post("/api/v1/submissions/", json={"suite": suite, "model": MODEL, "settings": SETTINGS})
    if reply.status_code == 409:
        number = reply.json()["url"].rstrip("/").rsplit("/", 1)[-1]
        reply = http.get(f"/api/v1/submissions/{number}/")
    if reply.is_server_error:
        raise DemoError(
            f"The site failed to take the submission (status {reply.status_code}); see the log of the site."
        )
    body: dict[str, Any] = reply.json()
    if reply.is_error:
        raise DemoError(f"The site refused the submission: {body.get('message', body)}")
    return body


def follow(http: httpx.Client, number: int, *, check: Callable[[], None]) -> dict[str, Any]:
    """Draw a progress bar until submission `number` has ended; returns it as it ended."""
    with tqdm(total=None, unit="item", dynamic_ncols=True, desc="  waiting") as bar:
        while True:
            body = ask(http, f"/api/v1/submissions/{number}/", check=check)
            if body["state"] not in {"validating", "queued", "running", "scoring"}:
                if body["state"] == "succeeded" and bar.total:
                    bar.update(bar.total - bar.n)  # the last items may be done between two looks
                    bar.refresh()
                return body
            progress = body["progress"]
            bar.total = progress["total"] or bar.total
            phase = progress["phase"]
            bar.set_description("  " + (PHASES.get(phase) or phase), refresh=False)
            bar.update(progress["done"] - bar.n)
            time.sleep(0.5)


def verdict(http: httpx.Client, body: dict[str, Any], *, check: Callable[[], None]) -> str:
    """The last lines: the score with its error, the rank and where to look, or what went wrong."""
    if body["state"] != "succeeded":
        return f"  {body['state']}: {(body['error'] or {}).get('message', 'no reason was given')}\n  {body['url']}"
    lines = [
        f"    {result['title']:<24} {100 * result['score']:6.1f} ± {100 * (result['stderr'] or 0):4.1f}"
        f"   n = {result['n']}"
        for result in body["results"]
        if result["score"] is not None
    ]
    if body["score"] is None:
        return "\n".join([*lines, f"  no suite score: {body['unranked_reason']}", f"  {body['url']}"])
    row = ranked(http, body["suite"], check=check)
    place = f"rank {row['rank']} of those measured here" if row and row["rank"] else "unranked"
    headline = f"  {MODEL} on {body['suite']}: {body['score']:.2f} ± {body['stderr']:.2f} (standard error), {place}"
    return "\n".join([headline, *lines, f"  {body['url']}"])
