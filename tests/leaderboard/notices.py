"""What tests of notices share: a webhook of a receiver on loopback, and bells that ring without a broker."""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings as site
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings as DjangoSettings

from evaluator.addresses import Allowed
from leaderboard.actions import ring
from leaderboard.actions.deliver import deliver
from leaderboard.actions.transitions import move_submission
from leaderboard.actions.webhooks import add_webhook
from leaderboard.celery import app
from leaderboard.models import Delivery, Outbox, Owner, Submission, Webhook
from tests.receiver import Receiver

Make = Callable[..., Submission]


def hook(settings: DjangoSettings, owner: Owner, receiver: Receiver) -> tuple[Webhook, str]:
    """A webhook that an operator's exception lets reach loopback, and its secret."""
    settings.ENDPOINT_ALLOW = Allowed.parse(f"127.0.0.1:{receiver.port}")
    return add_webhook(owner=owner, url=receiver.url)


def end(row: Submission, after: str = "cancelled", before: str = "queued", **changes: object) -> None:
    """By the real transition."""
    with transaction.atomic():
        move_submission(submission=row.pk, before=before, after=after, actor="test", **changes)


def due() -> None:
    """Let the waits be over."""
    Outbox.objects.update(ring_after=timezone.now() - timedelta(seconds=1))


def ring_all(rounds: int = 1) -> None:
    """Ring what is due, `rounds` times, and do at once what the messages ask for."""
    stock = app.send_task

    def do(name: str, args: list[int], queue: str, **_: object) -> None:
        assert (name, queue) == ("leaderboard.deliver", "notices")
        deliver(delivery=args[0])

    app.send_task = do
    try:
        for _ in range(rounds):
            due()
            ring.ring_due()
    finally:
        app.send_task = stock


def only() -> Delivery:
    return Delivery.objects.get()


TRIES = len(site.NOTICE_WAITS) + 1
