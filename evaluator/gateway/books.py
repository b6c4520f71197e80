"""Meter and journal together: what is noted in the one is noted in the other, where there is one."""

from evaluator.contract import Spent
from evaluator.gateway.asking import Reply
from evaluator.gateway.ledger import Ledger
from evaluator.gateway.meter import Cost, Meter


class Books:
    """Of one session. Every method may raise OSError: what cannot be written down is not asked."""

    def __init__(self, meter: Meter, ledger: Ledger | None) -> None:
        self.meter, self.ledger = meter, ledger
        self._numbers = 0

    def begin(self, told: Spent) -> None:
        """Count on from what earlier attempts spent, of which the site was `told` some."""
        if self.ledger is not None:
            self.meter.start(self.ledger.begun(told))

    @property
    def keeps(self) -> bool:
        return self.ledger is not None

    def known(self, key: str) -> Reply | None:
        """The answer that was received for this key, in any session."""
        return None if self.ledger is None else self.ledger.answer(key)

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def sending(self, most: Cost) -> int:
        """A request that may cost `most` is about to be sent; returns its number."""
        number = self.number()
        if self.ledger is not None:
            self.ledger.sent(number, most)
        self.meter.reserve(number, most)
        return number

    def answered(self, number: int, key: str, reply: Reply, cost: Cost, seconds: float, first: float | None) -> None:
        """An answer came; returns once it is written down."""
        self.meter.answered(number, cost, seconds, first)
        if self.ledger is not None:
            self.ledger.answered(number, key, reply, cost, seconds, first)

    def seen(self, number: int, cost: Cost, seconds: float, first: float | None) -> None:
        """An answer came that is not kept."""
        self.meter.answered(number, cost, seconds, first)
        if self.ledger is not None:
            self.ledger.seen(number, cost, seconds, first)

    def failed(self, number: int, kind: str, *, paid: bool) -> None:
        """No answer came. `paid`: it may have been; then it counts with the most that it can cost."""
        unknown = self.meter.reserved(number) if paid else None
        self.meter.failed(number, kind, unknown=unknown)
        if self.ledger is not None:
            self.ledger.failed(number, kind, unknown)

    def gone(self, number: int) -> None:
        """It was sent, and given up by ourselves."""
        self.meter.gone(number)
        if self.ledger is not None:
            self.ledger.gone(number)

    def replayed(self) -> None:
        """A known answer was given again."""
        self.meter.replayed()
        if self.ledger is not None:
            self.ledger.replayed(self.number())
