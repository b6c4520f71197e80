"""The part of the state machine's calls that is about endpoints: looks, claims with their key, pauses."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from django.db.models.functions import Now
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from evaluator.contract import JobSpec
from leaderboard.actions.pause import resume
from leaderboard.actions.preflight import record_preflight
from leaderboard.models import Job, Owner, WorkerToken
from tests.leaderboard import endpoints, expected
from tests.leaderboard.broker import Broker
from tests.leaderboard.expected import Outcome, World

PAST = timedelta(days=2)
pick = st.integers(0, 5)


def number_of(job: expected.Job) -> int:
    return job.number


def waits(job: expected.Job | None, engine: str = "") -> bool:
    """Whether it can be given out now: of an endpoint, or to a worker with weights."""
    if job is None or job.state != "queued" or job.waits:
        return False
    return job.engine == engine if engine else True


class EndpointCalls(RuleBasedStateMachine):
    """What these calls need of the machine that they are part of."""

    owner: ClassVar[Owner]
    stranger: ClassVar[Owner]
    token: ClassVar[WorkerToken]
    broker: ClassVar[Broker]
    world: World
    specs: list[JobSpec]
    looks: list[JobSpec]
    call: Callable[..., Any]
    job: Callable[[int], tuple[expected.Submission, expected.Job]]

    @rule(served=st.sampled_from(["m1", "m2"]))
    def submit_endpoint(self, served: str) -> None:
        request = (f"api.example.org:443/{served}", "openai-completions", "endpoint")
        made = self.call(
            self.world.submit(request),
            lambda: endpoints.submitted(self.owner, suite="tiny@1", protocol="openai-completions", model=served),
        )
        if made is not None:
            self.world.submitted(made.pk, request)
            look = made.jobs.get()
            self.world.submissions[made.pk].look = expected.Job(look.pk, "api", "endpoint", "", 0)
            assert self.broker.down or self.broker.sent[-1] == ("evaluator.doorbell", look.pk)

    def waiting_at_endpoints(self) -> list[expected.Job]:
        """In the order in which they are given out."""
        live = sorted(self.world.live(), key=lambda row: row.number)
        looks = [row.look for row in live if waits(row.look)]
        jobs = [row.job for row in live if waits(row.job, "endpoint")]
        order = [*sorted(filter(None, looks), key=number_of), *sorted(filter(None, jobs), key=number_of)]
        return [job for job in order if not job.waits]

    @rule()
    def claim_endpoint(self) -> None:
        line = self.waiting_at_endpoints()
        spec = self.call("changed", lambda: endpoints.claim(self.token))
        assert (spec.job if spec else None) == (line[0].number if line else None)
        if spec is None:
            return
        assert spec.endpoint is not None and spec.endpoint.api_key == endpoints.CANARY
        row, job = self.job(spec.job)
        assert spec.endpoint.preflight == (job is row.look)
        if spec.endpoint.preflight:
            self.world.claim_look(row)
            self.looks.append(spec)
        else:
            self.world.claim(row)
            self.specs.append(spec)
        assert spec.attempt == job.attempt

    @precondition(lambda self: self.looks)
    @rule(which=pick, how=st.sampled_from(["fit", "fit", "fit", "unfit", "fails", "platform", "silent"]))
    def answer_look(self, which: int, how: str) -> None:
        spec = self.looks[-1 - which % len(self.looks)]
        row, look = self.job(spec.job)
        held = self.world.held(look, spec.attempt, True)
        if how == "silent":
            if held:
                Job.objects.filter(pk=look.number).update(lease_expires_at=Now() - PAST)
                look.lease_out = True
            return
        ended = look.attempt == spec.attempt and look.state != "running"
        if how in {"fit", "unfit"}:
            said = endpoints.found(spec, echo=how == "fit", spent=None)
            repeated = look.state == "done" and look.attempt == spec.attempt and look.results == how
            outcome: Outcome = "nothing" if repeated else "changed" if held else "refused"
            self.call(outcome, lambda: record_preflight(job=spec.job, token=spec.token, found=said))
            if outcome != "changed":
                return
            look.results = how
            if how == "unfit":
                self.world.unfit(row, "no_likelihoods")
                return
            made = Job.objects.get(submission=row.number, kind="evaluation")
            self.world.looked(row, expected.Job(made.pk, "api", "endpoint", "", 0))
            return
        outcome = "nothing" if ended else "changed" if held else "refused"
        kind = "model" if how == "fails" else "platform"
        self.call(outcome, lambda: endpoints.fail(spec, kind, code="broken"))
        if outcome == "changed" and how == "fails":
            self.world.unfit(row, "broken", after="failed")
        elif outcome == "changed":
            self.world.lose_look(row, "broken")

    @precondition(lambda self: self.world.submissions)
    @rule(which=pick, owned=st.sampled_from([True, True, False]))
    def resume(self, which: int, owned: bool) -> None:
        row = list(self.world.submissions.values())[-1 - which % len(self.world.submissions)]
        outcome = self.world.resume(row, owned=owned)
        self.call(outcome, lambda: resume(submission=row.number, owner=self.owner if owned else self.stranger))
