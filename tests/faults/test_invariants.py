"""The invariants themselves: silent on what the actions make, and each speaks when its rule is broken."""

import pytest
from django.db import connection, transaction

from evaluator.contract import ClaimRequest
from leaderboard.actions import lease
from leaderboard.actions.score import score
from leaderboard.models import Submission, WorkerToken
from tests import samples
from tests.faults.conftest import Accept
from tests.faults.invariants import RULES, broken

pytestmark = pytest.mark.django_db

DONE = 0
ENDS_AGAIN = """
    INSERT INTO @event (submission_id, at, actor, before, after, reason, digest)
    SELECT submission_id, now(), actor, before, after, reason, digest FROM @event WHERE after = 'succeeded'
"""
LEFT_LATE = """
    INSERT INTO @responsepart (job_id, worker_id, attempt, sequence, identity, digest, path, size, created_at)
    SELECT id, worker_id, attempt, 0, '', '', '', 1, clock_timestamp() FROM @job WHERE state = 'done'
"""
BREAKS = {  # @ stands for the tables' prefix
    "a lease exactly while running": "UPDATE @job SET lease_expires_at = now() WHERE state = 'done'",
    "results come from the last attempt of a done job": "UPDATE @result SET attempt = attempt + 1",
    "a done job has one result for each task": "DELETE FROM @result WHERE score IS NOT NULL",
    "a succeeded submission has all its results": "DELETE FROM @result WHERE score IS NOT NULL",
    "the samples of a done job's last attempt are chunks 0, 1, 2 ...": "UPDATE @samplechunk SET sequence = 1",
    "what waits has a bell, what runs has a lease": "DELETE FROM @outbox WHERE kind = 'validate'",
    "a job's bell means that the job waits": "UPDATE @job SET state = 'failed' WHERE state = 'queued'",
    "no two live submissions are equal": "UPDATE @submission SET requested_model = 'org/same'",
    "no two live submissions measure the same": "UPDATE @submission SET revision_id = {first}",
    "a submission whose job is done is past running": "UPDATE @submission SET state = 'validating'",
    "nothing runs for a submission that has ended": "UPDATE @submission SET state = 'cancelled'",
    "no shard is worked on once its evaluation has ended": (
        "UPDATE @job SET kind = 'shard', state = 'queued' WHERE state = 'done'"
    ),
    "each shard of a submission is one job's": "UPDATE @job SET shard = 2, shards = 2",
    "a shard has no results, and no samples": "UPDATE @job SET kind = 'shard' WHERE state = 'done'",
    "responses are left by the attempt that holds the job": LEFT_LATE,
    "who has ended has the time of it, and nobody else": "UPDATE @submission SET finished_at = NULL",
    "what counts as live of an owner's quota is what is live": "UPDATE @usage SET used = 1 WHERE period = 'live'",
    "what a day of an owner's quota has paid is what was charged to it": "UPDATE @submission SET charged_on = NULL",
    "a submission reaches an end once": ENDS_AGAIN,
    "every attempt was a claim": "UPDATE @job SET attempt = attempt + 1 WHERE state = 'running'",
    "a submission's events follow each other to its state": "UPDATE @event SET before = '' WHERE after = 'succeeded'",
    "a job's events follow each other to its state": "DELETE FROM @event WHERE after = 'done'",
}


def rows(query: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


@pytest.fixture
def world(accept: Accept, worker_token: WorkerToken, files: object) -> list[Submission]:
    """One submission that is done, one that runs, one that waits, one that is still looked at."""
    made = [accept("org/done"), accept("org/running"), accept("org/queued"), accept("org/validating", validated=False)]
    request = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",))
    spec = lease.claim(token=worker_token, request=request)
    assert spec is not None
    samples.finish(spec, [samples.measured("alpha", [1.0, 0.0]), samples.BETA])
    score(submission=made[DONE].pk)
    assert lease.claim(token=worker_token, request=request) is not None
    for one in made:
        one.refresh_from_db()
    return made


def test_what_the_actions_make_breaks_no_rule(world: list[Submission]) -> None:
    assert [one.state for one in world] == ["succeeded", "running", "queued", "validating"]
    assert broken(rows) == {}


def test_each_rule_sees_what_breaks_it(world: list[Submission]) -> None:
    assert set(BREAKS) == set(RULES)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("job", "submission", "result", "event", "samplechunk"):
            cursor.execute(f"ALTER TABLE leaderboard_{table} DISABLE TRIGGER USER")
        for index in ("one_live_submission_a_request", "one_live_submission_a_revision"):
            cursor.execute(f"DROP INDEX {index}")
        cursor.execute("ALTER TABLE leaderboard_job DROP CONSTRAINT job_lease_exactly_while_running")
    blind = [rule for rule in RULES if not seen(rule, BREAKS[rule].format(first=world[DONE].revision_id))]
    assert blind == []


def seen(rule: str, statement: str) -> bool:
    """Whether the rule is reported after `statement`, which is undone."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement.replace("@", "leaderboard_"))
            assert cursor.rowcount > 0
        reported = rule in broken(rows)
        transaction.set_rollback(True)
    return reported
