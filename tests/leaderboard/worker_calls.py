"""The part of the state machine's calls that workers make: claims, heartbeats, samples, results and failures."""

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from evaluator.contract import EDITION, ClaimRequest, Failure, Heartbeat, JobSpec
from leaderboard.actions import lease, record
from leaderboard.models import WorkerToken
from tests.leaderboard import expected
from tests.leaderboard.expected import Outcome, World
from tests.leaderboard.measured import differing, measured

ENGINES = ("vllm", "transformers")
QUEUES = ("cpu", "gpu")
pick = st.integers(0, 5)
"""Which of several; counted from the newest, so that the smallest example is about what happened last."""


class WorkerCalls(RuleBasedStateMachine):
    """What these calls need of the machine that they are part of."""

    token: ClassVar[WorkerToken]
    world: World
    specs: list[JobSpec]
    call: Callable[..., Any]
    job: Callable[[int], tuple[expected.Submission, expected.Job]]

    def newest(self, which: int) -> JobSpec:
        return self.specs[-1 - which % len(self.specs)]

    @rule(
        queues=st.sampled_from([QUEUES, QUEUES, ("cpu",), ("gpu",)]),
        engines=st.sampled_from([ENGINES, ENGINES, ("vllm",)]),
        memory=st.sampled_from([None, None, 2_000, 0]),
        runs=st.sampled_from([(), (), ("LlamaForCausalLM",)]),
    )
    def claim(self, queues: Any, engines: Any, memory: int | None, runs: tuple[str, ...]) -> None:
        request = ClaimRequest(
            worker="w", queues=queues, engines=engines, memory_bytes=memory, architectures=runs, edition=EDITION
        )
        able = {
            row.job.number: row
            for row in self.world.live()
            if row.job is not None and self.world.fits(row.job, set(queues), set(engines), memory, set(runs))
        }
        spec = self.call("changed", lambda: lease.claim(token=self.token, request=request))
        assert (spec is not None) == bool(able)
        if spec is not None:
            row, job = self.job(spec.job)
            assert job.number in able
            self.world.claim(row)
            assert (spec.attempt, spec.model.name, spec.settings.engine) == (job.attempt, row.request[0], job.engine)
            self.specs.append(spec)

    @precondition(lambda self: self.specs)
    @rule(
        which=pick,
        shift=st.sampled_from([0, 0, 0, 0, -1, 1]),
        ours=st.sampled_from([True, True, True, False]),
        done=pick,
    )
    def heartbeat(self, which: int, shift: int, ours: bool, done: int) -> None:
        spec = self.newest(which)
        _, job = self.job(spec.job)
        attempt = max(0, spec.attempt + shift)
        held = self.world.held(job, attempt, ours and spec.attempt == job.attempt)
        beat = Heartbeat(attempt=attempt, phase="evaluating", done=done, total=4)
        token = spec.token if ours else "attempt_foreign"
        outcome: Outcome = "changed" if held else "refused"
        reply = self.call(outcome, lambda: lease.heartbeat(job=spec.job, token=token, beat=beat))
        if reply is not None:
            assert reply.cancel == job.cancel
            job.done = max(job.done, min(done, 4))

    @precondition(lambda self: self.specs)
    @rule(which=pick, sequence=st.integers(0, 1), variant=st.sampled_from([0, 0, 0, 1]))
    def post_chunk(self, which: int, sequence: int, variant: int) -> None:
        spec = self.newest(which)
        _, job = self.job(spec.job)
        made = measured(spec, variant=variant)
        digest = made.digest(sequence)
        stored = job.chunks.get(sequence)
        outcome: Outcome = "changed" if stored is None else "nothing" if stored == digest else "refused"
        if not self.world.held(job, spec.attempt, True):
            outcome = "refused"
        new = self.call(
            outcome,
            lambda: record.record_chunk(
                job=spec.job, attempt=spec.attempt, token=spec.token, sequence=sequence, digest=digest,
                body=made.bodies[sequence],
            ),
        )  # fmt: skip
        if outcome == "changed":
            assert new is True
            job.chunks[sequence] = digest

    @precondition(lambda self: self.specs)
    @rule(
        which=pick,
        how=st.sampled_from(["complete", "complete", "complete", "differing", "chunks missing", "tasks missing"]),
    )
    def post_results(self, which: int, how: str) -> None:
        """`complete` sends first what is missing, as a worker does."""
        spec = self.newest(which)
        row, job = self.job(spec.job)
        made = measured(spec)
        results = differing(made.results) if how == "differing" else made.results
        if how == "tasks missing":
            results = msgspec.structs.replace(results, tasks=results.tasks[:1])
        if how in {"complete", "tasks missing"}:
            for sequence in range(2):
                self.post_chunk(which, sequence, 0)
        told = "complete" if how == "chunks missing" else how  # the same body; only what was sent before it is not
        listed = {chunk.sequence: chunk.digest for chunk in results.chunks}
        held = self.world.held(job, spec.attempt, True)
        fits = job.cancel or (how != "tasks missing" and listed == job.chunks)
        repeated = (job.state, job.attempt, job.results) == ("done", spec.attempt, told)
        outcome: Outcome = "nothing" if repeated else "changed" if held and fits else "refused"
        new = self.call(outcome, lambda: record.record_results(job=spec.job, token=spec.token, results=results))
        if outcome == "changed":
            assert new is True
            self.world.finish(row, told)

    @precondition(lambda self: self.specs)
    @rule(which=pick, kind=st.sampled_from(["model", "platform", "released", "cancelled", "budget"]))
    def post_failure(self, which: int, kind: Any) -> None:
        spec = self.newest(which)
        row, job = self.job(spec.job)
        ended = job.attempt == spec.attempt and job.state != "running"
        held = self.world.held(job, spec.attempt, True)
        outcome: Outcome = "nothing" if ended else "changed" if held else "refused"
        failure = Failure(attempt=spec.attempt, kind=kind, code="broken", message="It broke.", log="the last words")
        self.call(outcome, lambda: record.record_failure(job=spec.job, token=spec.token, failure=failure))
        if outcome != "changed":
            return
        if job.cancel or kind == "cancelled":
            self.world.both(row, "cancelled")
        elif kind == "released":
            self.world.requeue(row, lost=False)
        elif kind == "budget" and job.engine == "endpoint":
            self.world.both(row, "paused")
        else:
            self.world.lose(row, "broken", retry=kind == "platform")
