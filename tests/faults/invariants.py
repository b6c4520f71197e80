"""What must hold in the database at every moment, whoever died: each query gives the rows that break its rule."""

from collections.abc import Callable

Rows = Callable[[str], list[tuple[object, ...]]]
"""Runs one query."""

LIVE = "('validating', 'queued', 'running', 'scoring', 'paused')"

CHAIN = """
    SELECT chain.* FROM (
        SELECT {subject} AS subject, id, before, after,
            coalesce(lag(after) OVER same, '{first}') AS was, lead(id) OVER same IS NULL AS newest
        FROM leaderboard_event WHERE job_id IS {job} NULL WINDOW same AS (PARTITION BY {subject} ORDER BY id)
    ) chain JOIN {table} ON {table}.id = chain.subject
    WHERE chain.before <> chain.was OR (chain.newest AND chain.after <> {table}.state)
"""

RULES = {
    "a lease exactly while running": """
        SELECT id, state, lease_expires_at FROM leaderboard_job
        WHERE (state = 'running') <> (lease_expires_at IS NOT NULL) OR (state = 'running') <> (token_digest <> '')
    """,
    "results come from the last attempt of a done job": """
        SELECT result.id, result.attempt, job.attempt, job.state
        FROM leaderboard_result result JOIN leaderboard_job job ON job.id = result.job_id
        WHERE result.attempt <> job.attempt OR job.state <> 'done'
    """,
    "a done job has one result for each task": """
        SELECT job.id, task.task, count(result.id)
        FROM leaderboard_job job
        JOIN leaderboard_submission submission ON submission.id = job.submission_id
        JOIN leaderboard_suitetask task ON task.suite_id = submission.suite_id
        LEFT JOIN leaderboard_result result ON result.job_id = job.id AND result.task_id = task.id
        WHERE job.state = 'done' AND job.kind = 'evaluation' GROUP BY job.id, task.task HAVING count(result.id) <> 1
    """,
    "a succeeded submission has all its results": """
        SELECT submission.id, task.task
        FROM leaderboard_submission submission
        JOIN leaderboard_suitetask task ON task.suite_id = submission.suite_id
        LEFT JOIN leaderboard_result result ON result.submission_id = submission.id AND result.task_id = task.id
        WHERE submission.state = 'succeeded' AND result.id IS NULL
    """,
    "the samples of a done job's last attempt are chunks 0, 1, 2 ...": """
        SELECT job.id, count(chunk.id), max(chunk.sequence)
        FROM leaderboard_job job
        LEFT JOIN leaderboard_samplechunk chunk ON chunk.job_id = job.id AND chunk.attempt = job.attempt
        WHERE job.state = 'done' GROUP BY job.id HAVING count(chunk.id) <> coalesce(max(chunk.sequence) + 1, 0)
    """,
    "what waits has a bell, what runs has a lease": f"""
        SELECT submission.id, submission.state FROM leaderboard_submission submission
        WHERE submission.state IN {LIVE} AND NOT CASE submission.state
            WHEN 'running' THEN EXISTS (
                SELECT FROM leaderboard_job job
                WHERE job.submission_id = submission.id AND job.state = 'running' AND job.kind = 'evaluation')
            WHEN 'queued' THEN EXISTS (
                SELECT FROM leaderboard_job job JOIN leaderboard_outbox bell ON bell.subject = job.id
                WHERE job.submission_id = submission.id AND job.state = 'queued' AND job.kind = 'evaluation'
                AND bell.kind = 'job')
            WHEN 'paused' THEN EXISTS (
                SELECT FROM leaderboard_job job WHERE job.submission_id = submission.id AND job.state = 'paused')
            ELSE EXISTS (
                SELECT FROM leaderboard_outbox bell WHERE bell.subject = submission.id
                AND bell.kind = CASE submission.state WHEN 'scoring' THEN 'score' ELSE 'validate' END)
        END
    """,
    "a job's bell means that the job waits": """
        SELECT bell.id, bell.subject, job.state
        FROM leaderboard_outbox bell JOIN leaderboard_job job ON job.id = bell.subject
        WHERE bell.kind = 'job' AND job.state <> 'queued'
    """,
    "no two live submissions are equal": f"""
        SELECT suite_id, settings_digest, requested_model, requested_revision, count(*)
        FROM leaderboard_submission WHERE state IN {LIVE}
        GROUP BY suite_id, settings_digest, requested_model, requested_revision HAVING count(*) > 1
    """,
    "no two live submissions measure the same": f"""
        SELECT suite_id, settings_digest, revision_id, count(*)
        FROM leaderboard_submission WHERE state IN {LIVE} AND revision_id IS NOT NULL
        GROUP BY suite_id, settings_digest, revision_id HAVING count(*) > 1
    """,
    "a submission whose job is done is past running": """
        SELECT submission.id, submission.state, job.id
        FROM leaderboard_submission submission JOIN leaderboard_job job ON job.submission_id = submission.id
        WHERE job.state = 'done' AND job.kind = 'evaluation'
        AND submission.state IN ('validating', 'queued', 'running')
    """,
    "nothing runs for a submission that has ended": f"""
        SELECT submission.id, submission.state, job.id, job.state
        FROM leaderboard_submission submission JOIN leaderboard_job job ON job.submission_id = submission.id
        WHERE submission.state NOT IN {LIVE} AND job.state IN ('queued', 'running') AND job.kind <> 'share'
    """,
    "no shard is worked on once its evaluation has ended": """
        SELECT submission.id, submission.state, job.id, job.state
        FROM leaderboard_submission submission JOIN leaderboard_job job ON job.submission_id = submission.id
        WHERE job.kind = 'shard' AND job.state IN ('queued', 'running')
        AND submission.state NOT IN ('queued', 'running')
    """,
    "each shard of a submission is one job's": """
        SELECT submission_id, shard, count(*) FROM leaderboard_job
        WHERE shards > 1 GROUP BY submission_id, shard HAVING count(*) > 1 OR shard >= min(shards)
    """,
    "a shard has no results, and no samples": """
        SELECT job.id FROM leaderboard_job job WHERE job.kind = 'shard' AND (
            EXISTS (SELECT FROM leaderboard_result result WHERE result.job_id = job.id)
            OR job.state = 'done' AND EXISTS (SELECT FROM leaderboard_samplechunk chunk WHERE chunk.job_id = job.id))
    """,
    "responses are left by the attempt that holds the job": """
        SELECT part.id, part.job_id, part.attempt FROM leaderboard_responsepart part JOIN (
            SELECT job_id, at, row_number() OVER (PARTITION BY job_id ORDER BY id) AS attempt
            FROM leaderboard_event WHERE before = 'running' AND after <> 'running' AND job_id IS NOT NULL
        ) ended ON ended.job_id = part.job_id AND ended.attempt = part.attempt
        WHERE part.created_at > ended.at
    """,
    "who has ended has the time of it, and nobody else": f"""
        SELECT id, state, finished_at FROM leaderboard_submission
        WHERE (state IN {LIVE}) <> (finished_at IS NULL)
    """,
    "what counts as live of an owner's quota is what is live": f"""
        SELECT usage.owner_id, usage.used, count(submission.id)
        FROM leaderboard_usage usage LEFT JOIN leaderboard_submission submission
            ON submission.owner_id = usage.owner_id AND submission.charged_on IS NOT NULL AND submission.state IN {LIVE}
        WHERE usage.period = 'live' GROUP BY usage.id HAVING usage.used <> count(submission.id)
    """,
    "what a day of an owner's quota has paid is what was charged to it": """
        SELECT usage.owner_id, usage.starts_on, usage.used, count(submission.id)
        FROM leaderboard_usage usage LEFT JOIN leaderboard_submission submission
            ON submission.owner_id = usage.owner_id AND submission.charged_on = usage.starts_on
        WHERE usage.period = 'day' GROUP BY usage.id HAVING usage.used <> count(submission.id)
    """,
    "a submission reaches an end once": """
        SELECT submission_id, after, count(*) FROM leaderboard_event
        WHERE job_id IS NULL AND before <> after AND after IN ('succeeded', 'failed', 'cancelled', 'rejected')
        GROUP BY submission_id, after HAVING count(*) > 1
    """,
    "every attempt was a claim": """
        SELECT job.id, job.attempt, count(event.id)
        FROM leaderboard_job job LEFT JOIN leaderboard_event event ON event.job_id = job.id AND event.after = 'running'
        GROUP BY job.id HAVING count(event.id) <> job.attempt
    """,
    "a submission's events follow each other to its state": CHAIN.format(
        subject="submission_id", first="", job="", table="leaderboard_submission"
    ),
    "a job's events follow each other to its state": CHAIN.format(
        subject="job_id", first="queued", job="NOT", table="leaderboard_job"
    ),
}


def broken(rows: Rows) -> dict[str, list[tuple[object, ...]]]:
    """The rules that do not hold, with the rows that break them."""
    found = {rule: rows(query) for rule, query in RULES.items()}
    return {rule: offending for rule, offending in found.items() if offending}
