"""How many requests at once and how many a second: additive increase, multiplicative decrease. The time is given.

Two signs say two things. 429: too many a second. From then on requests are spaced, a little more slowly than what was
just admitted; the rate grows slowly towards where it broke, and faster beyond it, as nothing is known there. A server
that is overloaded (503, 529, time-outs): too many at once; the window halves and grows back by one a round trip. At the
start the window doubles with every round trip, up to the submission's bound, until the first sign.
"""

import math
from collections import deque

FIRST_WINDOW = 4.0
LOOK_BACK = 10.0
SLOWEST = 0.02
CUT, SOON_CUT, SOON = 0.95, 0.8, 4.0
"""The rate after a 429, as a part of before; when the cut before this was less than SOON seconds ago."""
GROWTH, STEEPER, STEEPEST = 0.004, 1.25, 0.25
"""Of the rate where it broke, each second; once beyond it, steeper with each second."""


class Pacer:
    """Asks `wait` before each request, and tells what came of it. All times are seconds on one clock."""

    def __init__(self, most: int) -> None:
        self.most, self.in_flight = most, 0
        self.window = min(FIRST_WINDOW, float(most))
        self.rate: float | None = None
        self._starting = True
        self._next = self._paused = -math.inf
        self._rate_cut = self._window_cut = -math.inf
        self._broke, self._beyond, self._grown = 0.0, 0.0, 0.0
        self._admitted: deque[float] = deque()
        self._began: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until the next request may be sent, 0 for at once, infinite until another one has come back."""
        if self.in_flight >= int(self.window):
            return math.inf
        return max(0.0, self._paused - now, self._next - now)

    def sent(self, now: float) -> None:
        self.in_flight += 1
        self._began = now if self._began is None else self._began
        self._admitted.append(now)
        self.forget(now)
        if self.rate is not None:
            self.grow(now)
            self._next = max(self._next, now - 1 / self.rate) + 1 / self.rate

    def forget(self, now: float) -> None:
        while self._admitted and self._admitted[0] < now - LOOK_BACK:
            self._admitted.popleft()

    def grow(self, now: float) -> None:
        """By the time since the last request, of which a pause of ours is no part."""
        passed, self._grown = min(now - self._grown, 1.0), now
        if self.rate is None:
            return
        if self.rate >= self._broke:
            self._beyond += passed
        self.rate += self._broke * min(STEEPEST, GROWTH * STEEPER**self._beyond) * passed

    def back(self) -> None:
        """A request came back, however."""
        self.in_flight -= 1

    def answered(self) -> None:
        if self.window < self.most:
            self.window = min(float(self.most), self.window + (1.0 if self._starting else 1.0 / self.window))

    def throttled(self, now: float, sent_at: float, pause: float) -> None:
        """A 429 for a request sent at `sent_at`; nothing is sent for `pause` seconds."""
        self._starting = False
        self._paused = max(self._paused, now + pause)
        if self._admitted:
            self._admitted.pop()
        if sent_at <= self._rate_cut:
            return  # sent before the last cut: nothing new
        self.forget(now)
        span = max(now - max(self._began or now, now - LOOK_BACK), 0.05)
        seen = max(SLOWEST, len(self._admitted) / span)
        broke = seen if self.rate is None else min(self.rate, seen)
        soon = now - self._rate_cut < SOON + pause and self.rate is not None
        self._broke, self._beyond = broke, 0.0
        self.rate = max(SLOWEST, broke * (SOON_CUT if soon else CUT))
        self._rate_cut = self._grown = now
        self._next = now + 1 / self.rate

    def overloaded(self, now: float, sent_at: float, pause: float) -> None:
        """Signs of too many at once, for a request sent at `sent_at`."""
        self._starting = False
        self._paused = max(self._paused, now + pause)
        if sent_at > self._window_cut:
            self.window = max(1.0, min(self.window, self.in_flight + 1) / 2)
            self._window_cut = now
