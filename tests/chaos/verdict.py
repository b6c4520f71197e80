"""What a chaos run left behind: everything that should not be, counted. Every number here has to be 0."""

import gzip
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from evaluator.contract import Sample, decode_sample
from tests.chaos.child import score_of
from tests.chaos.database import Database
from tests.chaos.people import Wish
from tests.faults.invariants import broken

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
    SELECT job.id, job.attempt, job.submission_id, submission.provenance->>'attempt', revision.sha, suite.slug
    FROM leaderboard_job job JOIN leaderboard_submission submission ON submission.id = job.submission_id
    JOIN leaderboard_suite suite ON suite.id = submission.suite_id
    JOIN leaderboard_revision revision ON revision.id = submission.revision_id
    WHERE job.state = 'done' AND job.kind = 'evaluation' ORDER BY job.id
"""
SCORES = """
    SELECT result.job_id, task.task, result.score, result.attempt FROM leaderboard_result result
    JOIN leaderboard_suitetask task ON task.id = result.task_id
"""
CHUNKS = "SELECT path, digest FROM leaderboard_samplechunk WHERE job_id = %s AND attempt = %s ORDER BY sequence"


def verdict(database: Database, files: Path, wishes: Sequence[Wish], shown: dict[str, set[int]]) -> dict[str, Any]:
    """The zeros, and below `found` whatever is none. `shown`: by suite, the submissions on its newest ranking."""
    found: list[str] = []
    counts = ends(database, wishes, found)
    counts["mixed_attempts"] = mixed(database, files, found)
    rules = broken(database.rows)
    found += [f"{rule}: {rows[:3]}" for rule, rows in rules.items()]
    unshown = unranked(database, shown)
    found += unshown
    counts["invariant_violations"] = sum(map(len, rules.values())) + len(unshown)
    return {**counts, "found": found}


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


def mixed(database: Database, files: Path, found: list[str]) -> int:
    """Jobs whose results, samples and provenance are not all of the last attempt, or not what the model answers."""
    scores: dict[int, dict[str, tuple[float, int]]] = {}
    for job, task, score, attempt in database.rows(SCORES):
        scores.setdefault(job, {})[task] = (score, attempt)
    count = 0
    for job, attempt, _, folder, sha, suite in database.rows(DONE):
        written = list(samples(database, files, job, attempt))
        name = f"{job}-{attempt}-"
        whole = (
            str(folder).startswith(name)
            and {sample.prompts[0] for sample in written} == {folder}
            and scores.get(job) == {task: (score_of(sha, suite, task), attempt) for task in ("alpha", "beta")}
        )
        if not whole:
            count += 1
            found.append(f"job {job}, attempt {attempt}: {folder}, {scores.get(job)}, {len(written)} samples")
    return count


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
