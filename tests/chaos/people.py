"""Who submits during a chaos run: several owners, over the network that fails, each repeating what was not answered.

What is wanted is drawn once; whoever hears nothing asks again under the same Idempotency-Key, as the API tells them.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

PAUSE = 0.5
"""Seconds before a call is made again."""


@dataclass
class Wish:
    """One submission that somebody wants; `number` once the site has said which it is."""

    model: str
    suite: str
    dtype: str
    owner: int
    give_up: bool
    """Its owner cancels it some time later."""
    number: int = 0

    @property
    def body(self) -> dict[str, Any]:
        return {"model": self.model, "suite": self.suite, "settings": {"dtype": self.dtype}}


def wishes(chance: random.Random, jobs: int, models: Sequence[str], suites: Sequence[str], owners: int) -> list[Wish]:
    """So many different ones, in a random order. Raises ValueError when there are not as many."""
    every = [(model, suite, dtype) for model in models for suite in suites for dtype in ("float32", "bfloat16")]
    return [
        Wish(model, suite, dtype, owner=chance.randrange(owners), give_up=chance.random() < 0.04)
        for model, suite, dtype in chance.sample(every, jobs)
    ]


@dataclass
class People:
    """Threads that submit, and cancel. `over` ends them when the run is broken off."""

    url: str
    tokens: Sequence[str]
    wishes: Sequence[Wish]
    seconds: float
    """Over which they spread their submissions."""
    over: threading.Event = field(default_factory=threading.Event)
    repeated: int = 0

    def start(self) -> list[threading.Thread]:
        """One thread an owner."""
        threads = [threading.Thread(target=self._act, args=(owner,)) for owner in range(len(self.tokens))]
        for thread in threads:
            thread.start()
        return threads

    def _act(self, owner: int) -> None:
        mine = [wish for wish in self.wishes if wish.owner == owner]
        headers = {"Authorization": f"Bearer {self.tokens[owner]}"}
        began = time.monotonic()
        with httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False) as http:
            for turn, wish in enumerate(mine):
                self.over.wait(max(0.0, began + turn / len(mine) * self.seconds - time.monotonic()))
                self._submit(http, wish)
                if wish.give_up and wish.number:
                    self._until(lambda wish=wish: self._cancelled(http, wish))

    def _submit(self, http: httpx.Client, wish: Wish) -> None:
        key = {"Idempotency-Key": f"{wish.model} {wish.suite} {wish.dtype}"}

        def asked() -> bool:
            reply = http.post("/api/v1/submissions/", json=wish.body, headers=key)
            if reply.status_code == 201:
                wish.number = int(reply.json()["id"])
            return bool(wish.number)

        self._until(asked)

    def _cancelled(self, http: httpx.Client, wish: Wish) -> bool:
        """200, or 409 for what has ended."""
        return http.post(f"/api/v1/submissions/{wish.number}/cancel/").status_code in (200, 409)

    def _until(self, call: Callable[[], bool]) -> None:
        """Call until it is answered as it should be."""
        while not self.over.is_set():
            try:
                if call():
                    return
            except (httpx.TransportError, ValueError):
                pass  # nobody answered, or half an answer came
            self.repeated += 1
            self.over.wait(PAUSE)
