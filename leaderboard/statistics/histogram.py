"""Quantiles of what was only counted between bounds."""

from collections.abc import Sequence


def quantile_of(counts: Sequence[int], bounds: Sequence[float], share: float) -> float | None:
    """The value below which `share` of all lie; None for none.

    `counts` (n + 1,): [i] lie above bounds[i - 1] (0 for the first) and at most at bounds[i], the last above all
    `bounds` (n,). Within a pair of bounds they are taken as evenly spread; beyond the last nobody knows more than it.
    """
    if len(counts) != len(bounds) + 1:
        raise ValueError(f"{len(counts)} counts do not fit {len(bounds)} bounds.")
    total = sum(counts)
    if total == 0:
        return None
    wanted, before = share * total, 0
    for place, count in enumerate(counts[:-1]):
        if count and before + count >= wanted:
            low = bounds[place - 1] if place else 0.0
            return low + (bounds[place] - low) * max(0.0, wanted - before) / count
        before += count
    return bounds[-1]
