"""Measured stand-ins for both sides on identical items, with release dates: what the gap and claims are tested with."""

from collections.abc import Callable
from datetime import date

import numpy as np

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Model, Revision, Submission, Suite
from tests.leaderboard.compared import finished

Make = Callable[..., Submission]
ITEMS = 80
STAND_INS = (
    # name, weights, released, how able it is
    ("parity-demo/tiny-random-1", "open", date(2024, 1, 10), -1.6),
    ("parity-demo/SmolLM2-135M-degraded", "open", date(2024, 5, 1), -0.4),
    ("parity-demo/SmolLM2-135M-Q4", "open", date(2025, 2, 20), 0.5),
    ("parity-demo/SmolLM2-135M", "open", date(2025, 9, 1), 0.9),
    ("stand-in/tiny-random-2", "proprietary", date(2023, 11, 5), -1.2),
    ("stand-in/SmolLM2-behind-an-endpoint", "proprietary", date(2024, 6, 15), 0.9),
    ("stand-in/SmolLM2-degraded-endpoint", "proprietary", date(2024, 3, 1), 0.1),
    ("stand-in/SmolLM2-360M-endpoint", "proprietary", date(2025, 5, 5), 1.7),
)


def scores(able: float, seed: int, items: int = ITEMS, *, graded: bool = False) -> list[float]:
    """Right or wrong on each item, or `graded` by halves: the same items are hard for everybody."""
    hard = np.random.default_rng(99).normal(0, 1, items)
    luck = np.random.default_rng(seed)
    tries = [able + luck.normal(0, 1.2, items) > hard for _ in range(2 if graded else 1)]
    return np.mean(tries, axis=0, dtype=float).tolist()  # type: ignore[no-any-return]


def stand_ins(make: Make, suite: Suite, *, ahead: float = 0.0, graded: bool = False) -> dict[str, Submission]:
    """Ranked submissions of STAND_INS, all on the same items; proprietary ones are abler by `ahead`."""
    found = {}
    for seed, (name, kind, day, able) in enumerate(STAND_INS):
        can = able + (ahead if kind == "proprietary" else 0.0)
        both = {"alpha": scores(can, seed, graded=graded), "beta": scores(can - 0.3, seed + 100, graded=graded)}
        found[name] = finished(make, name, both)
        Model.objects.filter(name=name).update(kind=kind, released_on=day)
        Revision.objects.filter(model__name=name).update(parameters=135_000_000)
    build_snapshot(suite=suite)
    return found
