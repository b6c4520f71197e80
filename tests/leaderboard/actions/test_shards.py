"""A large submission's jobs: one evaluates, the others answer for it; it lives by that one alone."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from pytest_django import Settings as DjangoSettings

from evaluator.contract import EDITION, ClaimRequest, Failure, Heartbeat, JobSpec, Results, Shard
from leaderboard.actions import lease, parts, record, validate
from leaderboard.actions.accounts import register_worker_token
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Conflict, Refused
from leaderboard.actions.score import score
from leaderboard.actions.share import WAITS
from leaderboard.actions.submit import submit
from leaderboard.models import Job, Owner, ResponsePart, Submission, Suite, WorkerToken
from leaderboard.queries.editions import SHARDS_SINCE
from leaderboard.queries.parts import parts_for
from leaderboard.queries.status import worker_lines
from leaderboard.queries.submissions import detail, queue
from leaderboard.queries.waiting import live_jobs
from leaderboard.templatetags.words import part_of_it, phase
from tests import samples
from tests.faults.invariants import broken
from tests.leaderboard.path import pinned

pytestmark = pytest.mark.django_db
ALPHA = samples.measured("alpha", [1.0, 0.0])
BODY = b"whole lines"


def claim(token: WorkerToken, *, edition: int = EDITION, worker: str = "w") -> JobSpec | None:
    request = ClaimRequest(worker=worker, queues=("cpu",), engines=("vllm",), edition=edition)
    return lease.claim(token=token, request=request)


def given(token: WorkerToken, **how: object) -> JobSpec:
    spec = claim(token, **how)  # type: ignore[arg-type]
    assert spec is not None
    return spec


def rules_hold() -> None:
    def rows(query: str) -> list[tuple[object, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    assert broken(rows) == {}


@pytest.fixture(autouse=True)
def in_order() -> Iterator[None]:
    yield
    rules_hold()


@pytest.fixture
def split(
    owner: Owner, suite: Suite, settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch, files: Path
) -> Callable[[], Submission]:
    """Makes a submission of three jobs, as the validator does for a large one."""
    settings.SHARDS, settings.SHARD_ITEMS = 3, 100
    monkeypatch.setattr("leaderboard.actions.shards.items_of", lambda row: 1_000)

    def make(model: str = "org/large") -> Submission:
        row = submit(owner=owner, submitter=owner.user, suite=suite.slug, model=model)
        validate.enter(row=row, pinned=pinned(model))
        row.refresh_from_db()
        return row

    return make


def leave(spec: JobSpec, sequence: int = 0) -> None:
    parts.leave_part(
        job=spec.job, attempt=spec.attempt, token=spec.token, sequence=sequence, identity="a" * 64,
        digest=hashlib.sha256(BODY).hexdigest(), body=BODY,
    )  # fmt: skip


def left_for(spec: JobSpec) -> list[int]:
    """The jobs whose parts an attempt is given."""
    return [part.job_id for part in parts_for(Job.objects.select_related("worker").get(pk=spec.job))]


def done(spec: JobSpec) -> bool:
    nothing = Results(
        attempt=spec.attempt, tasks=(), chunks=(), provenance={}, load_seconds=0.0, evaluation_seconds=0.0
    )
    return record.record_results(job=spec.job, token=spec.token, results=nothing)


def states(submission: Submission) -> tuple[str, list[tuple[str, str]]]:
    submission.refresh_from_db()
    return submission.state, list(submission.jobs.order_by("pk").values_list("kind", "state"))


@pytest.mark.parametrize(("items", "shards"), [(None, 1), (99, 1), (299, 2), (10**6, 3)])
def test_as_many_jobs_as_its_items_are_worth(
    split: Callable[[], Submission], monkeypatch: pytest.MonkeyPatch, items: int | None, shards: int
) -> None:
    monkeypatch.setattr("leaderboard.actions.shards.items_of", lambda row: items)
    made = split()
    assert list(made.jobs.order_by("pk").values_list("shard", "shards")) == [(n, shards) for n in range(shards)]
    assert [job.kind for job in made.jobs.order_by("pk")] == ["evaluation", *["shard"] * (shards - 1)]


def test_whoever_comes_gets_a_shard_and_the_first_one_scores(
    split: Callable[[], Submission], worker_token: WorkerToken
) -> None:
    made = split()
    first, second, third = (given(worker_token, worker=f"w{number}") for number in range(3))
    assert [spec.shard for spec in (first, second, third)] == [Shard(index=n, of=3, job=first.job) for n in range(3)]
    for spec in (second, third):
        leave(spec)
        assert done(spec) and not done(spec)
    for spec in (first, second):
        assert left_for(spec) == [second.job, third.job]
    assert states(made) == ("running", [("evaluation", "running"), ("shard", "done"), ("shard", "done")])
    assert parts.forget_parts() == 0
    samples.finish(first, [ALPHA, samples.BETA])
    score(submission=made.pk)
    assert states(made)[0] == "succeeded"
    assert made.score is not None and made.unranked_reason == ""
    assert parts.forget_parts() == 2
    assert made.provenance["shards"] == [
        {"shard": 0, "worker": "w0", "attempt": 1},
        {"shard": 1, "worker": "w1", "attempt": 1, "state": "done", "items": 0},
        {"shard": 2, "worker": "w2", "attempt": 1, "state": "done", "items": 0},
    ]


def test_parts_of_another_submission_are_not_given(split: Callable[..., Submission], worker_token: WorkerToken) -> None:
    split()
    _, second = given(worker_token), given(worker_token, worker="other")
    leave(second)
    split("org/larger")
    taken = [given(worker_token, worker=f"w{number}") for number in range(4)]
    larger = next(spec for spec in taken if spec.model.name == "org/larger")
    assert larger.shard is not None and larger.shard.index == 0
    assert left_for(larger) == []


def test_whose_trust_was_taken_back_counts_as_untrusted(
    split: Callable[[], Submission], worker_token: WorkerToken
) -> None:
    """What it had left before may be in the scores: a trusted one generates a share again, as of any other."""
    made = split()
    new = register_worker_token(name="new", token="new", trusted=True)
    first, second = given(worker_token), given(new, worker="other")
    leave(second)
    assert done(second)
    WorkerToken.objects.filter(pk=new.pk).update(trusted=False)
    assert left_for(first) == []
    samples.finish(first, [ALPHA, samples.BETA])
    score(submission=made.pk)
    assert states(made)[0] == "succeeded"
    assert made.unranked_reason == WAITS


def test_progress_is_that_of_all_together(split: Callable[[], Submission], worker_token: WorkerToken) -> None:
    made = split()
    first, second = given(worker_token), given(worker_token, worker="other")
    for spec, items in ((first, 200), (second, 250)):
        beat = Heartbeat(attempt=1, phase="evaluating", done=items, total=1_000)
        lease.heartbeat(job=spec.job, token=spec.token, beat=beat)
    progress = detail(made.pk).progress
    assert (progress.done, progress.total, progress.phase) == (450, 1_000, "evaluating")
    assert [(line.progress.done, line.progress.total) for line in queue().running] == [(450, 1_000)]
    assert {one.pk: one.done for one in live_jobs() if one.state == "running"} == {first.job: 450, second.job: 250}
    beat = Heartbeat(attempt=1, phase="evaluating", done=900, total=1_000)
    lease.heartbeat(job=first.job, token=first.token, beat=beat)
    assert detail(made.pk).progress.done == 1_000, "what was asked twice does not count twice"


def test_workers_stand_with_the_items_that_are_theirs(
    split: Callable[[], Submission], worker_token: WorkerToken
) -> None:
    """An evaluation with those of its shards, and a shard with its own, of which there are about a third."""
    split()
    first, second, third = (given(worker_token, worker=f"w{number}") for number in range(3))
    for spec, items in ((first, 200), (second, 250), (third, 340)):
        beat = Heartbeat(attempt=1, phase="evaluating", done=items, total=1_000)
        lease.heartbeat(job=spec.job, token=spec.token, beat=beat)
    lines = {line.worker.name: line.progress for line in worker_lines()}
    told = {name: phase(progress) for name, progress in lines.items() if progress is not None}
    assert told == {
        "w0": "Evaluating 790 of 1,000 items",
        "w1": "Evaluating 250 of about 334 items",
        "w2": "Evaluating 340 of about 340 items",
    }


def test_the_page_says_who_does_what(
    split: Callable[[], Submission], worker_token: WorkerToken, client: Client
) -> None:
    made = split()
    first, second = given(worker_token), given(worker_token, worker="other")
    for spec, items in ((first, 200), (second, 250)):
        beat = Heartbeat(attempt=1, phase="evaluating", done=items, total=1_000)
        lease.heartbeat(job=spec.job, token=spec.token, beat=beat)
    found = {job.shard: part_of_it(job, progress) for job, progress in detail(made.pk).together}
    assert found == {
        0: "Evaluating: 200 items so far; scores all of them",
        1: "Evaluating 250 of about 334 items",
        2: "Waits for a worker",
    }
    page = client.get(f"/submissions/{made.pk}").content.decode()
    assert "Shared by 3 jobs" in page and all(words in page for words in found.values())
    assert done(second)
    failure = Failure(attempt=1, kind="model", code="child_died", message="It crashed.")
    third = given(worker_token, worker="third")
    record.record_failure(job=third.job, token=third.token, failure=failure)
    found = {job.shard: part_of_it(job, progress) for job, progress in detail(made.pk).together}
    assert (found[1], found[2]) == ("Done: 250 items", "Failed: the others do its items")
    samples.finish(first, [ALPHA, samples.BETA])
    assert "Shared by" not in client.get(f"/submissions/{made.pk}").content.decode()


def test_shards_that_nobody_took_or_ended_go_with_the_evaluation(
    split: Callable[[], Submission], worker_token: WorkerToken
) -> None:
    made = split()
    first, second = given(worker_token), given(worker_token, worker="other")
    samples.finish(first, [ALPHA, samples.BETA])
    assert states(made) == ("scoring", [("evaluation", "done"), ("shard", "cancelled"), ("shard", "cancelled")])
    with pytest.raises(Conflict):
        leave(second)
    score(submission=made.pk)
    assert states(made)[0] == "succeeded" and made.score is not None


def test_a_lost_shard_waits_again_and_a_broken_one_ends_alone(
    split: Callable[[], Submission], worker_token: WorkerToken
) -> None:
    made = split()
    first, second, third = (given(worker_token, worker=f"w{number}") for number in range(3))
    Job.objects.filter(pk=second.job).update(lease_expires_at=Now() - timedelta(seconds=1))
    assert lease.expire_leases() == 1
    failure = Failure(attempt=1, kind="model", code="child_died", message="It crashed.")
    assert record.record_failure(job=third.job, token=third.token, failure=failure)
    assert states(made) == ("running", [("evaluation", "running"), ("shard", "queued"), ("shard", "failed")])
    rules_hold()
    Job.objects.update(not_before=Now())
    again = given(worker_token, worker="w9")
    assert (again.job, again.attempt, again.shard) == (second.job, 2, Shard(index=1, of=3, job=first.job))
    released = Failure(attempt=2, kind="released", code="stopped", message="stopping")
    assert record.record_failure(job=again.job, token=again.token, failure=released)
    samples.finish(first, [ALPHA, samples.BETA])
    assert states(made)[0] == "scoring"


def test_a_lost_evaluation_goes_on_with_what_the_shards_have_left(
    split: Callable[[], Submission], worker_token: WorkerToken
) -> None:
    made = split()
    first, second = given(worker_token), given(worker_token, worker="other")
    leave(second)
    Job.objects.filter(pk=first.job).update(lease_expires_at=Now() - timedelta(seconds=1))
    lease.expire_leases()
    third = given(worker_token, worker="third")
    assert third.shard == Shard(index=2, of=3, job=first.job)
    assert states(made) == ("queued", [("evaluation", "queued"), ("shard", "running"), ("shard", "running")])
    rules_hold()
    Job.objects.update(not_before=Now())
    again = given(worker_token, worker="fourth")
    assert (again.job, again.attempt, again.shard) == (first.job, 2, Shard(index=0, of=3, job=first.job))
    assert left_for(again) == [second.job]


@pytest.mark.parametrize("running", [True, False])
def test_cancelling_ends_the_shards_too(
    split: Callable[[], Submission], worker_token: WorkerToken, owner: Owner, running: bool
) -> None:
    made = split()
    first, _ = given(worker_token), given(worker_token, worker="other")
    if not running:
        released = Failure(attempt=1, kind="released", code="stopped", message="stopping")
        record.record_failure(job=first.job, token=first.token, failure=released)
    cancel(submission=made.pk, owner=owner)
    if running:
        acknowledged = Failure(attempt=1, kind="cancelled", code="cancelled", message="")
        record.record_failure(job=first.job, token=first.token, failure=acknowledged)
    assert states(made) == ("cancelled", [("evaluation", "cancelled"), ("shard", "cancelled"), ("shard", "cancelled")])


def test_an_old_worker_does_all_of_it_and_gets_no_shard(
    split: Callable[[], Submission], worker_token: WorkerToken
) -> None:
    made = split()
    first = given(worker_token, edition=SHARDS_SINCE - 1)
    assert first.shard is None
    assert claim(worker_token, edition=SHARDS_SINCE - 1, worker="other") is None
    leave(given(worker_token, worker="new"))
    assert left_for(first) == []
    samples.finish(first, [ALPHA, samples.BETA])
    assert states(made)[0] == "scoring"
    made.refresh_from_db()
    assert "shards" not in made.provenance


def test_shards_go_to_trusted_workers_only(split: Callable[[], Submission], worker_token: WorkerToken) -> None:
    split()
    assert given(worker_token).shard is not None
    assert claim(register_worker_token(name="new", token="new", trusted=False)) is None


def test_a_shard_brings_no_results(split: Callable[[], Submission], worker_token: WorkerToken) -> None:
    split()
    _, second = given(worker_token), given(worker_token, worker="other")
    with pytest.raises(Refused, match="shard"):
        samples.finish(second, [ALPHA, samples.BETA])
    assert not ResponsePart.objects.exists()


def test_pages_show_the_evaluation_and_its_place(split: Callable[[], Submission], worker_token: WorkerToken) -> None:
    made = split()
    assert detail(made.pk).queue_position == 1
    given(worker_token)
    shown = detail(made.pk)
    assert (shown.queue_position, [job.kind for job in shown.jobs]) == (None, ["evaluation"])
    assert [(job.shard, job.state) for job in shown.shards] == [(1, "queued"), (2, "queued")]
