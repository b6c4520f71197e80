"""Record holders of a ranking by release date, where only answers to the same items are put beside each other."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from leaderboard.models import Result
from leaderboard.statistics.arrays import Integers
from leaderboard.statistics.frontier import frontier

BEST = 50
"""Of each side's best rows the items are looked at, to find which sets most of them answered."""
Signature = tuple[str, ...]
"""The item sets that a row answered, task by task; "" where one is not known."""
Places = Sequence[int] | None
"""Of tasks in their suite; None: all of them."""
Numbers = npt.NDArray[np.float64]


class ItemsOf:
    """Which item sets submissions answered, read when they are first asked for."""

    def __init__(self, tasks: Sequence[int]) -> None:
        """`tasks`: the keys of the suite's tasks, in order."""
        self._places = {task: place for place, task in enumerate(tasks)}
        self._known: dict[int, Signature] = {}

    def read(self, submissions: Iterable[int]) -> None:
        """1 query for those that are not known yet, none if there are none."""
        wanted = sorted(set(submissions) - set(self._known))
        if not wanted:
            return
        found = {key: [""] * len(self._places) for key in wanted}
        rows = Result.objects.filter(submission__in=wanted, task__in=self._places)
        for submission, task, items in rows.values_list("submission_id", "task_id", "items_id"):
            found[submission][self._places[task]] = items or ""
        self._known |= {key: tuple(value) for key, value in found.items()}

    def of(self, submission: int, tasks: Places) -> Signature:
        """Of tasks by their places, None of the whole suite; () where any of them is not known."""
        whole = self._known[submission]
        chosen = whole if tasks is None else tuple(whole[place] for place in tasks)
        return chosen if all(chosen) else ()


class Side:
    """The rows of one side: (n,) places in the ranking, release days, values (higher is better), submissions."""

    def __init__(
        self, rows: npt.NDArray[np.intp], days: Numbers, values: Numbers, submissions: npt.NDArray[np.int64]
    ) -> None:
        self.rows, self.days, self.values, self.submissions = rows, days, values, submissions

    def steps(self) -> Integers:
        return frontier(self.days, self.values)

    def leading(self) -> list[int]:
        """The submissions at its steps and of its best rows: candidates for what is shown."""
        best = np.argsort(-np.nan_to_num(self.values, nan=-np.inf), kind="stable")[:BEST]
        return list(self.submissions[np.union1d(best, self.steps())].tolist())

    def steps_on(self, items: ItemsOf, tasks: Places, wanted: Signature) -> Integers:
        """Steps of the rows that answered `wanted`. Rows that did not are passed over until none is a step."""
        values, ahead = self.values.copy(), BEST
        while True:
            found = frontier(self.days, values)
            items.read(self.submissions[found].tolist())
            strange = [place for place in found.tolist() if items.of(int(self.submissions[place]), tasks) != wanted]
            if not strange:
                return found
            values[strange] = np.nan
            ahead *= 2  # so that a ranking full of strangers takes few queries
            best = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")[:ahead]
            items.read(self.submissions[best].tolist())
            values[[one for one in best.tolist() if items.of(int(self.submissions[one]), tasks) != wanted]] = np.nan


def common(sides: Sequence[Side], items: ItemsOf, tasks: Places) -> Signature:
    """What most of every side's leading rows answered; () where no set of items was answered by all sides."""
    counts = [
        Counter(found for one in side.leading() if (found := items.of(one, tasks))) for side in sides
    ]  # fmt: skip
    shared = [one for one in counts[0] if all(of[one] for of in counts)]
    return max(shared, key=lambda one: (min(of[one] for of in counts), sum(of[one] for of in counts)), default=())
