"""How many jobs a worker does at once, and what the hand that is always free is for."""

import threading

import pytest

from evaluator import config, jobs, worker
from evaluator.contract import ClaimRequest

API = {"PARITY_WORKER_QUEUES": "api", "PARITY_WORKER_ENGINES": "endpoint"}


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> config.Config:
    for name in ("PARITY_WORKER_QUEUES", "PARITY_WORKER_ENGINES", "PARITY_WORKER_SLOTS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"PARITY_URL": "http://site", "PARITY_WORKER_TOKEN": "t", **variables}.items():
        monkeypatch.setenv(name, value)
    return config.from_environment()


def test_a_worker_that_only_asks_has_slots_and_a_hand_for_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = settings(monkeypatch, **API)
    assert (asking.queues, asking.engines, asking.slots, worker.threads(asking)) == (("api",), ("endpoint",), 4, 5)
    assert settings(monkeypatch, **API, PARITY_WORKER_SLOTS="1").slots == 1


def test_a_worker_that_computes_does_one_job_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    computing = settings(monkeypatch, PARITY_WORKER_SLOTS="8")
    assert (computing.slots, worker.threads(computing)) == (1, 1)
    both = settings(monkeypatch, PARITY_WORKER_QUEUES="cpu,api", PARITY_WORKER_SLOTS="8")
    assert (both.slots, worker.threads(both)) == (1, 2)


@pytest.mark.parametrize("given", ["0", "-1", "many", "1.5", "257", "²"])
def test_a_number_that_is_none(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    with pytest.raises(config.ConfigError, match="PARITY_WORKER_SLOTS"):
        settings(monkeypatch, **API, PARITY_WORKER_SLOTS=given)


def test_without_a_slot_only_looks_are_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    claims: list[ClaimRequest] = []

    class Site:
        def claim(self, said: ClaimRequest, *, wait: int) -> str | None:
            claims.append(said)
            return "a job" if len(claims) == 1 else None

    def work(site: Site, *_: object) -> None:
        assert not worker.claim_and_work(site, asking)  # type: ignore[arg-type]

    asking = settings(monkeypatch, **API)
    monkeypatch.setattr(worker, "slots", threading.Semaphore(1))
    monkeypatch.setattr(jobs, "work", work)
    assert worker.claim_and_work(Site(), asking)  # type: ignore[arg-type]
    assert [said.looks_only for said in claims] == [False, True]
    assert worker.slots.acquire(blocking=False), "the slot is free again"
