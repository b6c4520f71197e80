"""The purge: nothing of the content remains anywhere, and nothing else goes."""

import gzip
import threading
from collections.abc import Callable, Iterable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from msgspec.structs import replace

from evaluator.contract import Chunk, Failure, JobSpec, Results, TaskResult
from leaderboard.actions import purge as purging
from leaderboard.actions import rank, record, score
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.purge import purge, remove_orphans
from leaderboard.actions.retry import retry
from leaderboard.models import (
    Audit,
    Delivery,
    Event,
    ItemSet,
    Job,
    Outbox,
    Owner,
    Result,
    SampleChunk,
    Snapshot,
    Submission,
    WorkerToken,
)
from leaderboard.tasks import sweep
from tests import samples
from tests.leaderboard.pages import made
from tests.together import together

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
Make = Callable[..., Submission]
CANARY = "canary-7f3a"
WHO = {"actor": "grace", "reason": "asked by its owner"}


def everywhere(text: str, files: Path) -> list[str]:
    """Tables and files in which `text` is found, whatever their columns are called or typed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            # A row as text shows bytes as hex.
            cursor.execute(
                f'SELECT count(*) FROM "{table}" AS one WHERE strpos(one::text, %s) > 0 OR strpos(one::text, %s) > 0',
                [text, text.encode().hex()],
            )
            found += [table] if cursor.fetchone()[0] else []
    for path in files.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            found += [path.name] if text.encode() in data else []
    return found


def items(*hashes: str) -> dict[str, Any]:
    return {"n": len(hashes), "item_hashes": hashes, "item_scores": tuple(1.0 for _ in hashes)}


SHARED = items("0" * 64, "1" * 64)


def chunk(spec: JobSpec, text: str, tasks: Iterable[TaskResult] = (samples.BETA,)) -> Chunk:
    """Samples that agree with `tasks`, and in which the model answered `text`."""
    body = samples.packed(replace(one, responses=(text,)) for one in samples.agreeing(tasks))
    samples.post(spec, body)
    return samples.listed(body)


def measured(row: Submission, token: WorkerToken, *, text: str, beta: dict[str, Any] = SHARED) -> Submission:
    """Succeeded, with `text` in its log, samples and provenance; its items of alpha are those of every other."""
    spec = made.claim(token)
    made.beat(spec, done=1, total=2, log=f"log {text}")
    common = {"score": 1.0, "stderr": 0.1}
    tasks = (
        TaskResult(task="alpha", metric="acc", filter="none", **common, **SHARED),
        TaskResult(task="beta", metric="exact_match", filter="strict", **common, **beta),
    )
    told = Results(
        attempt=spec.attempt, tasks=tasks, chunks=(chunk(spec, text, tasks),), provenance={"engine": text},
        load_seconds=1, evaluation_seconds=1,
    )  # fmt: skip
    record.record_results(job=spec.job, token=spec.token, results=told)
    score.score(submission=row.pk)
    Delivery.objects.create(submission=row, email="a@example.org", last_error=f"550 {text}")
    Outbox.objects.create(kind="deliver", subject=row.deliveries.get().pk, queue="site", ring_after=row.created_at)
    row.refresh_from_db()
    return row


def broken(row: Submission, token: WorkerToken, *, text: str) -> Submission:
    """Failed, with `text` in its message, log, samples and task results that were never finished."""
    spec = made.claim(token)
    chunk(spec, text)
    told = Failure(attempt=spec.attempt, kind="model", code="child_died", message=f"said {text}", log=text)
    record.record_failure(job=spec.job, token=spec.token, failure=told)
    row.refresh_from_db()
    return row


Purge = Callable[..., Audit]


@pytest.fixture
def done(django_capture_on_commit_callbacks: Any) -> Purge:
    """The purge with what follows its commit."""

    def call(row: Submission | int, **who: str) -> Audit:
        with django_capture_on_commit_callbacks(execute=True):
            return purge(submission=row if isinstance(row, int) else row.pk, **(who or WHO))

    return call


@pytest.mark.parametrize("make", [measured, broken], ids=["succeeded", "failed"])
def test_nothing_of_its_content_remains_anywhere(
    make_submission: Make, worker_token: WorkerToken, files: Path, done: Purge, make: Callable[..., Submission]
) -> None:
    row = make(make_submission(), worker_token, text=CANARY)
    assert len(everywhere(CANARY, files)) >= 3  # else this test sees nothing
    audit = done(row)
    assert everywhere(CANARY, files) == []
    assert not list(files.rglob("*.gz"))
    assert not (files / f"samples/{row.pk}").exists()
    for kind in (Submission, Job, Event, Result, SampleChunk, Delivery, Outbox, ItemSet):
        assert not kind._default_manager.exists(), kind
    assert (audit.actor, audit.action, audit.subject) == ("grace", "purge", f"submission {row.pk}")
    assert audit.reason == "asked by its owner"
    assert len(audit.digest) == 64


def test_others_stay_as_they_are_and_are_ranked_anew(
    make_submission: Make, worker_token: WorkerToken, files: Path, done: Purge
) -> None:
    kept = measured(make_submission("org/kept"), worker_token, text="kept")
    own = items("2" * 64, "3" * 64)
    gone = measured(make_submission("org/gone"), worker_token, text=CANARY, beta=own)
    shared = ItemSet.objects.get(result__submission=kept, result__task__task="alpha")
    before = Snapshot.objects.latest("id")
    assert ItemSet.objects.count() == 2
    done(gone)
    assert list(ItemSet.objects.all()) == [shared]
    newest = Snapshot.objects.latest("id")
    assert newest != before
    assert [(row.submission_id, row.rank, row.rank_high) for row in made.rows("tiny@1")] == [(kept.pk, 1, 1)]
    assert kept.results.count() == 2
    assert "kept" in gzip.decompress((files / SampleChunk.objects.get().path).read_bytes()).decode()


def test_what_was_never_ranked_builds_no_ranking(
    make_submission: Make, worker_token: WorkerToken, files: Path, done: Purge
) -> None:
    done(broken(make_submission(), worker_token, text="x"))
    assert not Snapshot.objects.exists()


def test_a_retry_outlives_what_it_retried(
    owner: Owner, suite: object, worker_token: WorkerToken, files: Path, done: Purge
) -> None:
    first = made.failed(owner, worker_token)
    assert owner.user
    second = retry(submission=first.pk, owner=owner, submitter=owner.user)
    done(first)
    second.refresh_from_db()
    assert (second.retry_of, second.state) == (None, "validating")


@pytest.mark.parametrize("state", ["validating", "queued", "running", "scoring"])
def test_what_is_live_has_to_be_cancelled_first(
    make_submission: Make, worker_token: WorkerToken, state: str, done: Purge
) -> None:
    row = made.in_state(state, make_submission, worker_token)
    with pytest.raises(Conflict, match="cancel it first"):
        done(row)
    assert Submission.objects.get().state == state
    assert not Audit.objects.exists()


@pytest.mark.parametrize("who", [{"actor": "", "reason": "r"}, {"actor": "a", "reason": " \n"}])
def test_it_needs_somebody_and_a_reason(make_submission: Make, done: Purge, who: dict[str, str]) -> None:
    row = made.end(make_submission(), "failed")
    with pytest.raises(Refused):
        done(row, **who)
    assert Submission.objects.exists()


@pytest.mark.parametrize("number", [999_999_999, 2**70])
def test_what_is_not_there_is_not_found(done: Purge, db: None, number: int) -> None:
    with pytest.raises(NotFound):
        done(number)


def test_the_digest_tells_submissions_apart_and_holds_no_content(
    make_submission: Make, worker_token: WorkerToken, files: Path
) -> None:
    one = measured(make_submission("org/a"), worker_token, text="a")
    other = measured(make_submission("org/b"), worker_token, text="b")
    first = purging.digest_of(one)
    assert first == purging.digest_of(one) != purging.digest_of(other)
    Job.objects.filter(submission=one).update(log="another")
    assert purging.digest_of(one) == first


def refused(change: Callable[[], object]) -> bool:
    try:
        with transaction.atomic():
            change()
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize("kind", [Submission, Job, Event, Result, SampleChunk], ids=lambda kind: kind.__name__)
def test_without_the_purge_the_database_deletes_nothing(
    make_submission: Make, worker_token: WorkerToken, files: Path, kind: Any, done: Purge
) -> None:
    rows = [measured(make_submission(f"org/{name}"), worker_token, text="x") for name in "ab"]
    assert refused(lambda: kind.objects.all().delete())
    with connection.cursor() as cursor:
        assert refused(lambda: cursor.execute(f"DELETE FROM {kind._meta.db_table}"))
    done(rows[0])
    assert refused(lambda: kind.objects.all().delete())  # also in a transaction that has just purged
    assert kind.objects.exists()


def test_the_audit_is_append_only_even_in_a_purge(make_submission: Make, files: Path, done: Purge) -> None:
    done(made.end(make_submission(), "failed"))
    for allowed in (False, True):
        purging.allow_deleting(allowed)
        assert refused(lambda: Audit.objects.update(reason="another"))
        assert refused(lambda: Audit.objects.all().delete())
    purging.allow_deleting(False)
    assert Audit.objects.get().reason == "asked by its owner"


def test_a_purge_that_fails_changes_nothing(
    make_submission: Make, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch, done: Purge
) -> None:
    row = measured(make_submission(), worker_token, text=CANARY)
    before = sorted(everywhere(CANARY, files))

    def fail(**_: object) -> None:
        raise RuntimeError("the machine went away")

    monkeypatch.setattr(purging, "build_snapshot", fail)
    with pytest.raises(RuntimeError):
        done(row)
    assert sorted(everywhere(CANARY, files)) == before
    assert not Audit.objects.exists()
    assert refused(lambda: Event.objects.all().delete())


@pytest.mark.parametrize("again", ["the same command", "--orphans", "every night"])
def test_files_that_a_crash_after_the_commit_left_are_removed_later(
    make_submission: Make, worker_token: WorkerToken, files: Path, done: Purge, again: str
) -> None:
    kept = measured(make_submission("org/kept"), worker_token, text="kept")
    row = measured(make_submission(), worker_token, text=CANARY)
    purge(submission=row.pk, **WHO)  # and what follows the commit never happens
    assert everywhere(CANARY, files) != []
    if again == "the same command":
        done(row.pk)
    elif again == "--orphans":
        out = StringIO()
        call_command("purge", "--orphans", stdout=out)
        assert "1 files" in out.getvalue()
    else:
        sweep()
    assert everywhere(CANARY, files) == []
    assert Audit.objects.count() == 1
    assert default_storage.exists(SampleChunk.objects.get(job__submission=kept).path)


def test_the_sweep_leaves_everything_else_alone(make_submission: Make, worker_token: WorkerToken, files: Path) -> None:
    assert remove_orphans() == 0
    measured(make_submission(), worker_token, text="x")
    (files / "samples/notes").mkdir()
    (files / "samples/notes/a.txt").write_text("somebody's")
    (files / "other/12").mkdir(parents=True)
    before = sorted(path for path in files.rglob("*"))
    assert remove_orphans() == 0
    assert sorted(path for path in files.rglob("*")) == before


def test_the_command(make_submission: Make, files: Path, django_capture_on_commit_callbacks: Any) -> None:
    row = made.end(make_submission(), "failed")
    out = StringIO()
    arguments = ["purge", str(row.pk), "--actor", "grace"]
    with pytest.raises(CommandError, match="a reason"):
        call_command(*arguments, stdout=out)
    with django_capture_on_commit_callbacks(execute=True):
        call_command(*arguments, "--reason", "asked", stdout=out)
    assert f"submission {row.pk} is purged" in out.getvalue()
    assert Audit.objects.get().digest in out.getvalue()
    with pytest.raises(CommandError, match="There is no submission"):
        call_command("purge", "999999", "--actor", "grace", "--reason", "asked", stdout=out)


@pytest.mark.django_db(transaction=True)
def test_purging_while_others_rank_measure_and_purge_is_no_deadlock(
    make_submission: Make, worker_token: WorkerToken, files: Path
) -> None:
    rows = [measured(make_submission(f"org/m{number}"), worker_token, text="x") for number in range(4)]
    fresh = make_submission("org/fresh")
    suite = fresh.suite
    outcomes = together(
        *[lambda row=row: purge(submission=row.pk, **WHO) for row in rows],
        lambda: purge(submission=rows[0].pk, **WHO),
        *[lambda: rank.build_snapshot(suite=suite)] * 4,
        lambda: measured(fresh, worker_token, text="y"),
    )
    assert [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, NotFound)] == []
    assert list(Submission.objects.all()) == [fresh]
    assert ItemSet.objects.count() == 1
    rank.build_snapshot(suite=suite)
    assert [row.submission_id for row in made.rows("tiny@1")] == [fresh.pk]


@pytest.mark.django_db(transaction=True)
def test_items_that_are_being_used_again_are_not_removed(
    make_submission: Make, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between finding an item set and using it the purge of its last user must wait."""
    row = measured(make_submission("org/gone"), worker_token, text="x")
    fresh = make_submission("org/fresh")
    found, stock = threading.Event(), record.Result.everything.create

    def create(**values: Any) -> Result:
        found.set()
        threading.Event().wait(0.3)
        return stock(**values)

    monkeypatch.setattr(record.Result.everything, "create", create)

    def measure() -> Submission:
        return measured(fresh, worker_token, text="y", beta=items("2" * 64))

    def purge_meanwhile() -> Audit:
        assert found.wait(5)
        return purge(submission=row.pk, **WHO)

    outcomes = together(measure, purge_meanwhile)
    assert [one for one in outcomes if isinstance(one, Exception)] == []
    assert ItemSet.objects.count() == 2
