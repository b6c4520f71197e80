"""The broker as the outbox sees it: it takes messages or does not answer, and delivers what it has at any time."""

from typing import Any

import pytest
from kombu.exceptions import OperationalError

from leaderboard import tasks
from leaderboard.celery import app

HANDLERS = {"leaderboard.validate": tasks.validate, "leaderboard.score": tasks.score}


class Broker:
    """`sent` is every message (task, subject) that arrived, in order; nothing is ever taken out."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.rings = 0
        self.down = False
        self.missing: set[int] = set()
        """It is away for these rings, counted from 1."""

    def send(self, name: str, args: list[int], **_: Any) -> None:
        self.rings += 1
        if self.down or self.rings in self.missing:
            raise OperationalError("the broker is away")
        self.sent.append((name, args[0]))

    @classmethod
    def stand_in(cls, monkeypatch: pytest.MonkeyPatch) -> "Broker":
        """Take the place of the real one."""
        broker = cls()
        monkeypatch.setattr(app, "send_task", broker.send)
        return broker


def deliver(message: tuple[str, int]) -> None:
    """Do what a site's worker does with a message; doorbells for evaluators only make them claim."""
    name, subject = message
    if name in HANDLERS:
        HANDLERS[name](subject)
