"""Every message and every call twice, one after the other and at the same moment: one effect. And what meets what."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path as Folder
from typing import Any

import pytest
from django.db import connections

from evaluator.contract import Heartbeat
from leaderboard import tasks
from leaderboard.actions import lease, record
from leaderboard.actions import score as scoring
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Conflict, Refused
from leaderboard.models import Event, Job, Owner, Submission, Suite, WorkerToken
from tests.leaderboard import invariants
from tests.leaderboard.broker import Broker, deliver
from tests.leaderboard.measured import differing
from tests.leaderboard.path import MEASURES, REQUEST, RUNS, WAYS, Path, Step

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def path(owner: Owner, suite: Suite, worker_token: WorkerToken, files: Folder, monkeypatch: pytest.MonkeyPatch) -> Path:
    return Path(owner, worker_token, Broker.stand_in(monkeypatch), monkeypatch)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Call all at once, each with a connection of its own; returns what each returned or was refused with.

    A refusal is an answer; anything else that is raised fails the test.
    """
    barrier = threading.Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        barrier.wait(10)
        try:
            return call()
        except Refused as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def ended(path: Path, state: str = "succeeded") -> None:
    invariants.check()
    invariants.check_files()
    assert Submission.objects.get().state == state
    assert path.settled()


def go(path: Path, *steps: Step) -> None:
    for step in steps:
        step(path)


def events() -> list[tuple[str, str]]:
    return list(Event.objects.order_by("id").values_list("before", "after"))


def test_every_bell_twice_has_one_effect(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(path, *WAYS["succeeds"].broken)
    once = events()
    invariants.forget()
    twice = Path(path.owner, path.token, Broker.stand_in(monkeypatch), monkeypatch)
    go(twice, Path.submit)
    for step in (Path.claim, *MEASURES[:-1], None):
        for message in list(twice.broker.sent):
            deliver(message)
            deliver(message)
        twice.delivered = len(twice.broker.sent)
        if step is not None:
            step(twice)
    ended(twice)
    assert events() == once


def at_once(call: Callable[[], Any], times: int = 4) -> list[Any]:
    return together(*[call] * times)


def test_every_message_and_every_call_at_the_same_moment_has_one_effect(path: Path) -> None:
    """Four of each: validate, claim, heartbeat, chunk, results, score, and the round of the reconciler between them."""
    path.submit()
    at_once(tasks.reconcile)
    at_once(lambda: deliver(path.broker.sent[0]))
    assert Job.objects.count() == 1
    claimed = at_once(lambda: lease.claim(token=path.token, request=REQUEST))
    (path.spec,) = [spec for spec in claimed if spec is not None]
    spec, made = path.held, path.measured
    beat = Heartbeat(attempt=spec.attempt, phase="evaluating", done=1, total=2)
    replies = at_once(lambda: lease.heartbeat(job=spec.job, token=spec.token, beat=beat))
    assert [reply.cancel for reply in replies] == [False] * 4
    for sequence in range(len(made.bodies)):
        assert sorted(at_once(lambda sequence=sequence: path.chunk(sequence))) == [False, False, False, True]
    at_once(tasks.reconcile)
    post = lambda: record.record_results(job=spec.job, token=spec.token, results=made.results)  # noqa: E731
    assert sorted(at_once(post)) == [False, False, False, True]
    at_once(lambda: deliver(("leaderboard.score", path.number)))
    at_once(tasks.reconcile)
    path.delivered = len(path.broker.sent)
    ended(path)
    assert events() == EXPECTED


EXPECTED = [
    ("", "validating"), ("validating", "queued"), ("queued", "running"), ("queued", "running"), ("running", "done"),
    ("running", "scoring"), ("scoring", "succeeded"),
]  # fmt: skip


@pytest.mark.parametrize("answer", ["model_not_found", "hub_unreachable"])
def test_four_validators_at_the_same_moment_say_once_what_is_wrong(path: Path, answer: str) -> None:
    path.submit()
    path.hub = answer
    assert at_once(lambda: deliver(path.broker.sent[0])) == [None] * 4
    invariants.check()
    assert len(events()) == 2


@pytest.mark.parametrize("kind", ["model", "platform", "released", "cancelled"])
def test_the_same_failure_four_times_at_once_ends_the_attempt_once(path: Path, kind: str) -> None:
    """A repetition after a time-out is not a lost lease: the worker would take it for one."""
    go(path, *RUNS)
    assert sorted(map(str, at_once(lambda: path.fail(kind)))) == ["False", "False", "False", "True"]
    invariants.check()


def test_four_equal_submissions_at_once_are_one(path: Path) -> None:
    at_once(path.submit)
    go(path, *RUNS[1:], *MEASURES)
    ended(path)


@pytest.mark.parametrize("running", [False, True])
def test_cancelling_four_times_at_once_cancels_once(path: Path, running: bool) -> None:
    go(path, *(RUNS if running else RUNS[:2]))
    told = len(events())
    at_once(lambda: cancel(submission=path.number, owner=path.owner))
    assert len(events()) == told + (1 if running else 2)
    if running:
        path.acknowledges()
    ended(path, "cancelled")


# What meets what: who comes first is chance, and either is right.


def test_two_reconcilers_take_a_dead_lease_back_once(path: Path) -> None:
    go(path, *RUNS)
    for _ in range(2):
        path.silence()
        at_once(tasks.reconcile)
        invariants.check()
        go(path, Path.wait, Path.claim)
    job = Job.objects.get()
    assert (job.attempt, job.losses) == (3, 2)
    go(path, *MEASURES)
    ended(path)


def refusals(outcomes: list[Any]) -> list[Any]:
    return [one for one in outcomes if isinstance(one, Refused)]


def test_a_dead_lease_is_not_renewed_whoever_comes_first(path: Path) -> None:
    go(path, *RUNS)
    job, spec = Job.objects.get(), path.held
    beat = Heartbeat(attempt=spec.attempt, phase="loading")
    path.silence()
    outcomes = together(
        lambda: lease.heartbeat(job=spec.job, token=spec.token, beat=beat), lambda: lease.expire(job=job.pk)
    )
    assert len(refusals(outcomes)) == 1
    lease.expire_leases()
    assert Job.objects.get().state == "queued"
    invariants.check()


def test_results_at_the_moment_when_the_lease_ends_are_stored_or_measured_again(path: Path) -> None:
    """The clock runs out between the two: the lease has a hundredth of a second left."""
    go(path, *RUNS, Path.chunks)
    spec, results = path.held, path.measured.results
    Job.objects.update(lease_expires_at=lease.Now() + lease.timedelta(milliseconds=10))

    def expire() -> None:
        for _ in range(20):
            tasks.reconcile()

    together(lambda: record.record_results(job=spec.job, token=spec.token, results=results), expire)
    invariants.check()
    if Job.objects.get().state == "queued":
        go(path, Path.wait, Path.claim, *MEASURES[:-1])
    path.bells()
    ended(path)


def test_results_and_a_cancellation_at_once_end_as_cancelled(path: Path) -> None:
    go(path, *RUNS, Path.chunks)
    spec, results = path.held, path.measured.results
    together(
        lambda: record.record_results(job=spec.job, token=spec.token, results=results),
        lambda: cancel(submission=path.number, owner=path.owner),
    )
    invariants.check()
    path.bells()
    ended(path, "cancelled")  # also when they came first: they were not scored yet


def test_a_score_and_a_cancellation_at_once_end_in_one_of_the_two(path: Path) -> None:
    go(path, *RUNS, *MEASURES[:-1])
    outcomes = together(
        lambda: scoring.score(submission=path.number), lambda: cancel(submission=path.number, owner=path.owner)
    )
    state = Submission.objects.get().state
    assert (state, len(refusals(outcomes))) in {("succeeded", 1), ("cancelled", 0)}
    path.delivered = len(path.broker.sent)
    ended(path, state)


def test_of_two_different_results_at_once_one_wins(path: Path) -> None:
    go(path, *RUNS, Path.chunks)
    spec, results = path.held, path.measured.results
    both = (results, differing(results))
    outcomes = together(
        *[lambda one=one: record.record_results(job=spec.job, token=spec.token, results=one) for one in both]
    )
    (refusal,) = refusals(outcomes)
    assert isinstance(refusal, Conflict)
    winner = both[0 if outcomes[0] is True else 1]
    assert Submission.objects.get().provenance["evaluation_seconds"] == winner.evaluation_seconds
    path.bells()
    ended(path)


def test_a_claim_and_a_cancellation_at_once_tell_one_story(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canceller waits for the claim, and then does not speak of what it saw before."""
    go(path, *RUNS[:2])
    locked, stock = threading.Event(), lease.move_job

    def slow(**arguments: Any) -> None:
        locked.set()
        threading.Event().wait(0.3)
        stock(**arguments)

    monkeypatch.setattr(lease, "move_job", slow)

    def cancel_then() -> Submission:
        assert locked.wait(5)
        return cancel(submission=path.number, owner=path.owner)

    claimed, answered = together(lambda: lease.claim(token=path.token, request=REQUEST), cancel_then)
    assert answered.state == "running"
    invariants.check()
    path.spec = claimed
    path.acknowledges()
    ended(path, "cancelled")
