"""What a process learned a moment ago, for readers who ask for the same again."""

import time
from collections.abc import Callable
from functools import lru_cache, wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from django.conf import settings

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
MOST = 256
"""Answers of one question that are remembered."""


class Once:
    """An answer that is asked for once: who comes meanwhile waits for it, so that all of them get the same."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers: list[Any] = []

    def answer(self, ask: Callable[[], Any]) -> Any:
        with self._lock:
            if not self._answers:
                self._answers.append(ask())
            return self._answers[0]


def lately(ask: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """For a question to the database that every reader asks: for so long as the setting BOARD_STATE_SECONDS says, it is
    answered as before. All its readers share the answer, so that nobody may change it. Refusals are not remembered."""
    finding = Lock()

    @lru_cache(maxsize=MOST)
    def kept(*_: Any) -> Once:
        return Once()

    @wraps(ask)
    def asked(*given: Given.args, **named: Given.kwargs) -> Answer:
        seconds = settings.BOARD_STATE_SECONDS
        if not seconds:
            return ask(*given, **named)
        with finding:
            once = kept(int(time.monotonic() / seconds), given, tuple(named.items()))
        found: Answer = once.answer(lambda: ask(*given, **named))
        return found

    return asked
