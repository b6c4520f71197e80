"""Numbers at the door: arrays as the other modules take them, checked once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Labels = Sequence[object] | NDArray[np.generic]
"""One label an item: the document, passage or family that it belongs to."""


class Interval(NamedTuple):
    """Both ends, in the unit of what they enclose; arrays where the input was."""

    low: Floats
    high: Floats


def finite(values: ArrayLike, what: str, *, least: int = 1) -> Floats:
    """`values` as floats; ValueError when one is missing or infinite, or the last axis holds fewer than `least`."""
    found = np.asarray(values, dtype=float)
    if found.ndim and found.shape[-1] < least:
        raise ValueError(f"{what} must be at least {least}, not {found.shape[-1]}.")
    if not np.isfinite(found).all():
        raise ValueError(f"{what} must all be finite numbers.")
    return found


def errors(values: ArrayLike, what: str = "Standard errors") -> Floats:
    """`values` as standard errors: finite and not negative, or ValueError."""
    found = finite(values, what, least=0)
    if (found < 0).any():
        raise ValueError(f"{what} must not be negative.")
    return found


def fraction(value: float, what: str) -> float:
    """`value` strictly between 0 and 1, or ValueError."""
    if not 0 < value < 1:
        raise ValueError(f"{what} lies between 0 and 1, not at {value}.")
    return value


def per_cluster(values: Floats, clusters: Labels) -> tuple[Floats, Integers]:
    """Sums of `values` (..., n) within clusters, (..., G), and the clusters' sizes, (G,).

    Raises ValueError unless there is one label a value and at least two clusters: one cluster says nothing about
    others.
    """
    labels = np.asarray(clusters)
    if labels.shape != values.shape[-1:]:
        raise ValueError(f"There must be one cluster label an item: {labels.shape} for {values.shape[-1:]}.")
    _, code, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise ValueError("Clusters must be at least 2, not 1.")
    ordered = values[..., np.argsort(code, kind="stable")]
    return np.add.reduceat(ordered, np.cumsum(sizes) - sizes, axis=-1), sizes.astype(np.int64)
