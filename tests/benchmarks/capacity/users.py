"""People who use the site all at once: each asks, reads the whole answer, thinks, and asks again.

`python -m tests.benchmarks.capacity.users URL SECONDS THINK < told.json` prints one JSON object. `told.json` is what
`tests.benchmarks.board.users` printed; THINK is the mean of the seconds between an answer and the next question, drawn
from half to one and a half of it; with 0 everybody asks as fast as answers come, and submits nothing.
"""

import asyncio
import json
import random
import ssl
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from tests.benchmarks.web import FIRST, questions

USERS, RAMP, PATIENCE = 50, 5.0, 30.0
MIX = {"board": 28, "search": 16, "model": 16, "samples": 12, "submission": 6, "compare": 4, "api": 14, "submit": 4}
"""What people do, and how often of a hundred."""
WORDS = ("llama", "qwen", "mistral", "gemma", "merge", "instruct", "-chat", "70b", "size:%3C8", "released:%3E=2024-05")


@dataclass
class Asked:
    """Milliseconds of every answer, and what was no answer, by kind."""

    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def told(self, seconds: float) -> dict[str, Any]:
        every = sorted(took for kind in self.took.values() for took in kind)
        failed = sum(self.errors.values())
        return {
            "requests": len(every) + failed, "per_s": round((len(every) + failed) / seconds, 1), "errors": failed,
            "error_share": failed / max(1, len(every) + failed), "p50_ms": share_of(every, 0.5),
            "p95_ms": share_of(every, 0.95), "p99_ms": share_of(every, 0.99), "worst_ms": share_of(every, 1.0),
            "p95_ms_by_kind": {kind: share_of(sorted(found), 0.95) for kind, found in sorted(self.took.items())},
            "errors_by_kind": dict(self.errors),
        }  # fmt: skip


def share_of(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else 0.0


class Paths:
    """Where a person of this mix looks next."""

    def __init__(self, told: dict[str, Any], chance: random.Random) -> None:
        self._told, self._chance, self._asked = told, chance, questions()
        self._kinds: dict[str, Callable[[], str]] = {
            "board": lambda: self._any(
                [FIRST, FIRST, f"{FIRST}&page={chance.randint(1, told['pages'])}", self._any(self._asked)]
            ),
            "search": lambda: f"{FIRST}&search={self._any(WORDS)}",
            "model": lambda: f"/models/{quote(self._any(told['models']))}",
            "samples": lambda: f"/submissions/{self._known()}/samples/{told['task']}?page={chance.randint(1, 4)}",
            "submission": lambda: f"/submissions/{self._known()}",
            "compare": lambda: f"/compare?m=s{self._known()}&m=s{self._known()}",
            "api": lambda: self._any([
                f"/api/v1/leaderboard/?suite=bench@1&search={self._any(WORDS)}",
                "/api/v1/leaderboard/?suite=bench@1&sort=-score", f"/api/v1/submissions/{self._known()}/",
                f"/api/v1/leaderboard/?suite=bench@1&page={chance.randint(1, told['pages'])}",
            ]),
        }  # fmt: skip

    def next(self, *, submits: bool) -> tuple[str, str]:
        """Kind and path; no path for a submission."""
        kinds = [kind for kind in MIX if submits or kind != "submit"]
        kind = self._chance.choices(kinds, [MIX[kind] for kind in kinds])[0]
        return kind, self._kinds[kind]() if kind != "submit" else ""

    def _any(self, several: Any) -> Any:
        return self._chance.choice(several)

    def _known(self) -> int:
        return int(self._any(self._told["submissions"]))


class Person:
    """One user with a connection of its own."""

    def __init__(self, told: dict[str, Any], number: int, wishes: Iterator[dict[str, Any]], asked: Asked) -> None:
        self._chance = random.Random(number)
        self._paths, self._wishes, self._asked = Paths(told, self._chance), wishes, asked
        self._token = told["tokens"][number % len(told["tokens"])]

    async def use(self, http: httpx.AsyncClient, begin: float, until: float, think: float) -> None:
        await asyncio.sleep(max(0.0, begin - time.monotonic()))
        while time.monotonic() < until:
            kind, path = self._paths.next(submits=think > 0)
            wish = next(self._wishes, None) if kind == "submit" else None
            if kind == "submit" and wish is None:
                continue  # everything that there is to submit waits already
            await self._ask(http, kind, path, wish)
            await asyncio.sleep(think * self._chance.uniform(0.5, 1.5))

    async def _ask(self, http: httpx.AsyncClient, kind: str, path: str, wish: dict[str, Any] | None) -> None:
        began = time.perf_counter()
        try:
            if wish is not None:
                bearer = {"Authorization": f"Bearer {self._token}"}
                reply = await http.post("/api/v1/submissions/", json=wish, headers=bearer)
                status = reply.status_code
            else:
                async with http.stream("GET", path) as streamed:
                    async for _ in streamed.aiter_raw():
                        pass
                    status = streamed.status_code
        except httpx.HTTPError as error:
            self._failed(kind, path, f"{type(error).__name__} {error}")
            return
        if status >= 400:
            self._failed(kind, path, str(status))
            return
        self._asked.took[kind].append(1000 * (time.perf_counter() - began))

    def _failed(self, kind: str, path: str, why: str) -> None:
        self._asked.errors[kind] += 1
        print(f"{kind} {path}: {why}", file=sys.stderr, flush=True)


async def used(url: str, seconds: float, think: float, told: dict[str, Any]) -> dict[str, Any]:
    """All people at once for so many seconds, after they have come one by one."""
    asked, trust = Asked(), ssl.create_default_context()
    wishes = iter([
        {"suite": "bench@1", "model": model, "settings": {"dtype": dtype}}
        for dtype in ("float32", "bfloat16") for model in told["to_submit"]
    ])  # fmt: skip
    clients = [
        httpx.AsyncClient(base_url=url, timeout=PATIENCE, headers={"Accept-Encoding": "gzip"}, verify=trust)
        for _ in range(USERS)
    ]
    began = time.monotonic()
    people = [Person(told, number, wishes, asked) for number in range(USERS)]
    await asyncio.gather(*[
        person.use(http, began + RAMP * number / USERS, began + RAMP + seconds, think)
        for number, (person, http) in enumerate(zip(people, clients, strict=True))
    ])  # fmt: skip
    took = time.monotonic() - began
    for http in clients:
        await http.aclose()
    return asked.told(took)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(used(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), json.load(sys.stdin)))))
