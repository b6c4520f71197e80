"""A model's place on a board in a few words, for a badge on its card."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from leaderboard.models import Model
from leaderboard.queries.errors import Missing
from leaderboard.queries.rows import Row, rows_of
from leaderboard.queries.selection import suite_named
from leaderboard.queries.snapshots import columns_of, newest

CHARACTER, MARGIN = 6.4, 10
"""Width of a character at the badge's 11 px, and of the space beside a text."""


@dataclass(frozen=True)
class Badge:
    """What a badge says: "Parity" and a message."""

    label: str
    message: str

    @property
    def label_width(self) -> int:
        return round(len(self.label) * CHARACTER) + 2 * MARGIN

    @property
    def message_width(self) -> int:
        return round(len(self.message) * CHARACTER) + 2 * MARGIN

    @property
    def width(self) -> int:
        return self.label_width + self.message_width

    @property
    def label_middle(self) -> float:
        return self.label_width / 2

    @property
    def message_middle(self) -> float:
        return self.label_width + self.message_width / 2


def badge(suite: str, model: str) -> Badge:
    """The best row of a model on the newest ranking of a suite; raises Missing for an unknown suite or model."""
    released = suite_named(suite)
    if "\x00" in model or not Model.objects.filter(name=model).exists():
        raise Missing("model", f"There is no model {model[:200]!r} here.")
    ranking = newest(released)
    found: list[Row] = []
    if ranking is not None:
        data = columns_of(ranking)
        order = data.order("rank", descending=False)
        ours = np.isin(order, np.flatnonzero(pc.equal(data.table["model"], model).to_numpy(zero_copy_only=False)))
        found = rows_of(data, order[ours][:1], [])
    return Badge("Parity", message(found[0] if found else None, released.slug))


def message(row: Row | None, suite: str) -> str:
    """In words; what was imported is called so, and what has no rank is not given one."""
    if row is None:
        return f"not measured on {suite}"
    if row.rank is None:
        return f"not ranked on {suite}"
    place = f"rank {row.rank}"
    if row.rank_low is not None and row.rank_high is not None:
        place = f"rank {row.rank_low}" if row.rank_low == row.rank_high else f"rank {row.rank_low}–{row.rank_high}"
    return f"{place} on {suite}" + ("" if row.verified else ", imported")
