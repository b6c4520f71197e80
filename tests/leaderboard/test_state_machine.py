"""Any order of calls: after each the tables say what the tables of moves promise, and in the end everything has ended.

Hypothesis picks the calls; `World` (expected.py) knows what each should do, `check` (invariants.py) what must hold
anyway. PARITY_HYPOTHESIS=thorough tries many more (`make fuzz-states`).
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from django.db import connection
from django.db.models.functions import Now
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django import Settings as DjangoSettings

from evaluator.contract import JobSpec, Settings
from evaluator.hub import HubError, PinnedModel
from leaderboard import tasks
from leaderboard.actions import validate
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Refused
from leaderboard.actions.submit import submit
from leaderboard.models import Job, Outbox, Owner, Submission, Suite, WorkerToken
from tests.leaderboard import expected, invariants
from tests.leaderboard.broker import Broker, deliver
from tests.leaderboard.endpoint_calls import EndpointCalls, waits
from tests.leaderboard.expected import Outcome, World
from tests.leaderboard.path import pinned
from tests.leaderboard.worker_calls import ENGINES, QUEUES, WorkerCalls, pick

THOROUGH = os.environ.get("PARITY_HYPOTHESIS") == "thorough"
PROFILE = settings(
    max_examples=500 if THOROUGH else 12,
    stateful_step_count=60 if THOROUGH else 30,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)

pytestmark = pytest.mark.slow

MODELS = {"org/small": ("LlamaForCausalLM", 1_000), "org/large": ("GPT2LMHeadModel", 5_000), "org/odd": ("", 0)}
"""Name -> architecture and bytes."""
PAST = timedelta(days=2)

T = TypeVar("T")


class Calls(WorkerCalls, EndpointCalls):
    """One site, and whoever calls it. The class's attributes are set by the test."""

    owner: ClassVar[Owner]
    stranger: ClassVar[Owner]
    token: ClassVar[WorkerToken]
    broker: ClassVar[Broker]
    site: ClassVar[DjangoSettings]
    counted: ClassVar[dict[str, int]]

    def __init__(self) -> None:
        super().__init__()
        invariants.forget()
        self.world, self.specs, self.sound = World(), list[JobSpec](), True
        self.looks: list[JobSpec] = []
        self.final: dict[tuple[str, int], tuple[object, ...]] = {}
        self.broker.sent.clear()
        self.broker.down = False
        self.counted["examples"] += 1

    def call(self, outcome: Outcome, action: Callable[[], T]) -> T | None:
        """Make a call that has this outcome; whatever does not change anything leaves every row as it was."""
        self.sound = False
        self.counted[outcome] = self.counted.get(outcome, 0) + 1
        before = None if outcome == "changed" else invariants.digest()
        value, refusal = None, None
        try:
            value = action()
        except Refused as error:
            refusal = error
        assert (refusal is not None) == (outcome == "refused"), f"{outcome} was expected: {refusal!r}"
        assert before is None or invariants.digest() == before
        return value

    def job(self, number: int) -> tuple[expected.Submission, expected.Job]:
        for row in self.world.submissions.values():
            for job in (row.job, row.look):
                if job is not None and job.number == number:
                    return row, job
        raise AssertionError(number)

    @initialize(claimed=st.sampled_from([2, 2, 1, 0]), posted=st.booleans())
    def some_time_before(self, claimed: int, posted: bool) -> None:
        """Most of what can go wrong goes wrong with what runs: few calls are spent on getting there."""
        for model in sorted(MODELS)[:2]:
            self.submit(model, "main", ENGINES[0])
            self.take(self.broker.sent[-1])
        for _ in range(claimed):
            self.claim(QUEUES, ENGINES, None, ())
        if claimed and posted:
            self.post_results(0, "complete")

    # People.

    @rule(
        model=st.sampled_from(sorted(MODELS)), revision=st.sampled_from(["main", "v1"]), engine=st.sampled_from(ENGINES)
    )
    def submit(self, model: str, revision: str, engine: Any) -> None:
        request = (model, revision, engine)
        made = self.call(
            self.world.submit(request),
            lambda: submit(
                owner=self.owner, submitter=self.owner.user, suite="tiny@1", model=model, revision=revision,
                settings=Settings(engine=engine),
            ),
        )  # fmt: skip
        if made is not None:
            self.world.submitted(made.pk, request)
            assert self.broker.down or self.broker.sent[-1] == ("leaderboard.validate", made.pk)

    @precondition(lambda self: self.world.submissions)
    @rule(which=pick, owned=st.sampled_from([True, True, False]))
    def cancel(self, which: int, owned: bool) -> None:
        row = list(self.world.submissions.values())[-1 - which % len(self.world.submissions)]
        outcome = self.world.cancel(row, owned=owned)
        self.call(outcome, lambda: cancel(submission=row.number, owner=self.owner if owned else self.stranger))

    # Bells and clocks.

    @rule()
    def broker_goes_or_comes(self) -> None:
        self.broker.down = not self.broker.down

    @precondition(lambda self: self.broker.sent)
    @rule(
        which=pick,
        answer=st.sampled_from(["fine", "fine", "fine", "model_not_found", "hub_unreachable", "impatient"]),
        queue=st.sampled_from(QUEUES),
    )
    def deliver(self, which: int, answer: str, queue: str) -> None:
        """Any message that was ever sent, first or again."""
        self.take(self.broker.sent[-1 - which % len(self.broker.sent)], answer, queue)

    def take(self, message: tuple[str, int], answer: str = "fine", queue: str = "cpu") -> None:
        name, subject = message
        row = self.world.submissions.get(subject)
        if name == "leaderboard.score":
            assert row is not None
            self.call(self.world.score(row), lambda: deliver(message))
        if name != "leaderboard.validate":
            return
        assert row is not None
        if row.state != "validating":
            self.call("nothing", lambda: deliver(message))
            return
        if answer == "impatient":
            Submission.objects.filter(pk=subject).update(created_at=Now() - PAST)
        code = "hub_unreachable" if answer == "impatient" else answer

        def pin(name: str, *_: Any, **__: Any) -> PinnedModel:
            if code != "fine":
                raise HubError(code, f"{code}: {name}")
            architecture, size = MODELS[name]
            return pinned(name, architecture=architecture, size=size)

        self.site.JOB_QUEUE = queue
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(validate.hub, "pin", pin)
            self.call("changed", lambda: deliver(message))
        if code == "fine":
            made = Job.objects.filter(submission=subject).first()
            architecture, size = MODELS[row.request[0]]
            needs = int(size * validate.OVERHEAD)
            job = expected.Job(made.pk if made else 0, queue, row.request[2], architecture, needs)
            self.world.accept(row, job)
        elif answer != "hub_unreachable":
            self.world.reject(row, code)

    @rule()
    def time_passes(self) -> None:
        """Every wait is over: back-off, and bells that were rung already."""
        Job.objects.filter(state="queued").update(not_before=Now())
        Outbox.objects.update(ring_after=Now())
        for row in self.world.live():
            for job in (row.job, row.look):
                if job is not None and job.state == "queued":
                    job.waits = False

    @rule()
    def reconcile(self) -> None:
        self.sound = False
        tasks.reconcile()
        self.world.reconcile()

    @precondition(lambda self: any(row.state == "running" for row in self.world.live()))
    @rule(which=pick, overtime=st.booleans())
    def worker_falls_silent_or_dawdles(self, which: int, overtime: bool) -> None:
        running = [row.job for row in self.world.live() if row.job is not None and row.state == "running"]
        job = running[-1 - which % len(running)]
        column = "claimed_at" if overtime else "lease_expires_at"
        Job.objects.filter(pk=job.number).update(**{column: Now() - PAST})
        job.overtime, job.lease_out = job.overtime or overtime, job.lease_out or not overtime

    # What must hold.

    @invariant()
    def the_tables_agree(self) -> None:
        self.counted["steps"] += 1
        moves = invariants.check()
        assert moves == self.world.moves
        final = invariants.final()
        assert {key: final.get(key) for key in self.final} == self.final, "what has ended was changed"
        self.final = final
        submissions = dict(Submission.objects.values_list("pk", "state"))
        assert submissions == {row.number: row.state for row in self.world.submissions.values()}
        for number, code in Submission.objects.filter(state__in=["rejected", "failed"]).values_list("pk", "error_code"):
            assert code == self.world.submissions[number].error
        jobs = {
            job.number: (job.state, job.attempt, job.losses, job.cancel)
            for row in self.world.submissions.values()
            for job in (row.job, row.look)
            if job is not None
        }
        columns = Job.objects.values_list("pk", "state", "attempt", "losses", "cancel_requested", "done")
        assert {pk: rest for pk, *rest, _ in columns} == {pk: list(row) for pk, row in jobs.items()}
        running = {pk: done for pk, state, *_, done in columns if state == "running"}
        assert running == {pk: self.job(pk)[1].done for pk in running}
        self.sound = True

    def teardown(self) -> None:
        """Whatever has happened: with the broker and one able worker there, everything comes to its end."""
        if not self.sound:
            return
        self.broker.down = False
        for _ in range(5):
            if not self.world.live():
                break
            self.time_passes()
            self.broker.sent.clear()
            self.reconcile()
            for message in list(self.broker.sent):
                self.take(message)
            for _ in range(2):
                while self.waiting_at_endpoints():
                    self.claim_endpoint()
                for number in range(len(self.looks)):
                    self.answer_look(number, "fit")
            for number in range(len(self.world.submissions)):
                self.resume(number, owned=True)
            while self.waiting_at_endpoints():
                self.claim_endpoint()
            while any(waits(row.job) and row.job.engine != "endpoint" for row in self.world.live()):
                self.claim(QUEUES, ENGINES, None, ())
            for number in range(len(self.specs)):
                self.post_results(number, "complete")
                if self.job(self.newest(number).job)[1].state == "running":
                    self.post_failure(number, "model")  # what it sent before did not fit: a worker then gives up
            for message in list(self.broker.sent):
                self.take(message)
            self.the_tables_agree()
        assert not self.world.live()


@pytest.mark.django_db(transaction=True)
def test_any_order_of_calls(
    owner: Owner, suite: Suite, worker_token: WorkerToken, files: Path, settings: DjangoSettings,
    monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")  # no power cuts here: half the time
    Owner.objects.update(day_cap=10**6, month_cap=10**6, live_cap=10**6)
    Calls.owner, Calls.token, Calls.site = owner, worker_token, settings
    Calls.stranger = Owner.objects.create(kind="organisation", name="stranger")
    Calls.broker, Calls.counted = Broker.stand_in(monkeypatch), {"examples": 0, "steps": 0}
    run_state_machine_as_test(Calls, settings=PROFILE)
    record_property("counted", Calls.counted)
    print(Calls.counted)
