"""Requests that wait for something to happen. Each holds a thread of the site, so only some may wait at once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import TypeVar

from django.conf import settings
from django.db import close_old_connections

POLL_SECONDS = 0.5

Answer = TypeVar("Answer")

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


def wait_for(look: Callable[[], Answer | None], seconds: float) -> Answer | None:
    """What `look` finds, looked for again and again for so many seconds at most; None for nothing. It was looked for
    before."""
    deadline = time.monotonic() + seconds
    with place() as free:
        while free and time.monotonic() < deadline:
            close_old_connections()  # the next look asks first whether the connection lives: the wait may outlast it
            time.sleep(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))
            if (found := look()) is not None:
                return found
    return None
