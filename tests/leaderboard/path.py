"""One submission from its start to its end: what its owner, the site's worker, an evaluator and the clocks do in turn.

Each step may be made again after it failed half-way, as its actor would: a person submits again, a client repeats the
call, a lost message is rung again, a lost claim's lease runs out.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from evaluator.contract import ClaimRequest, Failure, Heartbeat, JobSpec
from evaluator.hub import HubError, PinnedModel
from leaderboard import tasks
from leaderboard.actions import lease, record, validate
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Conflict
from leaderboard.actions.submit import submit
from leaderboard.models import Job, Outbox, Owner, StaleRanking, Submission, WorkerToken
from tests.leaderboard.broker import Broker, deliver
from tests.leaderboard.measured import Measured, measured

Step = Callable[["Path"], None]
PAST = timedelta(days=2)
REQUEST = ClaimRequest(worker="w", queues=("cpu", "gpu"), engines=("vllm", "transformers"), edition=2)


def pinned(name: str, *, architecture: str = "LlamaForCausalLM", size: int = 1_000) -> PinnedModel:
    """What the Hub says of a small model; the same name is always the same revision."""
    return PinnedModel(
        name=name, sha=name.encode().hex()[-40:].rjust(40, "0"), source="mirror", folder=None, licence="",
        parameters=None, active_parameters=None, architecture=architecture, model_type="", context_length=1, dtype="",
        chat_template=False, gated=False, size_bytes=size, base_model=None, modalities=("text",), created=None,
        needs_remote_code=False,
    )  # fmt: skip


class Path:
    """`delivered` counts the messages that were handed over. `hub`: the code that it answers with, or ""."""

    def __init__(self, owner: Owner, token: WorkerToken, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
        self.owner, self.token, self.broker = owner, token, broker
        self.spec: JobSpec | None = None
        self.delivered, self.hub = 0, ""

        def pin(name: str, *_: Any, **__: Any) -> PinnedModel:
            if self.hub:
                raise HubError(self.hub, "as the test wants it")
            return pinned(name)

        monkeypatch.setattr(validate.hub, "pin", pin)

    @property
    def number(self) -> int:
        return Submission.objects.values_list("pk", flat=True).get()

    # The owner.

    def submit(self) -> None:
        """Whoever lost the reply submits again, and is shown what is under way."""
        shown = ""
        try:
            submit(owner=self.owner, submitter=self.owner.user, suite="tiny@1", model="org/model")
        except Conflict as refusal:
            shown = refusal.url
        assert shown in {"", reverse("submission", args=[self.number])}

    def cancel(self) -> None:
        try:
            cancel(submission=self.number, owner=self.owner)
        except Conflict:
            assert Submission.objects.get().state == "cancelled"

    # The site's worker and the clocks.

    def bells(self) -> None:
        """Hand over each message once, as a worker that acknowledges first does; ring again for what was lost."""
        for _ in range(3):
            while self.delivered < len(self.broker.sent):
                self.delivered += 1
                deliver(self.broker.sent[self.delivered - 1])
            ringing = Outbox.objects.filter(kind__in=["validate", "score"]).exists()
            if self.hub == "hub_unreachable" or not (ringing or StaleRanking.objects.exists()):
                return
            self.wait()
            self.reconcile()

    def wait(self) -> None:
        """Every back-off is over, every bell is due."""
        Job.objects.filter(state="queued").update(not_before=Now())
        Outbox.objects.update(ring_after=Now())

    def reconcile(self) -> None:
        tasks.reconcile()

    def silence(self) -> None:
        """No heartbeat comes any more; whoever held the job is gone."""
        Job.objects.filter(state="running").update(lease_expires_at=Now() - PAST)
        self.spec = None

    def dawdle(self) -> None:
        Job.objects.filter(state="running").update(claimed_at=Now() - PAST)
        self.spec = None

    def hub_goes(self) -> None:
        self.hub = "hub_unreachable"

    def hub_lacks_it(self) -> None:
        self.hub = "model_not_found"

    def hub_comes(self) -> None:
        self.hub = ""

    def broker_goes(self) -> None:
        self.broker.down = True

    def broker_comes(self) -> None:
        self.broker.down = False

    # The evaluator.

    def claim(self) -> None:
        """Until a job comes: one whose claim was lost comes back when its lease is out."""
        for _ in range(3):
            self.spec = lease.claim(token=self.token, request=REQUEST)
            if self.spec is not None:
                return
            self.silence()
            self.reconcile()
            self.wait()
            self.bells()

    def heartbeat(self) -> None:
        spec = self.held
        reply = lease.heartbeat(job=spec.job, token=spec.token, beat=Heartbeat(attempt=spec.attempt, phase="loading"))
        assert reply.cancel == Job.objects.get().cancel_requested

    def chunks(self) -> None:
        for sequence in range(len(self.measured.bodies)):
            self.chunk(sequence)

    def chunk(self, sequence: int) -> bool:
        spec, made = self.held, self.measured
        return record.record_chunk(
            job=spec.job, attempt=spec.attempt, token=spec.token, sequence=sequence, digest=made.digest(sequence),
            body=made.bodies[sequence],
        )  # fmt: skip

    def results(self) -> None:
        """A repetition of results that were not wanted any more is answered like a lost lease: the worker stops."""
        try:
            record.record_results(job=self.held.job, token=self.held.token, results=self.measured.results)
        except Conflict:
            assert Job.objects.get().state == "cancelled"

    def fail(self, kind: Any) -> bool:
        spec = self.held
        failure = Failure(attempt=spec.attempt, kind=kind, code="broken", message="It broke.", log="the last words")
        return record.record_failure(job=spec.job, token=spec.token, failure=failure)

    def fails(self) -> None:
        self.fail("platform")

    def fails_for_good(self) -> None:
        self.fail("model")

    def stops(self) -> None:
        self.fail("released")

    def acknowledges(self) -> None:
        self.fail("cancelled")

    @property
    def held(self) -> JobSpec:
        assert self.spec is not None
        return self.spec

    @property
    def measured(self) -> Measured:
        return measured(self.held)

    def settled(self) -> bool:
        """Whether nothing of this path waits: the submission has ended, and every message was handed over."""
        waiting = Outbox.objects.filter(~Q(kind=Outbox.Kind.DELIVER)).exists()
        return not waiting and Submission.objects.exclude(finished_at=None).count() == 1


class Way(NamedTuple):
    """How it may go: what happens first, what is broken off, what happens then, and the state in which it ends."""

    first: list[Step]
    broken: list[Step]
    then: list[Step]
    end: str


RUNS: list[Step] = [Path.submit, Path.bells, Path.claim]
MEASURES: list[Step] = [Path.heartbeat, Path.chunks, Path.results, Path.bells]

WAYS: dict[str, Way] = {
    "succeeds": Way([], [*RUNS, *MEASURES], [], "succeeded"),
    "rung by the reconciler": Way(
        [Path.broker_goes, Path.submit, Path.broker_comes, Path.wait], [Path.reconcile, Path.bells],
        [Path.claim, *MEASURES], "succeeded",
    ),
    "the Hub comes back": Way(
        [Path.submit, Path.hub_goes], [Path.bells], [Path.hub_comes, Path.bells, Path.claim, *MEASURES], "succeeded",
    ),
    "rejected": Way([Path.submit, Path.hub_lacks_it], [Path.bells], [], "rejected"),
    "its worker is lost": Way(RUNS, [Path.silence, Path.reconcile, Path.wait, Path.claim], MEASURES, "succeeded"),
    "its worker fails": Way(RUNS, [Path.fails, Path.wait, Path.claim], MEASURES, "succeeded"),
    "its worker is stopped": Way(RUNS, [Path.stops, Path.claim], MEASURES, "succeeded"),
    "fails for good": Way(RUNS, [Path.fails_for_good], [], "failed"),
    "takes too long": Way(RUNS, [Path.dawdle, Path.reconcile], [], "failed"),
    "cancelled at once": Way([Path.submit], [Path.cancel], [], "cancelled"),
    "cancelled while it waits": Way(RUNS[:2], [Path.cancel], [], "cancelled"),
    "cancelled while it runs": Way(RUNS, [Path.cancel, Path.heartbeat, Path.acknowledges], [], "cancelled"),
    "cancelled, its worker silent": Way(RUNS, [Path.cancel, Path.silence, Path.reconcile], [], "cancelled"),
    "cancelled before its results": Way(RUNS, [Path.cancel, Path.chunks, Path.results], [], "cancelled"),
    "cancelled while it is scored": Way([*RUNS, *MEASURES[:-1]], [Path.cancel], [], "cancelled"),
}  # fmt: skip
