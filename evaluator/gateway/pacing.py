"""How many requests at once and how many a second: additive increase, multiplicative decrease. The time is given.

Two signs say two things. 429: too many a second. From then on requests are spaced. The rate goes down, back up to
where it broke, slower the nearer it is, and faster again beyond, as nothing is known there (the curve of TCP's CUBIC).
A server that is overloaded (503, 529, time-outs): too many at once; the window halves and grows back by one a round
trip. At the start the window doubles with every round trip, up to the submission's bound, until the first sign.
"""

import math
from collections import deque

FIRST_WINDOW = 4.0
LOOK_BACK = 10.0
SLOWEST = 0.02
ALIKE = 1.25
SOON = 0.7
"""The limit is known when the rate broke twice within this ratio, not SOON (seconds) after it was cut; until then it is
searched for."""
CUT, SEARCHING_CUT, SOON_CUT = 0.95, 0.85, 0.7
"""The rate after a 429, as a part of the one at which it broke: once the limit is known, while it is searched for, and
where the rate broke soon."""
BACK_SECONDS, SEARCHING_BACK_SECONDS = 12.0, 3.0
"""Until the rate is where it broke again: once the limit is known, and before."""
BEYOND, SEARCHING_BEYOND = 0.0015, 0.05
"""Growth then: this part of the rate where it broke, times the square of the seconds."""
LATE = 0.005
"""Seconds that a late timer may catch up."""


class Pacer:
    """Asks `wait` before each request, and tells what came of it. All times are seconds on one clock."""

    def __init__(self, most: int) -> None:
        self.most, self.in_flight = most, 0
        self.window = min(FIRST_WINDOW, float(most))
        self.rate: float | None = None
        self._starting, self._known = True, False
        self._next = self._paused = -math.inf
        self._window_cut = self._rate_cut = -math.inf
        self._broke, self._low = 0.0, 0.0
        self._age, self._grown = 0.0, 0.0
        self._admitted: deque[float] = deque()
        self._began = math.inf

    def wait(self, now: float) -> float:
        """Seconds until the next request may be sent, 0 for at once, infinite until another one has come back."""
        if self.in_flight >= int(self.window):
            return math.inf
        return max(0.0, self._paused - now, self._next - now)

    def sent(self, now: float) -> None:
        self.in_flight += 1
        self._began = min(self._began, now)
        self._admitted.append(now)
        self.forget(now)
        if self.rate is not None:
            self.rate = self.grown(now)
            self._next = max(self._next, now - min(LATE, 0.3 / self.rate)) + 1 / self.rate

    def forget(self, now: float) -> None:
        while self._admitted and self._admitted[0] < now - LOOK_BACK:
            self._admitted.popleft()

    def grown(self, now: float) -> float:
        """The rate, by the time since the last cut; time in which nothing was sent teaches nothing and is left out."""
        self._age, self._grown = self._age + max(0.0, min(now - self._grown, 1.0)), now
        back = BACK_SECONDS if self._known else SEARCHING_BACK_SECONDS
        beyond = self._age - back
        if beyond < 0:
            return self._broke - (self._broke - self._low) * (-beyond / back) ** 3
        steep = BEYOND if self._known else SEARCHING_BEYOND
        return self._broke * (1 + steep * beyond**2)

    def back(self) -> None:
        """A request came back, however."""
        self.in_flight -= 1

    def answered(self) -> None:
        if self.window < self.most:
            self.window = min(float(self.most), self.window + (1.0 if self._starting else 1.0 / self.window))

    def throttled(self, now: float, sent_at: float, pause: float) -> None:
        """A 429 for a request sent at `sent_at`; nothing is sent for `pause` seconds."""
        self._paused = max(self._paused, now + pause)
        if self._admitted:
            self._admitted.pop()
        if sent_at > self._rate_cut:  # else it was sent before the last cut, and says nothing new
            self.cut(now, pause)

    def cut(self, now: float, pause: float) -> None:
        """Slow down: where the rate broke soon, it was far too high; else by a little."""
        broke = self.rate if self.rate is not None and self._age > SOON else self.guess(now, pause)
        self._known = self._age > SOON and 1 / ALIKE < broke / self._broke < ALIKE
        part = CUT if self._known else SEARCHING_CUT if self._age > SOON else SOON_CUT
        self._broke, self._low = broke, max(SLOWEST, broke * part)
        self.rate, self._age = self._low, 0.0
        self._rate_cut, self._grown = now, max(self._paused, now)
        self._next = max(self._paused, now + 1 / self.rate)

    def guess(self, now: float, pause: float) -> float:
        """Between the rate that broke, which a server's store of unused requests let through for a moment, and what is
        let through between two cuts, pause and all, which is too little if that store is small."""
        passed = max(now - max(self._rate_cut, self._began), 0.05)
        admitted = sum(1 for sent in self._admitted if sent > self._rate_cut)
        low = (admitted + 1) / passed
        if self.rate is None:
            return math.sqrt(low * (admitted + 1) / (passed + pause))
        return math.sqrt(min(self.rate, max(low, self.rate / 8)) * self.rate)

    def overloaded(self, now: float, sent_at: float, pause: float) -> None:
        """Signs of too many at once, for a request sent at `sent_at`."""
        self._starting = False
        self._paused = max(self._paused, now + pause)
        if sent_at > self._window_cut:
            self.window = max(1.0, min(self.window, self.in_flight + 1) / 2)
            self._window_cut = now
