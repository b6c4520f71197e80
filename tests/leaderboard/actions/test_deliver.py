"""Webhooks, over real HTTP to a receiver on loopback."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from pytest_django import Settings as DjangoSettings
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from evaluator.addresses import Allowed
from leaderboard.actions import deliver as delivering
from leaderboard.actions.deliver import HOLD, claim, deliver
from leaderboard.actions.errors import Conflict, NotFound
from leaderboard.actions.notify import redeliver
from leaderboard.actions.webhooks import add_webhook, disable_webhook
from leaderboard.models import Delivery, Event, Outbox, Owner, Submission, Webhook
from tests import receiver as receiving
from tests.leaderboard.notices import TRIES, Make, end, hook, only, ring_all
from tests.receiver import Receiver

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving.listening() as listener:
        yield listener


@pytest.fixture
def hooked(settings: DjangoSettings, owner: Owner, receiver: Receiver) -> tuple[Webhook, str]:
    return hook(settings, owner, receiver)


@pytest.fixture
def ended(hooked: tuple[Webhook, str], make_submission: Make) -> Submission:
    """A submission that has just ended, with its delivery waiting."""
    row = make_submission()
    end(row)
    return row


def rung() -> int:
    """The delivery's pk, its bell rung once, as a message finds it."""
    Outbox.objects.update(rings=1)
    return only().pk


def test_a_message_verifies_with_the_receivers_library(
    receiver: Receiver, hooked: tuple[Webhook, str], make_submission: Make
) -> None:
    row = make_submission()
    end(row, "failed", error_code="out_of_memory", error_message="It did not fit.\u202e")
    ring_all()
    (call,) = receiver.calls
    assert call.line == "POST /hook?for=parity HTTP/1.1"
    assert call.headers["content-type"] == "application/json"
    said = Verifier(hooked[1]).verify(call.body, call.headers)
    assert said["type"] == "submission.failed"
    assert said["data"] == {
        "id": row.pk, "state": "failed", "model": "org/model", "suite": "tiny@1", "score": None, "stderr": None,
        "url": f"http://127.0.0.1:8000/submissions/{row.pk}",
        "error": {"code": "out_of_memory", "message": "It did not fit.\u202e"},
    }  # fmt: skip
    row.refresh_from_db()
    assert parse_datetime(said["timestamp"]) == row.finished_at
    delivery = only()
    assert (delivery.state, delivery.tries, delivery.last_status, delivery.last_error) == ("delivered", 1, 204, "")
    assert delivery.ended_at is not None
    assert call.headers["webhook-id"] == f"msg_{delivery.key.hex}"
    assert not Outbox.objects.exists()


def test_another_secret_or_a_changed_body_does_not_verify(
    receiver: Receiver, hooked: tuple[Webhook, str], ended: Submission, owner: Owner
) -> None:
    ring_all()
    (call,) = receiver.calls
    _, other = add_webhook(owner=owner, url="https://other.example.org/")
    for secret, body in ((other, call.body), (hooked[1], call.body.replace(b"cancelled", b"succeeded"))):
        with pytest.raises(WebhookVerificationError):
            Verifier(secret).verify(body, call.headers)


def test_a_success_tells_its_score(receiver: Receiver, hooked: tuple[Webhook, str], make_submission: Make) -> None:
    row = make_submission()
    Submission.objects.filter(pk=row.pk).update(state="scoring")
    end(row, "succeeded", "scoring", score=61.25, stderr=1.5)
    ring_all()
    data = json.loads(receiver.calls[0].body)["data"]
    assert (data["state"], data["score"], data["stderr"], data["error"]) == ("succeeded", 61.25, 1.5, None)


def test_a_failed_try_is_repeated_with_the_same_id_and_a_fresh_signature(
    receiver: Receiver, hooked: tuple[Webhook, str], ended: Submission
) -> None:
    receiver.answers += [receiving.status(500), receiving.status(302, "Location: https://169.254.169.254/")]
    for status in (500, 302):
        ring_all()
        delivery = only()
        assert (delivery.state, delivery.last_status) == ("waiting", status)
        assert delivery.ended_at is None
    ring_all()
    assert (only().state, only().tries, len(receiver.calls)) == ("delivered", 3, 3)
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1
    assert len({call.body for call in receiver.calls}) == 1
    for call in receiver.calls:
        Verifier(hooked[1]).verify(call.body, call.headers)


def test_the_waits_grow_and_the_last_failed_try_ends_it(
    receiver: Receiver, ended: Submission, settings: DjangoSettings, owner: Owner
) -> None:
    receiver.answers += [receiving.status(503)] * TRIES
    for wait in settings.NOTICE_WAITS:
        before = timezone.now()
        ring_all()
        armed = Outbox.objects.get()
        assert armed.rings == 0
        assert 0.79 * wait < (armed.ring_after - before).total_seconds() < 1.21 * wait + 5
        assert only().state == "waiting"
    ring_all()
    delivery = only()
    assert (delivery.state, delivery.tries, delivery.last_error) == ("dead", TRIES, "It answered 503.")
    assert len(receiver.calls) == TRIES
    assert not Outbox.objects.exists()
    ring_all(3)
    assert len(receiver.calls) == TRIES


def test_waits_differ_from_delivery_to_delivery(receiver: Receiver, ended: Submission) -> None:
    waits = set()
    for _ in range(4):
        Delivery.objects.update(tries=1)
        receiver.answers.append(receiving.status(500))
        ring_all()
        waits.add(round((Outbox.objects.get().ring_after - timezone.now()).total_seconds(), 1))
    assert len(waits) > 1


def test_a_message_that_comes_before_its_time_does_nothing(receiver: Receiver, ended: Submission) -> None:
    receiver.answers.append(receiving.status(500))
    ring_all()
    deliver(delivery=only().pk)  # doubled by the broker, or an hour late
    assert len(receiver.calls) == 1
    assert only().tries == 1


def test_a_claim_keeps_others_away_until_it_is_old(receiver: Receiver, ended: Submission) -> None:
    """The process dies between sending and noting it: the message comes again, with the same id."""
    first = claim(delivery=rung())
    assert first is not None
    assert Outbox.objects.get().ring_after - timezone.now() > HOLD / 2
    deliver(delivery=first[0].pk)
    assert receiver.calls == []
    ring_all()
    assert receiver.calls[0].headers["webhook-id"] == f"msg_{first[0].key.hex}"
    assert (only().state, only().tries) == ("delivered", 2)


@pytest.mark.django_db(transaction=True)
def test_of_bells_that_ring_at_once_one_sends(receiver: Receiver, ended: Submission) -> None:
    receiver.answers += [receiving.drip(b"HTTP/1.1 20", seconds=0.2)]
    pk = rung()
    barrier = threading.Barrier(6)

    def ring_once() -> None:
        barrier.wait()
        deliver(delivery=pk)
        connections.close_all()

    threads = [threading.Thread(target=ring_once) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.calls) == 1
    assert only().tries == 1


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_it_is_sent(ended: Submission, monkeypatch: pytest.MonkeyPatch) -> None:
    stock, seen = delivering.attempt, []

    def attempt(*given: object) -> object:
        seen.append(connection.in_atomic_block)
        return stock(*given)

    monkeypatch.setattr(delivering, "attempt", attempt)
    deliver(delivery=rung())
    assert seen == [False]
    assert only().state == "delivered"


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "], ids=["nothing", "endless head"])
def test_a_slow_receiver_is_bounded(
    receiver: Receiver, ended: Submission, settings: DjangoSettings, start: bytes
) -> None:
    settings.NOTICE_SECONDS = 0.5
    receiver.answers.append(receiving.drip(start))
    began = time.monotonic()
    ring_all()
    assert time.monotonic() - began < 3
    assert (only().state, only().last_error) == ("waiting", "It did not answer within 0.5 s.")


def test_bodies_are_not_read_however_large_or_slow(
    receiver: Receiver, hooked: tuple[Webhook, str], make_submission: Make
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"
    receiver.answers += [receiving.huge(10_000_000), receiving.drip(head)]
    began = time.monotonic()
    for name in ("org/one", "org/two"):
        end(make_submission(name))
    ring_all()
    assert time.monotonic() - began < 3
    assert list(Delivery.objects.values_list("state", "last_status")) == [("delivered", 200)] * 2


def test_redirections_are_not_followed(receiver: Receiver, ended: Submission) -> None:
    with receiving.listening() as inside:
        receiver.answers.append(receiving.status(307, f"Location: {inside.url}"))
        ring_all()
        assert inside.calls == []
    assert only().last_error == "It answered 307; redirections are not followed."


def test_a_private_address_is_refused_at_delivery_and_the_dead_letter_says_so(
    owner: Owner, make_submission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its form was fine when it was added; its name leads inside now."""
    add_webhook(owner=owner, url="https://hooks.example.org/in")
    monkeypatch.setattr("evaluator.addresses.pinned.system_lookup", lambda host, port: ["93.184.216.34", "10.0.0.7"])
    end(make_submission())
    ring_all()
    delivery = only()
    assert (delivery.state, delivery.tries) == ("dead", 1)
    assert delivery.last_error == "hooks.example.org is refused: 10.0.0.7 is private."


def test_an_operators_exception_that_was_taken_back_counts_no_longer(
    receiver: Receiver, ended: Submission, settings: DjangoSettings
) -> None:
    settings.ENDPOINT_ALLOW = Allowed()
    ring_all()
    assert receiver.calls == []
    assert (only().state, only().last_error) == ("dead", "127.0.0.1 is only contacted over https://.")


def test_a_name_without_an_address_is_tried_again(
    owner: Owner, make_submission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    monkeypatch.setattr("evaluator.addresses.pinned.system_lookup", none)
    add_webhook(owner=owner, url="https://hooks.example.org/in")
    end(make_submission())
    ring_all()
    assert only().state == "waiting"
    assert "hooks.example.org has no address" in only().last_error


def test_nobody_listening_is_tried_again(hooked: tuple[Webhook, str], ended: Submission, receiver: Receiver) -> None:
    Webhook.objects.update(url="http://127.0.0.1:1/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.ENDPOINT_ALLOW", Allowed.parse("127.0.0.1"))
        ring_all()
    assert only().state == "waiting"
    assert only().last_error.startswith("It could not be reached: ")


def test_410_disables_the_webhook_and_gives_up_what_waits(
    receiver: Receiver, hooked: tuple[Webhook, str], make_submission: Make
) -> None:
    for name in ("org/one", "org/two"):
        end(make_submission(name))
    receiver.answers.append(receiving.status(410))
    ring_all()
    assert len(receiver.calls) == 1
    gone = "It answered 410 Gone, so the webhook was disabled."
    assert set(Delivery.objects.values_list("state", "last_error")) == {("dead", gone)}
    assert sorted(Delivery.objects.values_list("last_status", flat=True), key=str) == [410, None]
    assert Webhook.objects.get().disabled_at is not None
    assert not Outbox.objects.exists()
    end(make_submission("org/three"))
    assert Delivery.objects.count() == 2


def test_a_secret_that_no_key_opens_is_told_in_words_and_tried_again(
    receiver: Receiver, ended: Submission, settings: DjangoSettings
) -> None:
    settings.SECRET_KEY = "another" * 10
    ring_all()
    assert receiver.calls == []
    assert only().state == "waiting"
    assert "cannot be decrypted" in only().last_error


def test_a_mistake_of_ours_does_not_stop_the_retries(
    ended: Submission, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("leaderboard.messages.event", lambda row: 1 / 0)
    ring_all()
    assert only().state == "waiting"
    assert only().last_error == "It could not be sent (ZeroDivisionError); the site's log has the details."
    assert "ZeroDivisionError" in caplog.text


def test_the_secret_is_nowhere_but_sealed(
    receiver: Receiver, hooked: tuple[Webhook, str], ended: Submission, caplog: pytest.LogCaptureFixture
) -> None:
    webhook, secret = hooked
    bare = secret.removeprefix("whsec_")
    receiver.answers += [receiving.status(500)]
    with caplog.at_level(logging.DEBUG):
        ring_all(2)
    assert caplog.records
    rows = [list(kind.objects.values()) for kind in (Webhook, Delivery, Event, Outbox, Submission)]
    sent = [(call.line, call.headers, call.body) for call in receiver.calls]
    for place in (caplog.text, str(rows), repr(webhook), str(webhook), repr(only()), str(only()), str(sent)):
        assert place and bare not in place


def test_what_was_overtaken_is_not_noted_as_the_new_one(
    receiver: Receiver, hooked: tuple[Webhook, str], make_submission: Make
) -> None:
    """A success is held back while its first message is on its way."""
    row = make_submission()
    Submission.objects.filter(pk=row.pk).update(state="scoring")
    end(row, "succeeded", "scoring", score=50.0)
    old = claim(delivery=rung())
    assert old is not None
    end(row, "quarantined", "succeeded")
    delivering.settle(row=old[0], outcome=delivering.Outcome(delivered=True, status=200))
    assert (only().state, only().tries, only().last_status) == ("waiting", 0, None)
    ring_all()
    (call,) = receiver.calls
    assert call.headers["webhook-id"] == f"msg_{only().key.hex}" != f"msg_{old[0].key.hex}"
    assert json.loads(call.body)["type"] == "submission.quarantined"
    assert json.loads(call.body)["data"]["score"] is None


def test_a_dead_delivery_is_sent_again_with_its_id(receiver: Receiver, ended: Submission, owner: Owner) -> None:
    receiver.answers += [receiving.status(500)] * TRIES
    ring_all(TRIES)
    key = only().key
    assert redeliver(delivery=only().pk, owner=owner).state == "waiting"
    ring_all()
    assert (only().state, only().tries, only().key) == ("delivered", 1, key)
    with pytest.raises(Conflict, match="not dead"):
        redeliver(delivery=only().pk, owner=owner)


def test_only_its_owner_sends_again_and_only_to_an_active_webhook(
    hooked: tuple[Webhook, str], ended: Submission, owner: Owner
) -> None:
    other = Owner.objects.create(kind="organisation", name="other")
    disable_webhook(webhook=hooked[0].pk, owner=owner)
    assert only().state == "dead"
    with pytest.raises(NotFound):
        redeliver(delivery=only().pk, owner=other)
    with pytest.raises(Conflict, match="disabled"):
        redeliver(delivery=only().pk, owner=owner)


def test_a_delivery_that_is_gone_leaves_no_bell() -> None:
    Outbox.objects.create(
        kind="deliver", subject=99, queue="notices", ring_after=timezone.now() - timedelta(1), rings=1
    )
    deliver(delivery=99)
    assert not Outbox.objects.exists()
