"""A worker that waits for its bell says that it is there."""

import logging
import threading
from pathlib import Path

import httpx
import pytest

from evaluator import worker
from evaluator.contract import HELLO_SECONDS, ClaimRequest, decode
from tests.evaluator.test_client import CLAIM, Script


class Rounds(threading.Event):
    """Ends after so many waits, without any."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left, self.waits = number, list[float | None]()

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        self.left -= 1
        if not self.left:
            self.set()
        return self.is_set()


def test_it_says_hello_again_and_again_until_it_is_stopped(tmp_path: Path) -> None:
    script, rounds = Script(*[httpx.Response(204)] * 3), Rounds(3)
    worker.greet(script.site(), CLAIM, rounds, tmp_path)
    assert [request.url.path for request in script.requests] == ["/api/worker/v1/hello/"] * 3
    assert decode(script.requests[0].content, ClaimRequest) == CLAIM
    assert rounds.waits == [HELLO_SECONDS] * 3


def test_a_site_that_does_not_hear_it_is_told_of_once_and_greeted_on(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    away, there = httpx.ConnectError("refused"), httpx.Response(204)
    script = Script(away, away, httpx.Response(404), there, away)
    with caplog.at_level(logging.WARNING, "evaluator.worker"):
        worker.greet(script.site(), CLAIM, Rounds(5), tmp_path)
    assert len(script.requests) == 5 and script.waits == []
    assert [record.message.split(":")[0] for record in caplog.records] == ["The site does not hear this worker"] * 2
