"""What is true of the tables between any two calls, whatever was called: nothing is lost and nothing is there twice."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import connection, transaction

from leaderboard.models import (
    EndpointUse,
    Event,
    Job,
    Outbox,
    Result,
    SampleChunk,
    Snapshot,
    StaleRanking,
    Submission,
    SuiteTask,
)
from leaderboard.models.submissions import JOB_MOVES, LIVE, SUBMISSION_MOVES
from leaderboard.queries.snapshots import columns_of

JOBS_OF = {
    "validating": [set()],
    "rejected": [set()],
    "queued": [{"queued"}],
    "running": [{"running"}],
    "paused": [{"paused"}],
    "scoring": [{"done"}],
    "succeeded": [{"done"}],
    "quarantined": [{"done"}],
    "retracted": [{"done"}],
    "failed": [{"failed"}, {"done"}],
    "cancelled": [set(), {"cancelled"}, {"done"}],
}
"""A submission's state -> the states that its jobs may then be in."""

Move = tuple[str, str]


def check() -> Counter[Move]:
    """Raise AssertionError at the first thing that is wrong; returns how often each (before, after) happened."""
    submissions = {row.pk: row for row in Submission.objects.defer("settings", "provenance")}
    jobs = {row.pk: row for row in Job.objects.defer("log")}
    moves = check_events(submissions, jobs)
    check_jobs(jobs)
    for submission in submissions.values():
        mine = [job for job in jobs.values() if job.submission_id == submission.pk]
        check_preflight(submission, mine)
        states = {job.state for job in mine if job.kind == "evaluation"}
        assert states in JOBS_OF[submission.state], f"{submission} has jobs that are {states}"
        assert (submission.finished_at is None) == (submission.state in LIVE), f"{submission}: {submission.finished_at}"
    live = [(s.revision_id, s.suite_id, s.settings_digest) for s in submissions.values() if s.state in LIVE]
    assert_once((key for key in live if key[0] is not None), "live submissions")
    check_bells(submissions.values(), jobs.values())
    check_results(jobs)
    check_board(submissions.values())
    return moves


PREFLIGHT_OF = {
    "validating": {"queued", "running"},
    "rejected": {"failed", "done", "cancelled"},
    "cancelled": {"cancelled", "done"},
}
"""A submission's state -> those in which the look at its endpoint may be; in any other it is done."""


def check_preflight(submission: Submission, jobs: list[Job]) -> None:
    """An endpoint was looked at once, before anything else; and its key is there only while it may be needed."""
    use = EndpointUse.objects.filter(submission=submission).first()
    looks = [job for job in jobs if job.kind == "preflight"]
    assert len(looks) == (use is not None), f"{submission} was looked at {len(looks)} times"
    if use is None:
        return
    assert looks[0].state in PREFLIGHT_OF.get(submission.state, {"done"}), f"{submission}: {looks[0]}"
    assert not use.sealed_key or submission.state in LIVE, f"{submission} still has its key"


def check_events(submissions: dict[int, Submission], jobs: dict[int, Job]) -> Counter[Move]:
    """Each subject's events are one unbroken chain of allowed moves which ends in the state that it is in."""
    moves: Counter[Move] = Counter()
    submission_at: dict[int, str] = defaultdict(str)
    job_at = dict.fromkeys(jobs, "queued")
    claims: Counter[int] = Counter()
    for submission, job, before, after in Event.objects.order_by("id").values_list(
        "submission_id", "job_id", "before", "after"
    ):
        at, subject = (submission_at, submission) if job is None else (job_at, job)
        assert at[subject] == before, f"submission {submission}, job {job}: {before} -> {after} follows {at[subject]!r}"
        at[subject] = after
        if before == after:
            continue  # something worth telling
        table = SUBMISSION_MOVES if job is None else JOB_MOVES
        assert after == "validating" if not before else after in table[before], f"{before} -> {after}"
        moves[before, after] += 1
        claims[job or 0] += job is not None and after == "running"
    assert submission_at == {row.pk: row.state for row in submissions.values()}
    assert job_at == {row.pk: row.state for row in jobs.values()}
    assert all(job.attempt == claims[job.pk] for job in jobs.values()), "an attempt is not a claim"
    return moves


def check_jobs(jobs: dict[int, Job]) -> None:
    for job in jobs.values():
        running = job.state == "running"
        assert running == (job.lease_expires_at is not None) == bool(job.token_digest), f"{job} and its lease"
        assert job.losses <= job.attempt, f"{job} lost {job.losses} attempts"
        open_still = job.state in {"queued", "running", "paused"}
        assert (job.finished_at is None) == open_still, f"{job}: {job.finished_at}"


def check_bells(submissions: Iterable[Submission], jobs: Iterable[Job]) -> None:
    """A bell for everything that waits, and for nothing else. Deliveries ring their own way."""
    looked_at = set(EndpointUse.objects.values_list("submission", flat=True))
    waiting = {("validate", row.pk) for row in submissions if row.state == "validating" and row.pk not in looked_at}
    waiting |= {("score", row.pk) for row in submissions if row.state == "scoring"}
    waiting |= {("job", row.pk) for row in jobs if row.state == "queued"}
    bells = set(Outbox.objects.exclude(kind=Outbox.Kind.DELIVER).values_list("kind", "subject"))
    assert bells == waiting, f"bells {bells - waiting} ring for nothing, {waiting - bells} waits without one"


def check_results(jobs: dict[int, Job]) -> None:
    """Every task of the suite once for a job that is done, all from its last attempt; nothing for any other."""
    stored: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for job, attempt, task in Result.objects.values_list("job_id", "attempt", "task_id"):
        stored[job].append((attempt, task))
    tasks = SuiteTask.objects.count()  # of the one suite that these tests have
    for job in jobs.values():
        expected = tasks if job.state == "done" and job.kind == "evaluation" else 0
        assert len(set(stored[job.pk])) == len(stored[job.pk]) == expected, f"{job} has {len(stored[job.pk])} results"
        assert {attempt for attempt, _ in stored[job.pk]} <= {job.attempt}, f"{job} has results of another attempt"


def check_board(submissions: Iterable[Submission]) -> None:
    """The newest snapshot shows the latest success of each (revision, settings), once; one that does not is known to be
    stale, and the reconciler ranks it."""
    if StaleRanking.objects.exists():
        return
    latest: dict[tuple[int | None, str], int] = {}
    for row in submissions:
        if row.state == "succeeded":
            key = (row.revision_id, row.settings_digest)
            latest[key] = max(row.pk, latest.get(key, 0))
    newest = Snapshot.objects.order_by("-id").first()
    shown = [key for key in columns_of(newest).number("submission").tolist() if key] if newest else []
    assert sorted(shown) == sorted(latest.values()), f"the board shows {shown}, not {latest}"


def check_files() -> None:
    """Every stored chunk is whole in file storage."""
    for path, digest in SampleChunk.objects.values_list("path", "digest"):
        with default_storage.open(path) as stored:
            assert hashlib.sha256(stored.read()).hexdigest() == digest, f"{path} is not what was posted"


def assert_once(keys: Iterable[object], what: str) -> None:
    twice = [key for key, count in Counter(keys).items() if count > 1]
    assert not twice, f"equal {what}: {twice}"


def final() -> dict[tuple[str, int], tuple[object, ...]]:
    """Every submission and job that has ended, as it stays."""
    told = ("pk", "state", "error_code", "error_message", "score", "stderr", "revision", "started_at", "finished_at")
    ended = Submission.objects.exclude(finished_at=None).values_list(*told)
    jobs = Job.objects.exclude(finished_at=None).values_list("pk", "state", "attempt", "results_digest", "finished_at")
    return {("submission", row[0]): row for row in ended} | {("job", row[0]): row for row in jobs}


KEPT = tuple(f"leaderboard_{table}" for table in ("user", "owner", "suite", "suitetask", "bundle", "workertoken"))
"""Tables of what a test sets up once."""


def tables() -> list[str]:
    return [model._meta.db_table for model in apps.get_app_config("leaderboard").get_models()]


DIGEST = "SELECT '{0}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \"{0}\" t"


def digest() -> list[str]:
    """Of every row of every table of ours, table by table: what a refused call leaves as it was."""
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(DIGEST.format(table) for table in tables()))
        return sorted(f"{table} {digest}" for table, digest in cursor.fetchall())  # they come in any order


def forget() -> None:
    """Empty our tables but those in KEPT, through the purge's door: several times as fast as TRUNCATE."""
    emptied = [f'DELETE FROM "{table}"' for table in tables() if table not in KEPT]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('parity.purge', 'on', true)")
        cursor.execute("; ".join(emptied))
