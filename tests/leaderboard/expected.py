"""The states of submissions and jobs in plain Python: what the two tables of moves promise, written a second time.

`World` knows no database. The state machine's test makes each call twice, on the site and here, and compares.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

LIVE = {"validating", "queued", "running", "scoring", "paused"}
MAX_LOSSES = 3

Outcome = Literal["changed", "nothing", "refused"]
"""Of a call: it did something; it is a repetition and did nothing; it is refused, which also changes nothing."""


@dataclass
class Job:
    number: int
    queue: str
    engine: str
    architecture: str
    needs: int
    state: str = "queued"
    attempt: int = 0
    losses: int = 0
    waits: bool = False
    """For a later moment (back-off)."""
    cancel: bool = False
    lease_out: bool = False
    overtime: bool = False
    done: int = 0
    chunks: dict[int, str] = field(default_factory=dict)
    """Of the running attempt: sequence -> digest."""
    results: str = ""
    """Digest of what ended it."""


@dataclass
class Submission:
    number: int
    request: tuple[str, str, str]
    """Model, revision as asked for, engine."""
    state: str = "validating"
    error: str = ""
    job: Job | None = None
    look: Job | None = None
    """At its endpoint, before anything else; weights are not looked at."""

    @property
    def revision(self) -> tuple[str, str] | None:
        """What no other live submission may share: the pinned model, and the engine."""
        return (self.request[0], self.request[2]) if self.job else None


@dataclass
class World:
    submissions: dict[int, Submission] = field(default_factory=dict)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)

    def live(self) -> list[Submission]:
        return [row for row in self.submissions.values() if row.state in LIVE]

    def move(self, row: Submission | Job, after: str) -> None:
        self.moves[row.state, after] += 1
        row.state = after

    def both(self, row: Submission, after: str) -> None:
        """A submission and its job move together."""
        if row.job is not None:
            self.move(row.job, after)
            row.job.lease_out = row.job.overtime = False
        self.move(row, after)

    def submit(self, request: tuple[str, str, str]) -> Outcome:
        return "refused" if any(row.request == request for row in self.live()) else "changed"

    def submitted(self, number: int, request: tuple[str, str, str]) -> None:
        self.submissions[number] = Submission(number, request)
        self.moves["", "validating"] += 1

    def accept(self, row: Submission, job: Job) -> None:
        """The validator has pinned it: queued, unless an equal revision is under way."""
        if any(other.revision == (row.request[0], row.request[2]) for other in self.live()):
            self.reject(row, "duplicate_submission")
            return
        row.job = job
        self.move(row, "queued")

    def reject(self, row: Submission, code: str) -> None:
        row.error = code
        self.move(row, "rejected")

    def fits(self, job: Job, queues: set[str], engines: set[str], memory: int | None, runs: set[str]) -> bool:
        able = job.queue in queues and job.engine in engines and (memory is None or job.needs <= memory)
        return able and job.state == "queued" and not job.waits and (not runs or job.architecture in runs | {""})

    def claim(self, row: Submission) -> None:
        assert row.job is not None
        self.both(row, "running")
        row.job.attempt += 1
        row.job.done, row.job.chunks = 0, {}

    def held(self, job: Job, attempt: int, token_matches: bool) -> bool:
        return job.state == "running" and job.attempt == attempt and token_matches and not job.lease_out

    def requeue(self, row: Submission, *, lost: bool) -> None:
        assert row.job is not None
        self.both(row, "queued")
        row.job.losses += lost
        row.job.waits = lost

    def lose(self, row: Submission, code: str, *, retry: bool) -> None:
        """An attempt ended without results: cancelled if its owner asked, else again, else failed."""
        assert row.job is not None
        if row.job.cancel:
            self.both(row, "cancelled")
        elif retry and row.job.losses + 1 < MAX_LOSSES:
            self.requeue(row, lost=True)
        else:
            row.error = code
            self.both(row, "failed")

    def finish(self, row: Submission, results: str) -> None:
        assert row.job is not None
        if row.job.cancel:
            self.both(row, "cancelled")
            return
        self.move(row.job, "done")
        row.job.results, row.job.overtime = results, False
        self.move(row, "scoring")

    def cancel(self, row: Submission, *, owned: bool) -> Outcome:
        if not owned or row.state not in LIVE:
            return "refused"
        if row.state == "running":
            assert row.job is not None
            again, row.job.cancel = row.job.cancel, True
            return "nothing" if again else "changed"
        for job in (row.look, row.job):
            if job is not None and job.state in {"queued", "paused", "running"}:
                self.move(job, "cancelled")
        self.move(row, "cancelled")
        return "changed"

    def claim_look(self, row: Submission) -> None:
        assert row.look is not None
        self.move(row.look, "running")
        row.look.attempt += 1

    def looked(self, row: Submission, job: Job) -> None:
        """It is fit: the evaluation waits, or waits for its owner first."""
        assert row.look is not None
        self.move(row.look, "done")
        row.job = job
        self.move(row, "queued")

    def unfit(self, row: Submission, code: str, *, after: str = "done") -> None:
        assert row.look is not None
        self.move(row.look, after)
        row.look.lease_out = False
        self.reject(row, code)

    def lose_look(self, row: Submission, code: str) -> None:
        """Its worker could not look: somebody else may, a few times."""
        assert row.look is not None
        if row.look.losses + 1 < MAX_LOSSES:
            self.move(row.look, "queued")
            row.look.losses, row.look.waits, row.look.lease_out = row.look.losses + 1, True, False
        else:
            self.unfit(row, code, after="failed")

    def resume(self, row: Submission, *, owned: bool) -> Outcome:
        if not owned or row.state != "paused":
            return "refused"
        self.both(row, "queued")
        return "changed"

    def reconcile(self) -> None:
        """Dead leases first, then what runs for too long."""
        for row in self.live():
            if row.look is not None and row.look.lease_out:
                self.lose_look(row, "worker_lost")
            if row.job is not None and row.job.state == "running":
                if row.job.lease_out:
                    self.lose(row, "worker_lost", retry=True)
                elif row.job.overtime:
                    self.lose(row, "time_limit", retry=False)

    def score(self, row: Submission) -> Outcome:
        if row.state != "scoring":
            return "nothing"
        self.move(row, "succeeded")
        return "changed"
