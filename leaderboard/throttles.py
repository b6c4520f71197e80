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

import redis
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

log = logging.getLogger(__name__)

WINDOW = 60
PAUSE = 5.0
"""Seconds without asking a storage that did not answer."""

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


def take(scope: str, who: str, *, cost: int = 1) -> Standing | None:
    """Count a request of `who` ("token 7", an address); None where nothing limits it, or the storage is away."""
    global _silent_until
    limit = settings.RATES.get(scope, 0)
    if not limit or time.monotonic() < _silent_until:
        return None
    now = time.time()
    window = int(now // WINDOW)
    key = f"rate:{scope}:{hashlib.sha256(who.encode('utf-8', 'replace')).hexdigest()[:32]}:{window}"
    try:
        used = cost if cache.add(key, cost, timeout=WINDOW + 1) else cache.incr(key, cost)
    except ValueError:  # it ended between the two calls
        used = cost
    except (redis.RedisError, OSError):
        _silent_until = time.monotonic() + PAUSE
        log.warning("The storage of the rate limits does not answer; nobody is limited for %s s.", PAUSE)
        return None
    return Standing(scope, limit, limit - used, max(1, math.ceil((window + 1) * WINDOW - now)))


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


def address(request: HttpRequest) -> str:
    """Where a request comes from: the last hop that is no proxy of ours. Of an IPv6 address its /64, one household."""
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    proxies = settings.PROXIES
    text = str(hops[-proxies] if proxies and len(hops) >= proxies else request.META.get("REMOTE_ADDR", ""))
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text[:100]
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
