"""The heartbeat thread against a scripted site."""

import threading
import time
from collections.abc import Callable

import pytest

from evaluator.client import NO_ROOM, LeaseLost, SiteError
from evaluator.contract import Heartbeat, HeartbeatReply, JobSpec, ModelRef, Settings
from evaluator.lease import Cancelled, Lease, Lost, Stopping
from evaluator.run import Progress
from tests.conftest import suite_spec

JOB = JobSpec(
    job=7, attempt=2, token="secret", lease_seconds=0.3, heartbeat_seconds=0.02,
    model=ModelRef(name="o/m", sha="a" * 40), suite=suite_spec(), settings=Settings(),
)  # fmt: skip


class Site:
    """Answers every heartbeat by `answer`."""

    def __init__(self, answer: Callable[[], HeartbeatReply]) -> None:
        self.answer, self.beats = answer, list[Heartbeat]()

    def heartbeat(self, job: JobSpec, beat: Heartbeat) -> HeartbeatReply:
        self.beats.append(beat)
        return self.answer()


def fine() -> HeartbeatReply:
    return HeartbeatReply(cancel=False, lease_seconds=0.3)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def lease(site: Site, stopping: threading.Event | None = None) -> Lease:
    return Lease(site, JOB, stopping or threading.Event())  # type: ignore[arg-type]


def stopped(held: Lease) -> bool:
    try:
        held.check()
    except (Cancelled, Lost, Stopping):
        return True
    return False


def test_it_beats_with_the_newest_progress() -> None:
    site = Site(fine)
    with lease(site) as held:
        held.tell(Progress(phase="evaluating", done=3, total=9), "a line")
        until(lambda: any(beat.done == 3 and beat.log == "a line" for beat in site.beats))
        held.check()
    count = len(site.beats)
    time.sleep(0.06)
    assert len(site.beats) == count


def test_a_cancellation_arrives() -> None:
    with lease(Site(lambda: HeartbeatReply(cancel=True, lease_seconds=1))) as held:
        until(lambda: stopped(held))
        with pytest.raises(Cancelled):
            held.check()


def test_a_site_without_room_takes_no_job_away() -> None:
    def full() -> HeartbeatReply:
        raise SiteError("The site's disk is full.", status=NO_ROOM)

    site = Site(full)
    with lease(site) as held:
        time.sleep(2 * JOB.lease_seconds)
        assert not stopped(held) and len(site.beats) > 2


def test_a_stale_attempt_is_lost_at_once() -> None:
    def refuse() -> HeartbeatReply:
        raise LeaseLost("stale", status=409)

    site = Site(refuse)
    with lease(site) as held:
        until(lambda: stopped(held))
        with pytest.raises(Lost):
            held.check()
    assert len(site.beats) == 1


def test_a_silent_site_is_borne_until_the_lease_is_out() -> None:
    def silent() -> HeartbeatReply:
        raise SiteError("no answer")

    started = time.monotonic()
    with lease(Site(silent)) as held:
        until(lambda: stopped(held))
        assert time.monotonic() - started > 0.25
        with pytest.raises(Lost, match="No heartbeat reached the site"):
            held.check()


def test_a_worker_that_is_being_stopped_gives_the_job_back() -> None:
    stopping = threading.Event()
    with lease(Site(fine), stopping) as held:
        held.check()
        stopping.set()
        with pytest.raises(Stopping):
            held.check()
