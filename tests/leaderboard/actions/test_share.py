"""What an untrusted worker measured has no rank until a trusted one has generated a share of it again."""

import random
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from django.utils import timezone
from pytest_django import Settings as DjangoSettings

from evaluator.contract import ClaimRequest, Failure, Heartbeat, JobSpec, TaskResult
from leaderboard import chunks
from leaderboard.actions import lease, share
from leaderboard.actions.accounts import create_person, register_worker_token
from leaderboard.actions.purge import purge
from leaderboard.actions.record import record_failure
from leaderboard.actions.refresh import refresh_stale
from leaderboard.actions.score import score
from leaderboard.actions.staff import move
from leaderboard.actions.submit import submit
from leaderboard.actions.validate import accept
from leaderboard.models import Event, Job, Outbox, Owner, Submission, Suite, WorkerToken
from tests import samples
from tests.leaderboard import invariants
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
HONEST = [1.0, 0.0] * 15
ASKING = ClaimRequest(worker="guest", queues=("cpu",), engines=("vllm", "transformers"))


@pytest.fixture
def guest(db: None) -> WorkerToken:
    return register_worker_token(name="guest", token="guest-secret", trusted=False)


@pytest.fixture(autouse=True)
def whole(settings: DjangoSettings, files: Path) -> None:
    settings.TRUST_SHARE = 1.0


@pytest.fixture
def waiting(owner: Owner, suite: Suite, guest: WorkerToken) -> Submission:
    """Measured by the guest."""
    assert owner.user
    row = submit(owner=owner, submitter=owner.user, suite=suite.slug, model="org/guest")
    accept(row, made.pinned(row))
    return made.measure(row, guest, HONEST)


def ranks() -> dict[str, int | None]:
    """As the reconciler leaves them."""
    refresh_stale()
    return {row.model_name: row.rank for row in made.rows("tiny@1")}


def again(token: WorkerToken, *tasks: TaskResult) -> JobSpec:
    """A trusted worker generates what is waiting."""
    spec = made.claim(token)
    samples.finish(spec, tasks or (samples.measured("alpha", HONEST), samples.BETA))
    return spec


def test_it_has_a_score_and_waits_for_its_rank(waiting: Submission, worker_token: WorkerToken) -> None:
    assert (waiting.state, waiting.score, waiting.unranked_reason) == ("succeeded", 50.0, share.WAITS)
    assert ranks() == {"org/guest": None}
    job = waiting.jobs.latest("pk")
    assert (job.kind, job.state, sorted(job.share)) == ("share", "queued", ["alpha", "beta"])
    assert Outbox.objects.filter(kind="job", subject=job.pk).exists()
    invariants.check()


def test_a_share_that_agrees_gives_it_its_rank(waiting: Submission, worker_token: WorkerToken) -> None:
    spec = again(worker_token)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.score, waiting.unranked_reason) == ("succeeded", 50.0, "")
    assert ranks() == {"org/guest": 1}
    said = waiting.provenance["generated_again"]
    assert said == {"alpha": "30 items; 0 apart, 4 allowed", "beta": "2 items; 0 apart, 1 allowed"}
    assert waiting.results.count() == 2 and not waiting.results.filter(job=spec.job).exists()
    assert not Outbox.objects.filter(kind="job").exists()
    assert len(list(chunks.stored(chunks.kept(waiting)))) == 32, "the samples that are shown are the first worker's"
    invariants.check()


def test_a_share_that_differs_holds_it_back(waiting: Submission, worker_token: WorkerToken) -> None:
    again(worker_token, samples.measured("alpha", [0.0] * 30), samples.BETA)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error_code) == ("quarantined", share.CODE)
    assert "Alpha: 15 of 30 items score otherwise, and noise explains 4." in waiting.error_message
    assert ranks() == {}
    invariants.check()
    root = create_person(username="root", password=None, staff=True)
    move(submission=waiting.pk, act="release", actor=root, reason="the trusted one had other weights")
    assert ranks() == {"org/guest": 1}


def test_other_items_hold_it_back(waiting: Submission, worker_token: WorkerToken) -> None:
    other = samples.measured("alpha", HONEST)
    changed = ("f" * 64, *other.item_hashes[1:])
    again(worker_token, msgspec.structs.replace(other, item_hashes=changed), samples.BETA)
    waiting.refresh_from_db()
    assert waiting.state == "quarantined" and "its items are not those" in waiting.error_message


def test_only_a_trusted_worker_gets_the_share_and_nobody_else_holds_it(
    waiting: Submission, guest: WorkerToken, worker_token: WorkerToken
) -> None:
    assert lease.claim(token=guest, request=ASKING) is None
    spec = made.claim(worker_token)
    assert [task.task for task in spec.suite.tasks] == ["alpha", "beta"]
    made.beat(spec, done=1, total=30)
    waiting.refresh_from_db()
    assert waiting.state == "succeeded"


@pytest.mark.parametrize(("wanted", "tasks"), [(0.0, 1), (0.01, 1), (1.0, 2)])
def test_tasks_are_drawn_until_they_hold_the_share(
    make_submission: made.Make, guest: WorkerToken, settings: DjangoSettings, wanted: float, tasks: int,
    worker_token: WorkerToken,
) -> None:  # fmt: skip
    settings.TRUST_SHARE = wanted
    row = made.measure(make_submission(), guest, HONEST)
    assert len(row.jobs.latest("pk").share) == tasks
    spec = made.claim(worker_token)
    assert {task.task for task in spec.suite.tasks} == set(row.jobs.latest("pk").share)


def test_which_tasks_are_drawn_is_chance(waiting: Submission, settings: DjangoSettings) -> None:
    settings.TRUST_SHARE = 0.01
    results = list(waiting.results.select_related("task"))
    drawn = {tuple(share.drawn(results, random.Random(seed))) for seed in range(20)}
    assert drawn == {("alpha",), ("beta",)}


def test_a_lost_share_is_tried_again_and_a_failed_one_leaves_it_without_a_rank(
    waiting: Submission, worker_token: WorkerToken, settings: DjangoSettings
) -> None:
    spec = made.claim(worker_token)
    Job.objects.filter(pk=spec.job).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert lease.expire_leases() == 1
    invariants.check()
    settings.MAX_LOSSES = 2
    Job.objects.filter(pk=spec.job).update(not_before=timezone.now())
    spec = made.claim(worker_token)
    assert spec.attempt == 2
    failure = Failure(attempt=2, kind="platform", code="host_failed", message="It broke.")
    assert record_failure(job=spec.job, token=spec.token, failure=failure)
    waiting.refresh_from_db()
    assert waiting.state == "succeeded"
    assert waiting.unranked_reason == f"{share.FAILED} (host_failed)."
    assert ranks() == {"org/guest": None}
    assert Event.objects.filter(submission=waiting).latest("pk").reason.endswith("host_failed")
    invariants.check()


def test_a_share_that_could_not_be_measured_says_nothing_against_it(
    waiting: Submission, worker_token: WorkerToken
) -> None:
    absent = TaskResult(task="alpha", metric="acc", filter="none", unavailable="No data here.")
    again(worker_token, absent, samples.BETA)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.unranked_reason) == ("succeeded", f"{share.FAILED} (not_measured).")


def test_what_the_staff_moved_meanwhile_stays_there(waiting: Submission, worker_token: WorkerToken) -> None:
    spec = made.claim(worker_token)
    root = create_person(username="root", password=None, staff=True)
    move(submission=waiting.pk, act="retract", actor=root, reason="a copy")
    beat = Heartbeat(attempt=spec.attempt, phase="evaluating")
    lease.heartbeat(job=spec.job, token=spec.token, beat=beat)
    samples.finish(spec, (samples.measured("alpha", HONEST), samples.BETA))
    waiting.refresh_from_db()
    assert waiting.state == "retracted"
    assert Job.objects.get(pk=spec.job).state == "done"


def test_a_share_that_cannot_be_read_any_more_keeps_nobody_waiting(
    waiting: Submission, worker_token: WorkerToken, make_submission: made.Make
) -> None:
    Submission.objects.filter(pk=waiting.pk).update(settings={"engine": "of a later edition"})
    other = make_submission("org/next")
    Job.objects.filter(state="queued").update(turn=1)  # both wait for the same round, and the older one comes first
    spec = made.claim(worker_token)
    assert Job.objects.get(pk=spec.job).submission == other
    waiting.refresh_from_db()
    assert waiting.unranked_reason == f"{share.FAILED} (unreadable_job)."


def test_results_of_a_share_hold_its_tasks_alone(
    waiting: Submission, worker_token: WorkerToken, settings: DjangoSettings
) -> None:
    Job.objects.filter(kind="share").update(share=["beta"])
    again(worker_token, samples.BETA)
    waiting.refresh_from_db()
    assert waiting.unranked_reason == ""
    assert list(waiting.provenance["generated_again"]) == ["beta"]


def test_what_a_trusted_worker_measured_needs_nothing_of_that(
    make_submission: made.Make, worker_token: WorkerToken
) -> None:
    row = made.measure(make_submission(), worker_token, HONEST)
    assert row.unranked_reason == "" and row.jobs.count() == 1


def test_results_without_a_score_are_not_looked_at_again(make_submission: made.Make, guest: WorkerToken) -> None:
    row = make_submission()
    absent = TaskResult(task="alpha", metric="acc", filter="none", unavailable="No data.")
    samples.finish(made.claim(guest), (absent, samples.BETA))
    score(submission=row.pk)
    row.refresh_from_db()
    assert row.score is None and row.unranked_reason.startswith("Not every task could be measured.")
    assert row.jobs.count() == 1


def test_it_goes_with_its_submission(waiting: Submission) -> None:
    purge(submission=waiting.pk, actor="root", reason="asked")
    assert not Job.objects.exists() and not Outbox.objects.exists()
