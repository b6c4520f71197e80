from datetime import timedelta
from inspect import signature

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from leaderboard.actions import ring
from leaderboard.celery import app
from leaderboard.models import Outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, str]]:
    """What would have gone to the broker. The broker itself is in the journey's test."""
    messages: list[tuple[str, int, str]] = []

    def send(name: str, args: list[int], queue: str, **_: object) -> None:
        messages.append((name, args[0], queue))

    monkeypatch.setattr(app, "send_task", send)
    return messages


def test_each_kind_has_its_task_and_queue(sent: list[tuple[str, int, str]]) -> None:
    for kind, queue in (("validate", "site"), ("score", "site"), ("deliver", "notices"), ("job", "gpu")):
        ring.enqueue(kind=kind, subject=7, queue=queue)
    Outbox.objects.update(ring_after=timezone.now() - timedelta(seconds=1))
    assert ring.ring_due() == 4
    assert sorted(sent) == [
        ("evaluator.doorbell", 7, "jobs.gpu"),
        ("leaderboard.deliver", 7, "notices"),
        ("leaderboard.score", 7, "site"),
        ("leaderboard.validate", 7, "site"),
    ]


def test_every_task_that_is_rung_for_is_there_and_takes_its_subject() -> None:
    app.loader.import_default_modules()
    for name in ring.TASKS.values():
        signature(app.tasks[name].run).bind(7)


def test_held_work_is_taken_once_a_ring(sent: list[tuple[str, int, str]]) -> None:
    ring.enqueue(kind="deliver", subject=7, queue="notices")
    hold = {"kind": "deliver", "subject": 7, "seconds": timedelta(minutes=1)}
    assert not ring.hold(**hold)
    ring.ring(bell=Outbox.objects.get().pk)
    assert ring.hold(**hold)
    assert not ring.hold(**hold)
    assert ring.ring_due() == 0
    ring.silence(kind="deliver", subject=7)
    assert not Outbox.objects.exists()


def test_a_rung_bell_stays_and_rings_again_only_later(sent: list[tuple[str, int, str]]) -> None:
    ring.enqueue(kind="validate", subject=7)
    bell = Outbox.objects.get()
    assert ring.ring(bell=bell.pk)
    assert ring.ring_due() == 0
    bell.refresh_from_db()
    assert bell.rings == 1
    Outbox.objects.update(ring_after=timezone.now() - timedelta(seconds=1))
    assert ring.ring_due() == 1
    assert len(sent) == 2


def test_a_delayed_bell_waits(sent: list[tuple[str, int, str]]) -> None:
    ring.enqueue(kind="job", subject=7, queue="cpu", delay=timedelta(minutes=1))
    assert ring.ring_due() == 0
    assert sent == []


def test_a_bell_whose_work_was_taken_is_silent(sent: list[tuple[str, int, str]]) -> None:
    assert ring.ring(bell=99)
    assert sent == []


def test_with_the_broker_away_nothing_is_lost_and_the_round_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def refuse(name: str, **_: object) -> None:
        calls.append(name)
        raise OperationalError("the broker is away")

    monkeypatch.setattr(app, "send_task", refuse)
    ring.enqueue(kind="validate", subject=1)
    ring.enqueue(kind="validate", subject=2)
    Outbox.objects.update(ring_after=timezone.now() - timedelta(seconds=1))
    assert ring.ring_due() == 0
    assert len(calls) == 1
    assert Outbox.objects.count() == 2
