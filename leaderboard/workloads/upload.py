"""An upload read and packed in one go, a step at a time, so that whoever waits can be told how far it is."""

from collections.abc import Iterator
from typing import IO

from leaderboard.workloads.packed import Packing, Part
from leaderboard.workloads.reading import Reading
from leaderboard.workloads.records import Mapping, Report


class Upload:
    """Iterate to the end (each step is the bytes and items read so far), then look at `report` and `parts`.

    A `mapping` says all there is to say; without one it is guessed.
    """

    def __init__(
        self, source: IO[bytes], *, name: str = "", form: str = "", mapping: Mapping | None = None, mask: bool = False
    ) -> None:
        self._reading = Reading(
            source, name=name, form=form, mapping=mapping, mask=mask, guess=mapping is None, progress=self._see
        )
        self._packing = Packing()
        self._bytes = 0
        self.name, self.mask = name, mask
        self.parts: list[Part] = []

    def _see(self, done: int, _: int) -> None:
        self._bytes = done

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for part in self._packing.parts(self._reading):
            self.parts.append(part)
            yield self._bytes, self.report.items

    def read(self) -> "Upload":
        """All of it at once."""
        for _ in self:
            continue
        return self

    @property
    def report(self) -> Report:
        return self._reading.report

    @property
    def form(self) -> str:
        """What it is written in, as it was said or guessed."""
        return self._reading.form

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the items."""
        return self._packing.digest
