"""Send what has to be told: at least once, with a signature, and with no transaction open meanwhile.

Three steps: `claim` takes the delivery and holds its bell, so that of two bells that ring at once one sends; `send`
talks to the network; `settle` notes how it went. A process that dies between the last two leaves a delivery whose bell
rings again once it is held no longer: the receiver gets the message a second time, with the same webhook-id.
"""

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPResponseException

import httpx
from django.conf import settings as site
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models.functions import Now

from evaluator import addresses
from leaderboard import messages, sealing
from leaderboard.actions import ring
from leaderboard.actions.notify import QUEUE
from leaderboard.actions.text import storable
from leaderboard.actions.webhooks import DISABLED, end_webhook
from leaderboard.models import Delivery, Outbox, Webhook

log = logging.getLogger(__name__)

HOLD = timedelta(seconds=60)
"""How long one claim keeps others away: longer than any try takes."""
BELL = Outbox.Kind.DELIVER


@dataclass(frozen=True)
class Outcome:
    """How a try ended. `hopeless`: another one would end the same way. `gone`: the receiver wants no more."""

    delivered: bool = False
    status: int | None = None
    error: str = ""
    hopeless: bool = False
    gone: bool = False


def deliver(*, delivery: int) -> None:
    """Try a waiting delivery once; does nothing when it is being tried, has ended, or its time has not come."""
    claimed = claim(delivery=delivery)
    if claimed is None:
        return
    row, at = claimed
    outcome = attempt(row, at)
    settle(row=row, outcome=outcome)


@transaction.atomic
def claim(*, delivery: int) -> tuple[Delivery, datetime] | None:
    """The delivery, this try counted, and the time; None when there is nothing to do for this bell."""
    row = (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("webhook", "submission__suite")
        .annotate(now=Now())
        .filter(pk=delivery)
        .first()
    )
    if row is None or row.state != Delivery.State.WAITING:
        ring.silence(kind=BELL, subject=delivery)
        return None
    if not ring.hold(kind=BELL, subject=delivery, seconds=HOLD):
        return None
    row.tries += 1
    Delivery.objects.filter(pk=row.pk).update(tries=row.tries)
    return row, row.now


def attempt(row: Delivery, at: datetime) -> Outcome:
    """Send it; whatever goes wrong becomes the outcome."""
    try:
        return post(row, row.webhook, at) if row.webhook is not None else mail(row)
    except addresses.AddressRefused as error:
        return Outcome(error=error.message, hopeless=True)
    except sealing.SealError as error:
        return Outcome(error=str(error))
    except httpx.HTTPError as error:
        return Outcome(error=words(error))
    except Exception as error:  # no delivery is tried for ever because of a mistake of ours
        log.exception("Delivery %s went wrong.", row.pk)
        return Outcome(error=f"It could not be sent ({type(error).__name__}); the site's log has the details.")


def post(row: Delivery, webhook: Webhook, at: datetime) -> Outcome:
    """One signed request. Only the head of the reply is read: its body may be huge, slow, or none of our business."""
    if webhook.disabled_at is not None:
        return Outcome(error=DISABLED, hopeless=True)
    body = messages.event(row.submission)
    secret = sealing.unseal(webhook.secret, purpose=messages.SEAL)
    headers = messages.signed(secret=secret, key=row.key, at=int(at.timestamp()), body=body)
    headers |= {"Content-Type": "application/json", "User-Agent": f"Parity (+{site.PARITY_URL})", "Connection": "close"}
    seconds = site.NOTICE_SECONDS
    with (
        addresses.client(site.ENDPOINT_ALLOW, seconds=seconds, step_seconds=seconds) as http,
        http.stream("POST", webhook.url, content=body, headers=headers) as reply,
    ):
        return judged(reply.status_code)


def judged(status: int) -> Outcome:
    """What a receiver's status means."""
    if 200 <= status < 300:
        return Outcome(delivered=True, status=status)
    if status == 410:
        return Outcome(status=status, error="It answered 410 Gone, so the webhook was disabled.", gone=True)
    if 300 <= status < 400:
        return Outcome(status=status, error=f"It answered {status}; redirections are not followed.")
    return Outcome(status=status, error=f"It answered {status}.")


def words(error: httpx.HTTPError) -> str:
    """What went wrong on the way."""
    if isinstance(error, httpx.TimeoutException):
        return f"It did not answer within {site.NOTICE_SECONDS:g} s."
    if isinstance(error, httpx.ConnectError):
        return f"It could not be reached: {storable(str(error)[:300])}"
    return f"The connection broke ({type(error).__name__})."


def mail(row: Delivery) -> Outcome:
    """One e-mail, by the operator's server."""
    if not site.SENDS_MAIL:
        return Outcome(error="This site sends no e-mail: EMAIL_URL is not set.", hopeless=True)
    try:
        validate_email(row.email)
        messages.mail(row.submission, to=row.email, key=row.key).send()
    except ValidationError:
        return Outcome(error="This is not an e-mail address.", hopeless=True)
    except SMTPResponseException as error:
        return Outcome(status=error.smtp_code, error=f"The mail server refused it ({error.smtp_code}).")
    except OSError as error:  # every other SMTPException is one, too
        return Outcome(error=f"The mail server could not be used ({type(error).__name__}).")
    return Outcome(delivered=True)


@transaction.atomic
def settle(*, row: Delivery, outcome: Outcome) -> None:
    """Note how a try ended, unless the delivery was overtaken meanwhile; arm its bell again if it goes on waiting."""
    if outcome.gone and row.webhook_id is not None:
        end_webhook(webhook=row.webhook_id, reason=outcome.error)
    over = outcome.delivered or outcome.hopeless or outcome.gone or row.tries > len(site.NOTICE_WAITS)
    ended = {"state": Delivery.State.DELIVERED if outcome.delivered else Delivery.State.DEAD, "ended_at": Now()}
    this_try = Delivery.objects.filter(pk=row.pk, key=row.key, tries=row.tries)
    if not outcome.gone:
        this_try = this_try.filter(state=Delivery.State.WAITING)
    told = this_try.update(last_status=outcome.status, last_error=outcome.error, **(ended if over else {}))
    if not told:
        return
    if over:
        if not outcome.delivered:
            log.warning("Delivery %s is dead after %s tries: %s", row.pk, row.tries, outcome.error)
        ring.silence(kind=BELL, subject=row.pk)
    else:
        wait = site.NOTICE_WAITS[row.tries - 1] * random.uniform(0.8, 1.2)  # noqa: S311
        ring.enqueue(kind=BELL, subject=row.pk, queue=QUEUE, delay=timedelta(seconds=wait))
