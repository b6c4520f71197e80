"""Somebody dies on the whole product: it is noticed, what ran is done again, and done once. Prints what it took."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
import redis

from tests.faults.conftest import MODELS, TIMES
from tests.faults.live import QUICK, SLOW, STEADY, Live, until

pytestmark = pytest.mark.stack

LEASE, HEARTBEAT = float(TIMES["PARITY_LEASE_SECONDS"]), float(TIMES["PARITY_HEARTBEAT_SECONDS"])


@pytest.fixture(autouse=True)
def in_order(live: Live) -> Iterator[None]:
    """Whatever was done, it ends well and breaks no rule."""
    yield
    waiting = "SELECT id, state FROM leaderboard_submission WHERE state <> 'succeeded'"
    until(lambda: live.rows(waiting) == [], seconds=60, what="everything succeeded")
    live.all_rules_hold()


def submitted(live: Live, http: httpx.Client, number: int, suite: str) -> int:
    reply = live.submit(http, number, suite)
    assert reply.status_code == 201, reply.text
    return int(reply.json()["id"])


def running(live: Live, submission: int, attempt: int = 1) -> bool:
    """Whether the attempt's child is at work."""
    query = f"SELECT state, attempt, phase FROM leaderboard_job WHERE submission_id = {submission}"
    return live.rows(query) == [("running", attempt, "evaluating")]


@pytest.mark.parametrize(("name", "title"), [("postgres", "PostgreSQL"), ("valkey", "Valkey")])
def test_a_killed_server_is_started_again_and_said(live: Live, name: str, title: str) -> None:
    before, words = live.server(name), f"{title} (status -9) ended"
    said = live.stack.said().count(words)
    killed = live.kill(before)
    live.stack.wait_for(words, seconds=15, times=said + 1)
    with live.stack.http() as http:
        back = until(
            lambda: broker_answers(live) if name == "valkey" else http.get("/queue").status_code == 200,
            seconds=15,
            what=f"{title} answers",
        )
    print(f"\n{title} killed: back after {back - killed:.2f} s")
    assert live.server(name) != before


def test_a_killed_worker_costs_its_lease_and_nothing_else(live: Live) -> None:
    with live.stack.http() as http:
        submission = submitted(live, http, 0, SLOW)
        until(lambda: running(live, submission), seconds=30, what="the child")
        child = live.child()
        killed = live.kill(live.worker())
        until(lambda: not alive(child), seconds=2, what="the end of the killed worker's child")
        requeued = until(lambda: live.job_of(submission)[0] == "queued", seconds=30, what="the job waits again")
        again = until(lambda: running(live, submission, 2), seconds=30, what="the second attempt")
        done = until(lambda: live.state_of(submission) == "succeeded", seconds=30, what="the end")
    print(f"\nworker killed: requeued after {requeued - killed:.2f} s (lease {LEASE:g} s), running after "
          f"{again - killed:.2f} s, scored after {done - killed:.2f} s")  # fmt: skip
    assert requeued - killed < LEASE + 2 * HEARTBEAT
    assert live.job_of(submission) == ("done", 2)
    assert list((live.stack.state / "runs").glob("*-*-*")) == []


def test_a_killed_child_costs_no_lease(live: Live) -> None:
    with live.stack.http() as http:
        submission = submitted(live, http, 1, SLOW)
        until(lambda: running(live, submission), seconds=30, what="the child")
        killed = live.kill(live.child())
        requeued = until(lambda: live.job_of(submission)[0] == "queued", seconds=30, what="the job waits again")
        done = until(lambda: live.state_of(submission) == "succeeded", seconds=30, what="the end")
    print(f"\nchild killed: requeued after {requeued - killed:.2f} s, scored after {done - killed:.2f} s")
    assert requeued - killed < 2
    assert live.job_of(submission) == ("done", 2)


def test_a_broker_that_dies_and_forgets_in_a_burst_loses_nothing(live: Live) -> None:
    with live.stack.http() as http:
        made = []
        for number in range(MODELS):
            if number == 5:
                live.kill(live.server("valkey"))
            if number == 12:
                until(lambda: forget(live), seconds=20, what="the broker")
            made.append(submitted(live, http, number, QUICK))
        until(lambda: forget(live), seconds=20, what="the broker")
        back = time.monotonic()
        waiting = f"SELECT id FROM leaderboard_submission WHERE id >= {min(made)} AND started_at IS NULL"
        dispatched = until(lambda: live.rows(waiting) == [], seconds=60, what="every submission was dispatched")
    print(f"\nbroker killed and emptied: {len(made)} of {len(made)} submissions taken, all dispatched "
          f"{dispatched - back:.1f} s after it was back and empty")  # fmt: skip


def forget(live: Live) -> bool:
    """FLUSHALL, as soon as the broker answers."""
    try:
        with redis.Redis(unix_socket_path=live.broker_socket) as broker:
            return bool(broker.flushall())
    except redis.RedisError:
        return False


def broker_answers(live: Live) -> bool:
    try:
        with redis.Redis(unix_socket_path=live.broker_socket) as broker:
            return bool(broker.ping())
    except redis.RedisError:
        return False


def test_a_database_that_restarts_under_load_costs_seconds(live: Live) -> None:
    """Clients see errors while it is away, and none afterwards."""
    answers: list[tuple[float, int]] = []
    with live.stack.http() as http:
        made = [submitted(live, http, number, STEADY) for number in range(MODELS)]
        with polled(live, made[0], answers):
            until(lambda: "done" in {live.job_of(one)[0] for one in made}, seconds=30, what="the first result")
            killed = time.monotonic()
            os.kill(live.server("postgres"), signal.SIGINT)  # "fast shutdown", as a restart by its operator
            time.sleep(5)
            waiting = f"SELECT 1 FROM leaderboard_submission WHERE id >= {made[0]} AND state <> 'succeeded'"
            ended = until(lambda: live.rows(waiting) == [], seconds=100, what="everything succeeded")
    failed = [moment for moment, status in answers if status != 200]
    assert failed, "nobody noticed"
    window = max(failed) - killed
    attempts = Counter(live.job_of(one)[1] for one in made)
    counts = Counter(status for _, status in answers)
    print(
        f"\ndatabase restarted: {len(made)} of {len(made)} succeeded {ended - killed:.1f} s later (attempts: jobs "
        f"{dict(attempts)}); answers {dict(counts)}, the last error {window:.2f} s after the stop"
    )
    assert min(failed) >= killed
    assert window < 3


@contextmanager
def polled(live: Live, submission: int, answers: list[tuple[float, int]]) -> Iterator[None]:
    """Four clients that look at pages and the API all the time; the moment and status of every answer."""
    paths = ["/", "/queue", f"/submissions/{submission}", "/api/v1/submissions/"]
    over = threading.Event()

    def look(path: str) -> None:
        with live.stack.http() as http:
            while not over.wait(0.05):
                status = http.get(path).status_code
                answers.append((time.monotonic(), status))

    with ThreadPoolExecutor(len(paths)) as clients:
        looking = [clients.submit(look, path) for path in paths]
        try:
            yield
        finally:
            over.set()
            for one in looking:
                one.result(30)


def test_messages_that_come_twice_change_nothing(live: Live) -> None:
    with echoed(live) as echoes, live.stack.http() as http:
        made = [submitted(live, http, number, QUICK) for number in range(MODELS // 2)]
        until(lambda: {live.state_of(one) for one in made} == {"succeeded"}, seconds=60, what="the end")
    per_task = Counter(echoes)
    print(f"\nmessages delivered twice: {dict(per_task)}")
    assert min(per_task[task] for task in ("leaderboard.validate", "evaluator.doorbell", "leaderboard.score")) >= 10
    assert {live.job_of(one) for one in made} == {("done", 1)}
    for table, each in (("result", 2), ("event", 7)):
        since = f"FROM leaderboard_{table} WHERE submission_id >= {min(made)}"
        query = f"SELECT count(*) {since} GROUP BY submission_id"
        assert set(live.rows(query)) == {(each,)}, table


@contextmanager
def echoed(live: Live) -> Iterator[list[str]]:
    """Every message that is put into a queue is put there once more; gives their tasks' names as it happens."""
    path = live.broker_socket
    echoes: list[str] = []
    own: Counter[str] = Counter()
    over = threading.Event()
    with redis.Redis(unix_socket_path=path) as broker, redis.Redis(unix_socket_path=path) as watching:

        def repeat() -> None:
            with watching.monitor() as seen:
                ready.set()
                for one in seen.listen():
                    verb, _, rest = one["command"].partition(" ")
                    queue, _, message = rest.partition(" ")
                    if over.is_set():
                        return
                    if verb != "LPUSH" or queue not in ("site", "jobs.cpu"):
                        continue
                    if own[message]:
                        own[message] -= 1
                        continue
                    own[message] += 1
                    echoes.append(json.loads(message)["headers"]["task"])
                    broker.lpush(queue, message)

        ready = threading.Event()
        thread = threading.Thread(target=repeat)
        thread.start()
        ready.wait(10)
        try:
            yield echoes
        finally:
            over.set()
            broker.ping()  # one more command to see
            thread.join(10)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
