"""Tell an owner that a submission has ended: one delivery a webhook, one an e-mail address.

A submission that ends again (one that was held back, or is withdrawn) is told again, by the same rows with a new key:
what had not arrived by then is overtaken, and receivers do not take it for a repetition.
"""

import uuid
from typing import Any

from django.conf import settings as site
from django.db import transaction
from django.db.models.functions import Now

from leaderboard.actions import ring
from leaderboard.actions.errors import Conflict, NotFound
from leaderboard.models import Delivery, Outbox, Owner, Submission, Webhook

AFRESH = {"state": Delivery.State.WAITING, "tries": 0, "last_status": None, "last_error": "", "ended_at": None}
QUEUE = "notices"
"""A queue of its own: receivers may be slow, and nothing else waits behind them."""


def announce(*, submission: int) -> None:
    """Write what has to be told about a submission that has just ended. Runs in the caller's transaction.

    Of a workload's nothing is told: its bake-off has a page of its own, which messages do not name.
    """
    row = Submission.everything.select_related("submitter", "suite").get(pk=submission)
    if row.suite.owner_id is not None:
        return
    for webhook in Webhook.objects.filter(owner=row.owner_id, disabled_at=None).order_by("pk"):
        tell(submission=row, webhook=webhook)
    person = row.submitter
    if site.SENDS_MAIL and person is not None and person.is_active and person.mail_when_done and person.email:
        tell(submission=row, email=person.email)


def tell(*, submission: Submission, **place: Any) -> None:
    """Start a delivery to one place, over again if there was one. Runs in the caller's transaction."""
    delivery, _ = Delivery.objects.update_or_create(
        submission=submission, **place, defaults={**AFRESH, "key": uuid.uuid4(), "created_at": Now()}
    )
    ring.enqueue(kind=Outbox.Kind.DELIVER, subject=delivery.pk, queue=QUEUE)


@transaction.atomic
def redeliver(*, delivery: int, owner: Owner) -> Delivery:
    """Try a dead delivery again, from the first wait on; raises NotFound (also for others' deliveries), Conflict.

    Its key stays: whoever got it after all knows it again.
    """
    row = Delivery.objects.select_related("webhook").filter(pk=delivery, submission__owner=owner).first()
    if row is None:
        raise NotFound("unknown_delivery", f"You have no delivery {delivery}.")
    if row.webhook is not None and row.webhook.disabled_at is not None:
        raise Conflict("webhook_disabled", f"The webhook of delivery {delivery} is disabled; add its address again.")
    if not Delivery.objects.filter(pk=row.pk, state=Delivery.State.DEAD).update(**AFRESH):
        raise Conflict("not_dead", f"Delivery {delivery} is not dead: it arrived, or it is still being tried.")
    ring.enqueue(kind=Outbox.Kind.DELIVER, subject=row.pk, queue=QUEUE)
    row.refresh_from_db()
    return row
