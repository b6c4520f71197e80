"""How often somebody may ask: counters a minute in shared storage, so that all processes of a site count together.

Windows are fixed and begin on the minute. Where the storage does not answer everybody is let through: a lost broker
must not close the site, and it is asked again after a few seconds only, so that a frozen one does not slow every
request.
"""

import hashlib
import ipaddress
import logging
import math
import time
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import redis
from django.conf import settings
from django.http import HttpRequest
from redis.backoff import NoBackoff
from redis.retry import Retry

from leaderboard import environment

log = logging.getLogger(__name__)

WINDOW = 60
PAUSE = 5.0
"""Seconds without asking a storage that did not answer."""
SLOW = 0.25
"""Seconds: a storage that does not answer so soon is left out."""
PREFIX = "parity:rate"

_silent_until = 0.0


@dataclass(frozen=True)
class Standing:
    """What is left of one allowance: `remaining` of `limit` requests, and seconds until the window ends."""

    scope: str
    limit: int
    remaining: int
    reset: int

    @property
    def exceeded(self) -> bool:
        return self.remaining < 0

    @property
    def message(self) -> str:
        return f"At most {self.limit:,} requests a minute ({self.scope}); try again in {self.reset} s."


class Count(NamedTuple):
    """So much of an allowance of `who` ("token 7", an address)."""

    scope: str
    who: str
    cost: int = 1


@cache
def storage() -> redis.Redis:
    """The shared counters. A connection that broke is made anew once."""
    url, again = environment.plain_redis(settings.REDIS_URL), Retry(NoBackoff(), 1)
    return redis.Redis.from_url(url, socket_timeout=SLOW, socket_connect_timeout=SLOW, retry=again)


def take(*counts: Count) -> list[Standing]:
    """Count a request for several allowances, in one call of the storage; what nothing limits is left out, and all of
    them where the storage is away."""
    global _silent_until
    limited = [one for one in counts if settings.RATES.get(one.scope, 0)]
    if not limited or time.monotonic() < _silent_until:
        return []
    now = time.time()
    window = int(now // WINDOW)
    calls = storage().pipeline(transaction=False)
    for one in limited:
        key = f"{PREFIX}:{one.scope}:{hashlib.sha256(one.who.encode('utf-8', 'replace')).hexdigest()[:32]}:{window}"
        calls.incrby(key, one.cost)
        calls.expire(key, WINDOW + 1)
    try:
        used = calls.execute()[::2]
    except (redis.RedisError, OSError):
        _silent_until = time.monotonic() + PAUSE
        log.warning("The storage of the rate limits does not answer; nobody is limited for %s s.", PAUSE)
        return []
    reset = max(1, math.ceil((window + 1) * WINDOW - now))
    return [
        Standing(one.scope, limit := settings.RATES[one.scope], limit - taken, reset)
        for one, taken in zip(limited, used, strict=True)
    ]


def headers(standings: list[Standing]) -> dict[str, str]:
    """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10), and Retry-After once one is used up."""
    if not standings:
        return {}
    found = {
        "RateLimit-Policy": ", ".join(f'"{one.scope}";q={one.limit};w={WINDOW}' for one in standings),
        "RateLimit": ", ".join(f'"{one.scope}";r={max(0, one.remaining)};t={one.reset}' for one in standings),
    }
    if any(one.exceeded for one in standings):
        found["Retry-After"] = str(max(one.reset for one in standings if one.exceeded))
    return found


def hop(request: HttpRequest) -> str:
    """Where a request comes from, as it was told: the last hop that is no proxy of ours."""
    hops = [one.strip() for one in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if one.strip()]
    proxies = settings.PROXIES
    return str(hops[-proxies] if proxies and len(hops) >= proxies else request.META.get("REMOTE_ADDR", ""))


def address(request: HttpRequest) -> str:
    """Whom a request counts for: the address it comes from; of an IPv6 address its /64, one household."""
    text = hop(request)
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text[:100]
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
