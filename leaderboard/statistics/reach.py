"""How long a text may be that a model still reads as well as a short one: the measured context. Pure."""

from collections.abc import Mapping

LOSS = 0.10
"""Of the shortest length's score: what a length may lose and still count as read."""
LEAST = 0.25
"""A model that scores less at the shortest length has nothing to lose: there is no measured context then."""

ROUNDING = 1e-9


def measured_context(scores: Mapping[int, float | None]) -> int | None:
    """The longest length (tokens) up to which no length scores less than (1 - `LOSS`) of the shortest one.

    `scores` are fractions by length, None where a length was not measured: nothing is said beyond such a gap. None
    where the shortest has no score, or less than `LEAST`.
    """
    lengths = sorted(scores)
    first = scores[lengths[0]] if lengths else None
    if first is None or first < LEAST:
        return None
    reached = lengths[0]
    for length in lengths[1:]:
        score = scores[length]
        if score is None or score < (1 - LOSS) * first - ROUNDING:
            break
        reached = length
    return reached
