"""API keys of endpoints: sealed when they are given, opened only for a claim, wiped as soon as nobody needs them.

A key is bound to its owner and to the origin it was given for. The origin is read from the address that the key would
be sent to, so that neither an edited row nor a key that was copied to another row sends it anywhere else.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from evaluator.addresses import Allowed, check_url
from evaluator.addresses.urls import Target
from leaderboard import sealing
from leaderboard.models import Endpoint, EndpointUse

log = logging.getLogger(__name__)

PURPOSE = "API key"
LIFE = timedelta(hours=24)
"""The longest that a key stays which is not the operator's."""


def origin_of(target: Target) -> str:
    """Where a request goes: scheme, host and, where it is not the usual one, port."""
    bare = Target(target.scheme, target.host, target.port, "")
    return bare.url


def bound_to(owner: int, origin: str) -> str:
    return f"owner {owner} at {origin}"


def sealed(key: str, *, owner: int, origin: str) -> str:
    """`key` as it is stored; "" for none."""
    return sealing.seal(key, purpose=PURPOSE, bound=bound_to(owner, origin)) if key else ""


def opened(use: EndpointUse, allowed: Allowed) -> str:
    """The key of one submission, "" where it needs none; raises SealError, and AddressRefused where nothing may be sent
    to its endpoint (any more)."""
    endpoint = use.endpoint
    origin = origin_of(check_url(endpoint.base_url, allowed))
    stored = use.sealed_key or endpoint.sealed_key
    return sealing.unseal(stored, purpose=PURPOSE, bound=bound_to(endpoint.owner_id, origin)) if stored else ""


def wipe(*, submission: int) -> None:
    """Forget the key of a submission that has ended. Runs in the transaction that ends it."""
    EndpointUse.objects.filter(submission=submission).exclude(sealed_key="").update(sealed_key="", key_wiped_at=Now())


def wipe_old() -> int:
    """Forget every key that was given more than a day ago, whatever its submission does; returns how many."""
    old = EndpointUse.objects.exclude(sealed_key="").filter(key_given_at__lt=Now() - LIFE)
    return old.update(sealed_key="", key_wiped_at=Now())


@transaction.atomic
def reseal_keys() -> int:
    """Seal every key with the newest secret, so that older ones can leave PARITY_SECRET_KEY_FALLBACKS; returns how
    many. A key that nothing opens stays as it is: its job says so when it is claimed."""
    done = 0
    for use in EndpointUse.objects.select_related("endpoint").exclude(sealed_key=""):
        again = renewed(use.endpoint, use.sealed_key)
        done += EndpointUse.objects.filter(pk=use.pk, sealed_key=use.sealed_key).update(sealed_key=again)
    for endpoint in Endpoint.objects.exclude(sealed_key=""):
        again = renewed(endpoint, endpoint.sealed_key)
        done += Endpoint.objects.filter(pk=endpoint.pk, sealed_key=endpoint.sealed_key).update(sealed_key=again)
    return done


def renewed(endpoint: Endpoint, stored: str) -> str:
    """The same key sealed with the newest secret, or as it is where nothing opens it."""
    try:
        return sealing.renewed(stored, purpose=PURPOSE, bound=bound_to(endpoint.owner_id, endpoint.origin))
    except sealing.SealError as error:
        log.warning("Endpoint %s: %s", endpoint.pk, error)
        return stored
