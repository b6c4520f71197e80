"""The guards: what keeps a job from being lost or done twice, how each is taken away, and which tests should notice.

A guard in the code goes by a change of its text; one in the database by a migration that drops it. Names are what
`make guards` prints of those that nobody missed.
"""

from typing import NamedTuple

ACTIONS, TESTS = "leaderboard/actions", "tests/leaderboard"
LEASE, RECORD, HELD = f"{TESTS}/actions/test_lease.py", f"{TESTS}/actions/test_record.py", f"{TESTS}/test_held.py"
MOVES, QUOTA, RING = (f"{TESTS}/actions/test_{name}.py" for name in ("transitions", "quota", "ring"))
CHUNKS, SUBMIT, VALIDATE = (f"{TESTS}/actions/test_{name}.py" for name in ("chunk_posts", "submit", "validate"))
STUCK, PAUSE, POISON = (f"{TESTS}/actions/test_{name}.py" for name in ("stuck", "pause", "poison"))
DATABASE, PARTS, AT_ONCE = f"{TESTS}/test_guards.py", f"{TESTS}/api/test_parts.py", f"{TESTS}/actions/test_races.py"
RECHECK, ONCE, NOTHING_TWICE = (
    f"{TESTS}/{name}.py" for name in ("actions/test_recheck", "api/test_once", "test_tables")
)


class Guard(NamedTuple):
    """`old` stands once in `file`, and `new` is without the guard; for one in the database `file` is "" and `new` the
    statement that drops it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def code(name: str, action: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(name, f"{ACTIONS}/{action}.py", old, new, tests)


def database(name: str, statement: str, *tests: str) -> Guard:
    return Guard(name, "", "", statement, tests)


def index(table: str, name: str, *tests: str) -> Guard:
    """A unique index; of a constraint or by itself."""
    drop = f"ALTER TABLE leaderboard_{table} DROP CONSTRAINT IF EXISTS {name}; DROP INDEX IF EXISTS {name};"
    return database(f"unique: {name}", drop, *tests)


def trigger(name: str, table: str, *tests: str) -> Guard:
    return database(f"trigger: {name}", f"DROP TRIGGER {name} ON leaderboard_{table};", *tests)


CLAIM = [
    code("claim: the job is locked", "lease",
         'Job.everything.select_for_update(skip_locked=True, of=("self",))\n', "Job.everything.all()\n", HELD),
    code("claim: skip locked", "lease",
         'rows = Job.everything.select_for_update(skip_locked=True, of=("self",))',
         'rows = Job.everything.select_for_update(of=("self",))', HELD),
    code("claim: only what waits", "lease", "able = Q(state=Job.State.QUEUED, queue", "able = Q(queue", LEASE, HELD),
    code("claim: not before its time", "lease", ", not_before__lte=Now())", ")", LEASE),
    code("claim: only for a submission that waits or runs", "lease",
         "waiting.filter(looks if request.looks_only else ready | looks | again)", "waiting", STUCK),
    code("claim: no more memory than there is", "lease", "able &= Q(needs_bytes__lte=request.memory_bytes)", "pass",
         LEASE),
    code("claim: a repetition by its nonce only", "lease", "if tokens.matches(secret, job.token_digest):", "if True:",
         LEASE),
    code("claim: a repetition within its lease only", "lease", "held.filter(lease_expires_at__gte=Now())", "held",
         LEASE),
    code("claim: every attempt is a new one", "lease", 'attempt=F("attempt") + 1', 'attempt=F("attempt")', LEASE),
    code("claim: none for a worker that is drained", "lease", "if worker.drained_at is not None or", "if",
         HELD),
    code("claim: people's prompts to trusted workers only", "lease",
         "if not trusted:\n        able", "if False:\n        able", HELD),
]  # fmt: skip

FENCE = [
    code("fence: the attempt", "lease", "and row.attempt == attempt and", "and", LEASE),
    code("fence: the attempt's token", "lease", " and tokens.matches(token, row.token_digest)\n", "\n", LEASE),
    code("fence: the job runs", "lease", "holds = row.state == Job.State.RUNNING and", "holds =", HELD, LEASE),
    code("fence: the lease is not out", "lease",
         "if not holds or Job.everything.filter(pk=row.pk, lease_expires_at__lt=Now()).exists():", "if not holds:",
         LEASE),
    code("fence: the job is locked", "lease",
         'Job.everything.select_for_update(of=("self",)).select_related("submission", "worker")',
         'Job.everything.select_related("submission", "worker")', HELD),
    Guard("fence: the worker that claimed it", "leaderboard/api/worker.py",
          'if "job" in arguments and foreign(row, arguments["job"]):', "if False:", (f"{TESTS}/api/test_replays.py",)),
    code("heartbeat: progress never falls", "lease",
         "return (job.done, job.total) if falls else (done, total)", "return (beat.done, beat.total)", LEASE),
    code("heartbeat: phases go forwards", "lease", "phase=max(row.phase, beat.phase, key=PHASES.index)",
         "phase=beat.phase", HELD),
    code("expiry: only a lease that is out", "lease",
         "row = leases_out().select_for_update(skip_locked=True",
         "row = Job.everything.filter(state=\"running\").select_for_update(skip_locked=True", HELD),
    code("expiry: skip locked", "lease", 'row = leases_out().select_for_update(skip_locked=True, of=("self",))',
         'row = leases_out().select_for_update(of=("self",))', HELD),
    code("expiry: a cancelled one does not wait again", "lease",
         'end_cancelled(job=row, actor="reconciler", reason="cancelled; its worker stopped answering")\n'
         "        return True", "pass", LEASE),
    code("expiry: gives up after so many losses", "lease", "if retry and job.losses + 1 < site.MAX_LOSSES:",
         "if retry:", LEASE),
    code("overtime: only who is over it", "lease",
         "row = over_limit().select_for_update(", 'row = Job.everything.filter(state="running").select_for_update(',
         HELD),
]  # fmt: skip

STATES = [
    code("move: a submission's state", "transitions",
         "Submission.everything.filter(pk=submission, state=before)", "Submission.everything.filter(pk=submission)",
         MOVES),
    code("move: the table of a submission's moves", "transitions", "if after not in SUBMISSION_MOVES[before]:",
         "if False:", MOVES),
    code("move: a job's state", "transitions", "pk=job.pk, state=before, attempt=job.attempt",
         "pk=job.pk, attempt=job.attempt", MOVES, HELD),
    code("move: a job's attempt", "transitions", "pk=job.pk, state=before, attempt=job.attempt",
         "pk=job.pk, state=before", MOVES),
    code("move: the table of a job's moves", "transitions", "if after not in JOB_MOVES[before]:", "if False:", MOVES),
    code("move: the loser is told", "transitions", 'if not moved:\n        raise IllegalMove(f"Job',
         'if False:\n        raise IllegalMove(f"Job', MOVES),
    code("move: what is taken has no bell", "transitions", "    if before == Job.State.QUEUED:\n", "    if False:\n",
         HELD),
    code("move: who has ended frees a place", "transitions", "if before in LIVE and after not in LIVE:\n        keys",
         "if False:\n        keys", QUOTA),
    code("cancel: the jobs are locked", "cancel", "Job.everything.select_for_update().filter(submission=row)",
         "Job.everything.filter(submission=row)", HELD),
    code("cancel: only the owner", "cancel", "filter(pk=submission, owner=owner)", "filter(pk=submission)", LEASE),
    code("cancel: what runs is only asked", "cancel", "    if running:\n", "    if False:\n", LEASE),
    code("score: only while it is scoring", "score",
         "if row is None or row.state != Submission.State.SCORING:", "if row is None:", HELD),
    code("score: the submission is locked", "score",
         'Submission.everything.select_for_update(of=("self",)).select_related("suite")',
         'Submission.everything.select_related("suite")', HELD),
    code("score: workers that are not trusted are not ranked", "score",
         " and not measured_by_trusted(row)", " and False", HELD, RECHECK),
    code("validate: only while it is validating", "validate", 'pk=submission, state="validating", use=None',
         "pk=submission, use=None", VALIDATE),
]  # fmt: skip

RECORDS = [
    code("chunk: its digest", "record", "if hashlib.sha256(body).hexdigest() != digest:", "if False:", RECORD),
    code("chunk: not another one in its place", "record", "        if known.digest != digest:", "        if False:",
         RECORD, CHUNKS),
    code("chunk: the attempt still holds when it is written", "record",
         "            held(job=job, attempt=attempt, token=token)\n            SampleChunk",
         "            SampleChunk", HELD),
    code("results: the same again change nothing", "record",
         "if (row.state, row.attempt, row.results_digest) == (Job.State.DONE, results.attempt, digest):", "if False:",
         RECORD),
    code("results: others are not taken for the same", "record",
         "if (row.state, row.attempt, row.results_digest) == (Job.State.DONE, results.attempt, digest):",
         "if (row.state, row.attempt) == (Job.State.DONE, results.attempt):", RECORD),
    code("results: every chunk has come", "record", "if listed != stored or sorted", "if sorted", RECORD, CHUNKS),
    code("results: no gap between chunks", "record",
         "if listed != stored or sorted(listed) != list(range(len(results.chunks))):", "if listed != stored:", CHUNKS),
    code("results: as many samples as listed", "record", "if chunk.samples != counts[chunk.sequence]:", "if False:",
         CHUNKS),
    code("results: every task once", "record",
         "if sorted(result.task for result in results.tasks) != sorted(tasks):", "if False:", RECORD),
    code("results: not of what is being cancelled", "record",
         "if row.cancel_requested:  # its owner was told that it is being cancelled", "if False:", STUCK),
    code("results: numbers are finite", "record",
         "if not all(math.isfinite(number) and abs(number) <= LARGEST for number in numbers):", "if False:",
         RECORD, f"{TESTS}/api/test_worker_bodies.py"),
    code("failure: a repetition changes nothing", "record",
         "if row.attempt == failure.attempt and row.state != Job.State.RUNNING:", "if False:", LEASE),
    code("recheck: samples that say something else", "score",
         "problem = odd or verdict.problem", "problem = odd", RECHECK),
    code("part: its digest", "parts", "if hashlib.sha256(body).hexdigest() != digest:", "if False:", PARTS),
    code("part: not another one in its place", "parts", "if (known.digest, known.identity) != (digest, identity):",
         "if False:", PARTS),
    code("part: no more than fits", "parts", "if there + len(body) > site.PARTS_LIMIT:", "if False:", PARTS),
    Guard("part: not from workers that are not trusted", "leaderboard/queries/parts.py",
          "whose = Q(worker__token__trusted=True)", "whose = Q()", (PARTS,)),
]  # fmt: skip

QUEUE = [
    code("quota: the cap", "quota", ", used__lt=one.cap)", ")", QUOTA),
    code("quota: nothing below nothing", "quota", ", used__gt=0)", ")", QUOTA),
    code("quota: given back where it could not be helped", "quota",
         "if refund or (after == Submission.State.CANCELLED and started_at is None):", "if False:", QUOTA),
    code("ring: skip locked", "ring", "Outbox.objects.select_for_update(skip_locked=True)",
         "Outbox.objects.select_for_update()", HELD),
    code("ring: silent for a while after it rang", "ring", 'update(ring_after=Now() + AGAIN, rings=F("rings") + 1)',
         'update(rings=F("rings") + 1)', RING),
    code("ring: a bell stays when the broker is away", "ring",
         "        return False\n    return True",
         "        row.delete()\n        return False\n    return True", RING),
    code("ring: held work is taken once", "ring", "subject=subject, rings__gt=0)", "subject=subject)", RING),
    code("ring: only what is due", "ring", "filter(ring_after__lte=Now())", "all()", RING),
    code("once: one answer to a key at a time", "keep_reply", "if not lock(owner, key):", "if False:", ONCE),
    code("once: a key is for one request", "keep_reply", "if row.digest != digest:", "if False:", ONCE),
]  # fmt: skip

SHARDED = f"{TESTS}/actions/test_shards.py"
SHARDS = [
    code("shard: its claim does not start the submission", "lease",
         "submission.state == Submission.State.QUEUED and job.kind == Job.Kind.EVALUATION:",
         "submission.state == Submission.State.QUEUED:", SHARDED),
    code("shard: to trusted workers only", "lease", "kind__in=[Job.Kind.SHARE, Job.Kind.SHARD]",
         "kind__in=[Job.Kind.SHARE]", SHARDED),
    code("shard: fails alone", "shards", "    elif job.kind == Job.Kind.SHARD:\n", "    elif False:\n", SHARDED),
    code("shard: brings no results", "shards", "if results.tasks or results.chunks:", "if False:", SHARDED),
    code("shard: ends with its evaluation", "transitions", "if before in MEASURED and after not in MEASURED:",
         "if False:", SHARDED),
    code("shard: its parts stay while they are needed", "parts",
         "job__kind=Job.Kind.SHARD, job__submission__state__in=MEASURED", "pk=None", SHARDED),
    Guard("shard: none for an older worker", "leaderboard/queries/editions.py",
          "SHARDS_SINCE: Q(kind=Job.Kind.SHARD),", "", (SHARDED,)),
    Guard("shard: parts of its own submission only", "leaderboard/queries/parts.py",
          "Q(job__submission=job.submission_id, job__shards=job.shards)", "Q(job__shards=job.shards)", (SHARDED,)),
    Guard("shard: untrusted ones are doubted", "leaderboard/queries/trusted.py",
          "exclude(kind=Job.Kind.SHARD, worker=None)", "exclude(kind=Job.Kind.SHARD)", (SHARDED,)),
]  # fmt: skip

REFRESH = f"{TESTS}/actions/test_refresh.py"
RANKINGS = [
    code("ranking: one process at a time", "refresh", "if not stale.exists() or not locked_now(suite=suite):",
         "if not stale.exists():", REFRESH),
    code("ranking: who ranks looks again", "refresh", "    while built < rounds and refresh_once(suite=suite):",
         "    if refresh_once(suite=suite):", REFRESH),
    code("ranking: what comes later stays stale", "refresh", "stale.filter(pk__in=seen).delete()", "stale.delete()",
         REFRESH),
    code("ranking: a result makes it stale", "score", "mark_stale(suite=row.suite)", "pass", REFRESH),
]  # fmt: skip

KEPT = ("submission", "job", "event", "result", "samplechunk")
TABLES = [
    index("submission", "one_live_submission_a_request", SUBMIT),
    index("submission", "one_live_submission_a_revision", VALIDATE, NOTHING_TWICE),
    index("result", "result_once", NOTHING_TWICE),
    index("samplechunk", "chunk_once", AT_ONCE, NOTHING_TWICE),
    index("responsepart", "part_once", NOTHING_TWICE),
    index("outbox", "outbox_once", NOTHING_TWICE),
    index("usage", "usage_once", QUOTA, NOTHING_TWICE),
    index("worker", "worker_name_once", NOTHING_TWICE),
    database("check: a lease exactly while running",
             "ALTER TABLE leaderboard_job DROP CONSTRAINT job_lease_exactly_while_running;", MOVES),
    database("check: pinned once it is validated",
             "ALTER TABLE leaderboard_submission DROP CONSTRAINT submission_pinned_once_validated;", NOTHING_TWICE),
    database("check: a result has a score or a reason",
             "ALTER TABLE leaderboard_result DROP CONSTRAINT result_or_reason;", NOTHING_TWICE),
    trigger("final_submission", "submission", DATABASE),
    trigger("job_guard", "job", DATABASE),
    trigger("event_append_only", "event", DATABASE),
    trigger("result_append_only", "result", NOTHING_TWICE),
    trigger("result_of_last_attempt", "result", NOTHING_TWICE),
    trigger("released_suite_frozen", "suite", DATABASE),
    trigger("released_task_frozen", "suitetask", DATABASE),
    *(trigger(f"{table}_kept", table, NOTHING_TWICE) for table in KEPT),
]  # fmt: skip

GUARDS = [*CLAIM, *FENCE, *STATES, *RECORDS, *QUEUE, *SHARDS, *RANKINGS, *TABLES]
