"""Webhooks of an owner: add, disable, and seal their secrets anew after a change of the site's key."""

import logging

from django.conf import settings as site
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from evaluator.addresses import AddressRefused, check_url
from leaderboard import messages, sealing
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.models import Delivery, Outbox, Owner, Webhook

log = logging.getLogger(__name__)

MOST = 10
"""Active webhooks of one owner."""
URL_LIMIT = 500
DISABLED = "The webhook was disabled."


@transaction.atomic
def add_webhook(*, owner: Owner, url: str) -> tuple[Webhook, str]:
    """A webhook and its secret, which is told this once; raises Refused, Conflict.

    The form of the address is checked now; what its name resolves to is checked at each delivery.
    """
    try:
        url = check_url(url.strip(), site.ENDPOINT_ALLOW).url
    except AddressRefused as error:
        raise Refused(error.code, error.message, field="url") from error
    if len(url) > URL_LIMIT:
        raise Refused("bad_url", f"The address has more than {URL_LIMIT} characters.", field="url")
    Owner.objects.select_for_update(no_key=True).get(pk=owner.pk)  # two at once count one after the other
    if Webhook.objects.filter(owner=owner, disabled_at=None).count() >= MOST:
        raise Conflict("too_many_webhooks", f"You have {MOST} webhooks; disable one first.")
    secret = messages.new_secret()
    try:
        with transaction.atomic():
            sealed = sealing.seal(secret, purpose=messages.SEAL)
            return Webhook.objects.create(owner=owner, url=url, secret=sealed), secret
    except IntegrityError:
        raise Conflict("duplicate_webhook", "You have a webhook with this address already.", field="url") from None


@transaction.atomic
def disable_webhook(*, webhook: int, owner: Owner) -> None:
    """Send nothing more to one of `owner`'s webhooks; raises NotFound (also for others' ones and disabled ones)."""
    if not Webhook.objects.filter(pk=webhook, owner=owner, disabled_at=None).exists():
        raise NotFound("unknown_webhook", f"You have no active webhook {webhook}.")
    end_webhook(webhook=webhook, reason=DISABLED)


def end_webhook(*, webhook: int, reason: str) -> None:
    """Disable a webhook and give up what waits for it. Runs in the caller's transaction.

    Locks the webhook, then its deliveries in their order, then their bells.
    """
    Webhook.objects.filter(pk=webhook, disabled_at=None).update(disabled_at=Now())
    waiting = Delivery.objects.select_for_update().filter(webhook=webhook, state=Delivery.State.WAITING).order_by("pk")
    ended = [delivery.pk for delivery in waiting]
    Delivery.objects.filter(pk__in=ended).update(state=Delivery.State.DEAD, last_error=reason, ended_at=Now())
    Outbox.objects.filter(kind=Outbox.Kind.DELIVER, subject__in=ended).delete()


def reseal_webhooks() -> int:
    """Seal every secret with the newest key, so that older ones can leave PARITY_SECRET_KEY_FALLBACKS; returns how
    many. A secret that no key opens stays as it is: its deliveries say so."""
    done = 0
    for webhook in Webhook.objects.filter(disabled_at=None):
        try:
            again = sealing.renewed(webhook.secret, purpose=messages.SEAL)
        except sealing.SealError as error:
            log.warning("Webhook %s: %s", webhook.pk, error)
            continue
        done += Webhook.objects.filter(pk=webhook.pk, secret=webhook.secret).update(secret=again)
    return done
