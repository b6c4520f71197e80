"""Requests that wait for something to happen. Each holds a thread of the site, so only some may wait at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.conf import settings
from django.db import close_old_connections

POLL_SECONDS = 0.5

_places = BoundedSemaphore(settings.WAITERS)


@contextmanager
def place() -> Iterator[bool]:
    """Whether there is a place to wait; whoever gets none is answered at once."""
    free = _places.acquire(blocking=False)
    try:
        yield free
    finally:
        if free:
            _places.release()


def wait_until(happened: Callable[[], bool], seconds: float) -> bool:
    """Wait until it has happened, for so many seconds at most; returns whether it has."""
    deadline = time.monotonic() + seconds
    if happened() or not seconds:
        return True
    with place() as free:
        while free and time.monotonic() < deadline:
            close_old_connections()  # the next look asks first whether the connection lives
            time.sleep(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))
            if happened():
                return True
    return False
