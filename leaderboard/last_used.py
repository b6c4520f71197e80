"""When each API token was used last: noted in shared storage with each call, so that reading changes no row.

At most once a minute for a token and process; the reconciler's hourly round keeps it in the token's row.
"""

import time

import redis

from leaderboard import throttles

KEY = "parity:used"
EVERY = 60.0
MOST = 10_000

_noted: dict[int, float] = {}


def note(token: int) -> None:
    """The token was used now. Where the storage is away nothing is noted."""
    now = time.time()
    if now - _noted.get(token, 0.0) < EVERY:
        return
    if len(_noted) >= MOST:
        _noted.clear()
    _noted[token] = now
    try:
        throttles.storage().hset(KEY, str(token), int(now))
    except (redis.RedisError, OSError):
        return


def taken() -> dict[int, int]:
    """What was noted by token, in seconds since 1970; empty where the storage is away."""
    try:
        found = throttles.storage().hgetall(KEY)
    except (redis.RedisError, OSError):
        return {}
    return {int(token): int(at) for token, at in found.items()}
