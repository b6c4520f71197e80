"""The journal: nothing is paid twice, nothing that may have been paid is forgotten."""

import json
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from evaluator.contract import Sampling, Spent
from evaluator.gateway import Gateway
from evaluator.gateway.ledger import FILE, Ledger
from tests import hostile_endpoint as hostile
from tests.environment import ROOT
from tests.evaluator.gateway.asked import HASTY, body_of, post, spec_of, text_of
from tests.hostile_endpoint import Endpoint


def by_prompt(slow: str = "") -> hostile.Answer:
    """Answers with the prompt, and never to the slow one."""

    def answer(connection: Any, call: Any) -> bool:
        text = json.loads(call.body)["messages"][0]["content"]
        return (hostile.hang(60) if text == slow else hostile.chat(f"To {text}."))(connection, call)

    return answer


def killed(endpoint: Endpoint, folder: Path, *texts: str, answered: int, told: Spent | None = None) -> None:
    """A process that asks, and is killed once so many are answered and the rest is under way."""
    command = [sys.executable, "-m", "tests.evaluator.gateway.killed", str(folder), *texts]
    before = len(endpoint.calls)
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(spec_of(endpoint, spent=told or Spent())))
        process.stdin.close()
        for _ in range(answered):
            assert process.stdout.readline().strip()
        while len(endpoint.calls) < before + len(texts):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()


def test_a_killed_worker_pays_nothing_twice_and_forgets_nothing(tmp_path: Path) -> None:
    with hostile.serving(by_prompt(slow="c")) as endpoint:
        killed(endpoint, tmp_path, "a", "b", "c", answered=2)
        endpoint.default = by_prompt()
        with Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
            spent = gateway.spent()
            assert (spent.requests, spent.unknown) == (2, 1)
            most = 1 + 64 + 16  # of the one that nobody knows about
            assert spent.input_tokens + spent.output_tokens == 2 * 15 + most
            assert spent.dollars == pytest.approx((2 * 10 + 65 + (2 * 5 + 16) * 10) / 1e6)
            assert sum(spent.latency) == 2
            assert [text_of(post(gateway, body_of(text))) for text in "abc"] == ["To a.", "To b.", "To c."]
            assert (gateway.spent().requests, gateway.spent().replayed, gateway.spent().unknown) == (3, 2, 1)
    asked = sorted(body["messages"][0]["content"] for body in endpoint.bodies)
    assert asked == ["a", "b", "c", "c"]


def test_what_the_site_knows_and_what_the_journal_knows(tmp_path: Path) -> None:
    """A killed session told the site less than it did; another host may have gone on since."""
    with hostile.serving(by_prompt(slow="c")) as endpoint:
        killed(endpoint, tmp_path, "a", "b", "c", answered=2, told=Spent(requests=5, input_tokens=100, dollars=1.0))
        for told, requests, unknown in (
            (Spent(requests=6, input_tokens=110, dollars=1.1), 7, 1),
            (Spent(requests=90, input_tokens=9_000, dollars=9.0, errors={"429": 3}), 90, 0),
        ):
            with Gateway(spec_of(endpoint, spent=told), journal=tmp_path, limits=HASTY) as gateway:
                assert (gateway.spent().requests, gateway.spent().unknown) == (requests, unknown)


def test_a_session_that_ends_counts_what_was_under_way(tmp_path: Path) -> None:
    with hostile.serving(hostile.hang(60)) as endpoint:
        gateway = Gateway(spec_of(endpoint), journal=tmp_path)
        with gateway, ThreadPoolExecutor(1) as pool:
            pool.submit(post, gateway)  # its connection breaks
            while not endpoint.calls:
                time.sleep(0.01)
            gateway.__exit__(None, None, None)
        assert (gateway.spent().unknown, gateway.spent().requests, gateway.spent().errors) == (1, 0, {})
        with Gateway(spec_of(endpoint), journal=tmp_path) as again:
            assert again.spent() == gateway.spent()


def test_equal_requests_at_once_are_one(tmp_path: Path) -> None:
    with (
        hostile.serving(hostile.slow(0.3, hostile.chat("Once."))) as endpoint,
        Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway,
        ThreadPoolExecutor(5) as pool,
    ):
        texts = list(pool.map(lambda _: text_of(post(gateway)), range(5)))
        assert texts == ["Once."] * 5
        assert (gateway.spent().requests, gateway.spent().replayed) == (1, 4)
    assert len(endpoint.calls) == 1


def test_a_caller_that_goes_away_stops_nothing(tmp_path: Path) -> None:
    with (
        hostile.serving(hostile.slow(0.5, hostile.chat("Late."))) as endpoint,
        Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway,
    ):
        with pytest.raises(httpx.ReadTimeout):
            post(gateway, timeout=0.2)
        assert text_of(post(gateway)) == "Late."
        assert gateway.spent().requests == 1
    assert len(endpoint.calls) == 1


@pytest.mark.parametrize(
    "change",
    [{"parity_pass": 1}, {"max_tokens": 17}, {"stop": ["x"]}, {"seed": 2}, {"messages": body_of("Ho")["messages"]}],
)
def test_different_requests_have_answers_of_their_own(tmp_path: Path, change: dict[str, Any]) -> None:
    with hostile.serving() as endpoint, Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
        for body in (body_of(), body_of(**change), body_of(), body_of(temperature=1, model="y")):
            post(gateway, body)
        assert gateway.spent().replayed == 2
    assert len(endpoint.calls) == 2


def test_other_sampling_is_another_request(tmp_path: Path) -> None:
    with hostile.serving() as endpoint:
        for sampling in (Sampling(), Sampling(temperature=None), Sampling(stop=False), Sampling(max_tokens=5)):
            with Gateway(spec_of(endpoint, sampling=sampling), journal=tmp_path, limits=HASTY) as gateway:
                post(gateway)
    assert len(endpoint.calls) == 4


def test_without_a_journal_everything_is_asked(tmp_path: Path) -> None:
    with hostile.serving() as endpoint, Gateway(spec_of(endpoint), journal=None, limits=HASTY) as gateway:
        for _ in range(3):
            post(gateway)
        assert (gateway.spent().requests, gateway.spent().replayed) == (3, 0)
    assert len(endpoint.calls) == 3


def test_texts_come_back_exactly(tmp_path: Path) -> None:
    text = 'NUL \0, quotes ", \u2028, 😀, half of one \ud83d'
    with hostile.serving(hostile.chat(text)) as endpoint:
        for _ in range(2):
            with Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
                assert text_of(post(gateway)) == text
    assert len(endpoint.calls) == 1


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "here"
    with hostile.serving() as endpoint, Gateway(spec_of(endpoint), journal=folder, limits=HASTY) as gateway:
        post(gateway)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


def test_damaged_lines_are_asked_again_and_the_rest_is_kept(tmp_path: Path) -> None:
    with hostile.serving(by_prompt()) as endpoint:
        with Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
            for text in "ab":
                post(gateway, body_of(text))
        path = tmp_path / FILE
        lines = path.read_bytes().splitlines(keepends=True)
        answers = [index for index, line in enumerate(lines) if b'"answer:' in line]
        lines[answers[0]] = lines[answers[0]].replace(b"To a", b"To z")
        path.write_bytes(b"".join(lines) + b'deadbeef ["sent:')
        with Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
            assert (gateway.spent().requests, gateway.spent().unknown) == (1, 1)
            assert [text_of(post(gateway, body_of(text))) for text in "ab"] == ["To a.", "To b."]
        assert len(endpoint.calls) == 3
        with Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
            assert gateway.spent().requests == 2


def test_a_full_disk_ends_the_run_before_more_is_paid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Ledger, name: str, value: Any) -> None:
        raise OSError(28, "No space left on device")

    with hostile.serving() as endpoint, Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
        monkeypatch.setattr(Ledger, "write", full)
        reply = post(gateway)
        assert reply.status_code == 503
        assert "No space left on device" in reply.json()["error"]["message"]
        ended = gateway.ended()
        assert ended is not None
        assert (ended.kind, ended.code) == ("platform", "journal_failed")
    assert endpoint.calls == []


def test_two_attempts_of_a_job_on_one_host_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluator.gateway.ledger.HELD_SECONDS", 0.3)
    with hostile.serving() as endpoint:
        first, second = (Gateway(spec_of(endpoint), journal=tmp_path) for _ in range(2))
        with first, pytest.raises(OSError, match="in use by another attempt"):
            second.__enter__()
        with Gateway(spec_of(endpoint), journal=tmp_path) as third:
            assert text_of(post(third)) == "Hello."


def test_many_answers_share_their_way_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    slow = threading.Event()

    def sync(file: int) -> None:
        flushed.append(file)
        slow.wait(0.1)

    with hostile.serving(hostile.chat("Hi")) as endpoint:
        gateway = Gateway(spec_of(endpoint, concurrency=64), journal=tmp_path, limits=HASTY)
        with gateway, ThreadPoolExecutor(40) as pool:
            post(gateway)
            monkeypatch.setattr("evaluator.gateway.ledger.os.fsync", sync)
            bodies = [body_of(str(number)) for number in range(40)]
            assert {text_of(reply) for reply in pool.map(lambda body: post(gateway, body), bodies)} == {"Hi"}
        assert 1 <= len(flushed) < 30


def test_a_disk_that_loses_what_was_written_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(file: int) -> None:
        raise OSError(5, "Input/output error")

    with hostile.serving() as endpoint, Gateway(spec_of(endpoint), journal=tmp_path, limits=HASTY) as gateway:
        monkeypatch.setattr("evaluator.gateway.ledger.os.fsync", broken)
        assert text_of(post(gateway, body_of("a"))) == "Hello."
        reply = post(gateway, body_of("b"))
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "journal_failed")
    assert len(endpoint.calls) == 1
