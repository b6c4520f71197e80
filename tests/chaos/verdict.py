"""What a chaos run left behind: everything that should not be, counted. Every number here has to be 0."""

import gzip
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evaluator.contract import Sample, decode_sample
from tests.chaos.child import TASKS, answer, items_of, score_of
from tests.chaos.database import Database
from tests.chaos.people import Wish
from tests.faults.invariants import broken

COUNTS = (
    "succeeded", "cancelled", "lost", "duplicated", "stuck", "mixed_attempts", "invariant_violations",
    "sharded", "shards", "shards_done", "items_of_shards",
)  # fmt: skip
"""sharded: submissions that several jobs were made of; shards: their jobs beside the evaluation; shards_done: which of
these ended by themselves; items_of_shards: samples of results that a shard's worker was answered."""
ENDED = {"succeeded", "cancelled", "failed", "rejected", "quarantined", "retracted"}

MADE = """
    SELECT submission.id, submission.state FROM leaderboard_submission submission
    JOIN leaderboard_suite suite ON suite.id = submission.suite_id
    WHERE submission.requested_model = %s AND suite.slug = %s AND submission.settings->>'dtype' = %s ORDER BY 1
"""
LIVE = """
    SELECT (SELECT count(*) FROM leaderboard_staleranking) + (
        SELECT count(*) FROM leaderboard_submission
        WHERE state IN ('validating', 'queued', 'running', 'scoring', 'paused'))
"""
DONE = """
    SELECT job.id, job.attempt, job.submission_id, submission.provenance, revision.sha, suite.slug
    FROM leaderboard_job job JOIN leaderboard_submission submission ON submission.id = job.submission_id
    JOIN leaderboard_suite suite ON suite.id = submission.suite_id
    JOIN leaderboard_revision revision ON revision.id = submission.revision_id
    WHERE job.state = 'done' AND job.kind = 'evaluation' ORDER BY job.id
"""
SCORES = """
    SELECT result.job_id, task.task, result.score, result.attempt FROM leaderboard_result result
    JOIN leaderboard_suitetask task ON task.id = result.task_id
"""
JOBS = "SELECT submission_id, id, kind, attempt, shard, shards, state FROM leaderboard_job ORDER BY id"
CHUNKS = "SELECT path, digest FROM leaderboard_samplechunk WHERE job_id = %s AND attempt = %s ORDER BY sequence"


class Job(NamedTuple):
    """A row of `JOBS`, without its submission."""

    id: int
    kind: str
    attempt: int
    shard: int
    shards: int
    state: str


def verdict(database: Database, files: Path, wishes: Sequence[Wish], shown: dict[str, set[int]]) -> dict[str, Any]:
    """The zeros, how much was in shards, and below `found` whatever is wrong. `shown`: by suite, the submissions on its
    newest ranking."""
    found: list[str] = []
    counts = Counter(ends(database, wishes, found))
    jobs: dict[int, list[Job]] = {}
    for submission, *row in database.rows(JOBS):
        jobs.setdefault(submission, []).append(Job(*row))
    counts += shards(jobs, found)
    counts += mixed(database, files, jobs, found)
    rules = broken(database.rows)
    found += [f"{rule}: {rows[:3]}" for rule, rows in rules.items()]
    unshown = unranked(database, shown)
    found += unshown
    counts["invariant_violations"] = sum(map(len, rules.values())) + len(unshown)
    return {**{name: counts[name] for name in COUNTS}, "found": found}


def ends(database: Database, wishes: Sequence[Wish], found: list[str]) -> dict[str, int]:
    """lost: not there, or ended as nobody wanted. duplicated: there more than once. stuck: not ended."""
    counts = {"succeeded": 0, "cancelled": 0, "lost": 0, "duplicated": 0, "stuck": 0}
    for wish in wishes:
        rows = database.rows(MADE, wish.model, wish.suite, wish.dtype)
        states = [state for _, state in rows]
        allowed = {"succeeded", "cancelled"} if wish.give_up else {"succeeded"}
        if len(rows) > 1:
            counts["duplicated"] += 1
        if not rows or not wish.number:
            counts["lost"] += 1
        elif any(state not in ENDED for state in states):
            counts["stuck"] += 1
        elif not set(states) <= allowed:
            counts["lost"] += 1
        else:
            counts[states[0]] += 1
            continue
        found.append(f"{wish}: {rows}")
    return counts


def shards(jobs: dict[int, list[Job]], found: list[str]) -> Counter[str]:
    """How many submissions and jobs there were of that; lost, duplicated, stuck: as for submissions, of their jobs."""
    counts: Counter[str] = Counter()
    for submission, rows in jobs.items():
        if (of := rows[0].shards) == 1:
            continue
        there, states = Counter(row.shard for row in rows), {row.state for row in rows}
        helping = [row for row in rows if row.kind == "shard"]
        counts["sharded"] += 1
        counts["shards"] += len(helping)
        counts["shards_done"] += sum(row.state == "done" for row in helping)
        wrong = {
            "lost": set(there) != set(range(of)) or len(helping) != len(rows) - 1 or "failed" in states,
            "duplicated": there.total() > len(there),
            "stuck": not states <= {"done", "cancelled", "failed"},
        }
        counts.update({name: 1 for name, holds in wrong.items() if holds})
        if any(wrong.values()):
            found.append(f"the jobs of submission {submission}: {rows}")
    return counts


def mixed(database: Database, files: Path, jobs: dict[int, list[Job]], found: list[str]) -> Counter[str]:
    """mixed_attempts: jobs whose results, samples and provenance are not all of the last attempt, or not what the model
    answers, each item once and answered for this very submission."""
    scores: dict[int, dict[str, tuple[float, int]]] = {}
    for job, task, score, attempt in database.rows(SCORES):
        scores.setdefault(job, {})[task] = (score, attempt)
    counts: Counter[str] = Counter()
    for job, attempt, submission, told, sha, suite in database.rows(DONE):
        folder, written = str(told.get("attempt")), list(samples(database, files, job, attempt))
        answered = Counter(attempt_of(sample.prompts[1]) for sample in written)
        own = {row.id: row for row in jobs[submission]}
        whole = (
            attempt_of(folder) == (job, attempt)
            and {sample.prompts[0] for sample in written} == {folder}
            and sorted((sample.task, sample.doc_id, sample.responses[0]) for sample in written) == right(sha, suite)
            and scores.get(job) == {task: (score_of(sha, suite, task), attempt) for task in TASKS}
            and all(by in own and 1 <= turn <= own[by].attempt for by, turn in answered)
            and told_alike(told.get("shards", []), own)
        )
        counts["items_of_shards"] += sum(items for (by, _), items in answered.items() if by != job)
        if not whole:
            counts["mixed_attempts"] += 1
            found.append(
                f"job {job}, attempt {attempt}: {folder}, {scores.get(job)}, {len(written)} samples by {answered}, "
                f"{told.get('shards')} of {jobs[submission]}"
            )
    return counts


def attempt_of(folder: str) -> tuple[int, int]:
    """Job and attempt that a run's folder is named after; (0, 0) where it is not."""
    job, _, attempt = folder.rpartition("-")[0].partition("-")
    return (int(job), int(attempt)) if job.isdigit() and attempt.isdigit() else (0, 0)


def right(sha: str, suite: str) -> list[tuple[str, int, str]]:
    """Every sample of a run: its task, its item, and what the model answers."""
    return [(task, item, str(answer(sha, suite, task, item))) for task in TASKS for item in items_of(suite)]


def told_alike(told: list[dict[str, Any]], own: dict[int, Job]) -> bool:
    """Whether the provenance names each shard of the submission once, and those that were done as they ended."""
    rows = {row.shard: row for row in own.values() if row.shards > 1}
    return [one["shard"] for one in told] == sorted(rows) and all(
        (rows[one["shard"]].state, rows[one["shard"]].attempt) == ("done", one["attempt"])
        for one in told
        if one.get("state", "done") == "done"
    )


def samples(database: Database, files: Path, job: int, attempt: int) -> Iterator[Sample]:
    """Of an attempt, from the stored files; none of a file that is missing, or not what was posted."""
    for path, digest in database.rows(CHUNKS, job, attempt):
        packed = (files / path).read_bytes() if (files / path).exists() else b""
        if hashlib.sha256(packed).hexdigest() == digest:
            yield from map(decode_sample, gzip.decompress(packed).splitlines())


def unranked(database: Database, shown: dict[str, set[int]]) -> list[str]:
    """Successes that their suite's newest ranking leaves out, and whatever else it shows."""
    there: dict[str, set[int]] = {}
    for slug, number in database.rows(
        "SELECT suite.slug, submission.id FROM leaderboard_submission submission "
        "JOIN leaderboard_suite suite ON suite.id = submission.suite_id WHERE submission.state = 'succeeded'"
    ):
        there.setdefault(slug, set()).add(number)
    return [
        f"{slug}: {sorted(there.get(slug, set()) ^ shown.get(slug, set()))} are ranked and not there, or the reverse"
        for slug in there.keys() | shown.keys()
        if there.get(slug, set()) != shown.get(slug, set())
    ]
