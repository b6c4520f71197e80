"""A process dies before and after every commit, at every file and every message, of every path: nothing is lost.

What a dying process leaves is what its connection committed: hooks that wait for a commit die with it. Then everyone
goes on as they would, and the path ends as if nothing had happened, once.
"""

from collections.abc import Callable
from pathlib import Path as Folder
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from leaderboard.actions import files
from leaderboard.models import (
    Job,
    Owner,
    Result,
    SampleChunk,
    Snapshot,
    StaleRanking,
    Submission,
    Suite,
    WorkerToken,
)
from tests.leaderboard import invariants
from tests.leaderboard.broker import Broker
from tests.leaderboard.path import WAYS, Path, Step

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
Print = Callable[[str, object], None]


class Crash(BaseException):
    """The process ends here. No handler of ours catches it."""


class FailPoints:
    """Counts the places of one kind as a path passes them, and ends the process at number `at`."""

    def __init__(self) -> None:
        self.passed, self.at, self.after, self.met = 0, 0, False, 0

    def arm(self, at: int, *, after: bool) -> None:
        self.passed, self.at, self.after, self.met = 0, at, after, 0

    def through(self, act: Callable[[], Any], *, end: Callable[[], None] = lambda: None) -> Any:
        """Do `act`, or die before or after it; `end` is what dying does to the connection."""
        self.passed += 1
        if self.passed != self.at:
            return act()
        if self.after:
            act()
        end()
        self.met += 1
        raise Crash


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> FailPoints:
    """Every outermost commit."""
    points = FailPoints()
    stock = BaseDatabaseWrapper._commit

    def end() -> None:
        connection.connection.rollback()  # what the server does when the connection breaks, but now
        connection.close()

    def commit(self: BaseDatabaseWrapper) -> None:
        points.through(lambda: stock(self), end=end)

    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", commit)
    return points


@pytest.fixture
def new_path(
    owner: Owner, suite: Suite, worker_token: WorkerToken, files: Folder, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Path]:
    """Makes an empty site with nobody's submission. No power cuts here: commits need not reach the disk."""

    def make() -> Path:
        invariants.forget()
        return Path(owner, worker_token, Broker.stand_in(monkeypatch), monkeypatch)

    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
    return make


def go(path: Path, steps: list[Step]) -> int:
    """Make the steps, each again when its process died; returns how often one did."""
    died = 0
    for step in steps:
        for _ in range(3):
            try:
                step(path)
                break
            except Crash:
                died += 1
                invariants.check()
    return died


def assert_ended(path: Path, state: str) -> None:
    """It has come to its end exactly once, and left nothing that waits."""
    invariants.check()
    invariants.check_files()
    assert Submission.objects.get().state == state
    assert path.settled()
    assert Job.objects.count() <= 1
    succeeded = state == "succeeded"
    stored = Job.objects.filter(state="done").count() * 2
    assert Result.objects.count() == stored
    assert Snapshot.objects.count() == int(succeeded)
    assert not StaleRanking.objects.exists()


def walk(new_path: Callable[[], Path], name: str, points: FailPoints) -> int:
    """Break the path off at each of its points, before and after; returns at how many."""
    way = WAYS[name]

    def once(at: int, *, after: bool) -> int:
        path = new_path()
        go(path, way.first)
        points.arm(at, after=after)
        died = go(path, way.broken)
        there = points.passed
        assert died == points.met == int(at > 0)
        points.arm(0, after=False)
        go(path, way.then)
        assert_ended(path, way.end)
        return there

    there = once(0, after=False)
    for at in range(1, there + 1):
        for after in (False, True):
            try:
                once(at, after=after)
            except AssertionError as error:
                error.add_note(f"{name}: dead {'after' if after else 'before'} point {at} of {there}")
                raise
    return 2 * there


def test_dying_at_any_commit(new_path: Callable[[], Path], commits: FailPoints, record_property: Print) -> None:
    walked = {name: walk(new_path, name, commits) for name in WAYS}
    record_property("fail-points", sum(walked.values()))
    print(f"{sum(walked.values())} fail-points at commits: {walked}")
    assert all(walked.values())


def test_dying_at_any_message(
    new_path: Callable[[], Path], record_property: Print, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the commit that made the work and the broker, or after the broker has it."""
    points = FailPoints()
    stock = Broker.send
    monkeypatch.setattr(Broker, "send", lambda self, *a, **k: points.through(lambda: stock(self, *a, **k)))
    walked = {name: walk(new_path, name, points) for name in RINGING}
    record_property("fail-points", sum(walked.values()))
    print(f"{sum(walked.values())} fail-points at messages: {walked}")
    assert all(walked.values())


RINGING = ("succeeds", "rung by the reconciler", "its worker is stopped")
"""The ways whose broken part rings."""


def test_the_broker_away_at_any_message(new_path: Callable[[], Path]) -> None:
    """And at all of them, until the reconciler's next round."""
    for name in RINGING:
        way = WAYS[name]
        path = new_path()
        go(path, [*way.first, *way.broken, *way.then])
        rings = path.broker.rings
        assert rings
        for missed in [*({ring} for ring in range(1, rings + 1)), set(range(1, rings + 1))]:
            path = new_path()
            path.broker.missing = missed
            go(path, [*way.first, *way.broken, *way.then])
            assert_ended(path, way.end)


def test_dying_between_a_chunk_and_its_row(new_path: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing, half or all of the file written: the chunk is sent again, and is there once and whole."""
    points, stock = FailPoints(), files.replace
    for written in (0.0, 0.5, 1.0):

        def replace(path: Folder, body: bytes, mode: int | None, written: float = written) -> None:
            def store() -> None:
                if points.passed == points.at and written < 1:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.with_name(f".{path.name}.half").write_bytes(body[: int(len(body) * written)])
                else:
                    stock(path, body, mode)

            points.through(store)

        path = new_path()
        with monkeypatch.context() as patch:
            patch.setattr(files, "replace", replace)
            points.arm(2, after=written > 0)
            way = WAYS["succeeds"]
            assert go(path, way.broken) == points.met == 1
        assert_ended(path, way.end)
        assert SampleChunk.objects.count() == 2
