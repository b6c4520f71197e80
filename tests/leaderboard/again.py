"""The gap and claims worked out once more from what everybody can download, with code of its own.

The board's CSV has kinds and release dates, the API the scores of items: nothing else goes in, and nothing of
`leaderboard.statistics` is used.
"""

import csv
import math
from collections import Counter
from collections.abc import Sequence
from io import StringIO
from typing import Any, NamedTuple

from django.test import Client
from scipy import stats

Z95 = 1.959963984540054
Row = dict[str, str]


class Found(NamedTuple):
    """First minus second in points, with an interval."""

    difference: float
    low: float
    high: float


def table(client: Client, path: str) -> list[Row]:
    """The lines of a CSV file."""
    reply: Any = client.get(path)
    content = b"".join(reply.streaming_content) if reply.streaming else reply.content
    return list(csv.DictReader(StringIO(content.decode())))


class Items:
    """Scores of items as the API has them, each asked for once."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.known: dict[tuple[str, str], tuple[str, list[float]]] = {}

    def of(self, row: Row, task: str) -> tuple[str, list[float]]:
        """Which items, and the scores on them."""
        key = row["key"], task
        if key not in self.known:
            reply = self.client.get(f"/api/v1/submissions/{key[0].removeprefix('s')}/items/?task={task}").json()
            self.known[key] = ".".join(reply["item_hashes"]), [float(score) for score in reply["scores"]]
        return self.known[key]

    def score(self, row: Row, tasks: Sequence[str]) -> float:
        """0-100: the mean over tasks of the mean over items."""
        means = [math.fsum(of) / len(of) for of in (self.of(row, task)[1] for task in tasks)]
        return 100 * math.fsum(means) / len(means)

    def half(self, row: Row, tasks: Sequence[str]) -> float:
        """Of the 95 % interval of that score."""
        variance = math.fsum(variance_of_mean(self.of(row, task)[1]) for task in tasks)
        return 100 * Z95 * math.sqrt(variance) / len(tasks)

    def alike(self, rows: Sequence[Row], tasks: Sequence[str]) -> list[Row]:
        """The rows that answered what most of them answered."""
        answered = {row["key"]: tuple(self.of(row, task)[0] for task in tasks) for row in rows}
        [(most, _)] = Counter(answered.values()).most_common(1)
        return [row for row in rows if answered[row["key"]] == most]

    def between(self, first: Row, second: Row, tasks: Sequence[str], alpha: float = 0.05) -> Found:
        """First minus second: of one task by Tango's interval, or t where items are graded; of several by Welch's t."""
        pairs = [(self.of(first, task)[1], self.of(second, task)[1]) for task in tasks]
        if len(pairs) == 1 and {*pairs[0][0], *pairs[0][1]} <= {0.0, 1.0}:
            wins = sum(a > b for a, b in zip(*pairs[0], strict=True))
            losses = sum(a < b for a, b in zip(*pairs[0], strict=True))
            low, high = tango(wins, losses, len(pairs[0][0]), float(stats.norm.ppf(1 - alpha / 2)))
            return Found(100 * (wins - losses) / len(pairs[0][0]), 100 * low, 100 * high)
        return welch([[a - b for a, b in zip(*pair, strict=True)] for pair in pairs], alpha)


def variance_of_mean(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)


def welch(differences: Sequence[Sequence[float]], alpha: float) -> Found:
    """The mean of the tasks' mean differences, with Welch's and Satterthwaite's degrees of freedom."""
    k = len(differences)
    variances = [variance_of_mean(of) / k**2 for of in differences]
    total = math.fsum(variances)
    df = total**2 / math.fsum(v**2 / (len(of) - 1) for v, of in zip(variances, differences, strict=True))
    middle = math.fsum(math.fsum(of) / len(of) for of in differences) / k
    half = float(stats.t.ppf(1 - alpha / 2, df)) * math.sqrt(total)
    return Found(100 * middle, 100 * (middle - half), 100 * (middle + half))


def tango(wins: int, losses: int, n: int, z: float) -> tuple[float, float]:
    """Tango's score interval of a paired difference (1998), by bisection of its own statistic."""

    def statistic(null: float) -> float:
        a, b = 2 * n, -wins - losses + (2 * n - wins + losses) * null
        c = -losses * null * (1 - null)
        q = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
        variance = n * (2 * q + null * (1 - null))
        return (wins - losses - n * null) / math.sqrt(variance) if variance > 0 else 0.0

    def end(target: float, low: float, high: float) -> float:
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if statistic(middle) > target else (low, middle)
        return (low + high) / 2

    middle = (wins - losses) / n
    return end(z, -1 + 1e-12, middle), end(-z, middle, 1 - 1e-12)
