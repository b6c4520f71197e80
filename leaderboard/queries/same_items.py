"""Record holders of a ranking by release date, where only answers to the same items are put beside each other."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count

from leaderboard.models import Result
from leaderboard.statistics.arrays import Integers
from leaderboard.statistics.frontier import frontier

BEST = 10
"""Of so many of each side's best rows, and of its steps, the items are looked at, to find which sets most of them
answered."""
Signature = tuple[str, ...]
"""The item sets that a row answered, task by task; "" where one is not known."""
Places = Sequence[int] | None
"""Of tasks in their suite; None: all of them."""
Numbers = npt.NDArray[np.float64]


class ItemsOf:
    """Which item sets submissions answered, read when they are first asked for."""

    def __init__(self, tasks: Sequence[int]) -> None:
        """`tasks`: the keys of the suite's tasks, in order."""
        self._tasks = list(tasks)
        self._places = {task: place for place, task in enumerate(tasks)}
        self._known: dict[int, Signature] = {}

    def read(self, submissions: Iterable[int]) -> None:
        """1 query for those that are not known yet, none if there are none."""
        wanted = sorted(set(submissions) - set(self._known))
        if not wanted:
            return
        found = {key: [""] * len(self._places) for key in wanted}
        rows = Result.objects.filter(submission__in=wanted, task__in=self._tasks).order_by().values("submission_id")
        listed = rows.annotate(of=ArrayAgg("task_id"), sets=ArrayAgg("items_id"))
        for submission, of, sets in listed.values_list("submission_id", "of", "sets"):
            for task, items in zip(of, sets, strict=True):
                found[submission][self._places[task]] = items or ""
        self._known |= {key: tuple(value) for key, value in found.items()}

    def answered(self, tasks: Places, wanted: Signature) -> list[int]:
        """The submissions that answered these items of these tasks. 1 query."""
        chosen = self._tasks if tasks is None else [self._tasks[place] for place in tasks]
        rows = Result.objects.filter(task__in=chosen, items__in=set(wanted)).order_by().values("submission_id")
        return list(rows.annotate(n=Count("pk")).filter(n=len(chosen)).values_list("submission_id", flat=True))

    def of(self, submission: int, tasks: Places) -> Signature:
        """Of tasks by their places, None of the whole suite; () where any of them is not known."""
        whole = self._known[submission]
        chosen = whole if tasks is None else tuple(whole[place] for place in tasks)
        return chosen if all(chosen) else ()


class Side:
    """The rows of one side: (n,) places in the ranking, release days, values (higher is better, none missing),
    submissions."""

    def __init__(
        self, rows: npt.NDArray[np.intp], days: Numbers, values: Numbers, submissions: npt.NDArray[np.int64]
    ) -> None:
        self.rows, self.days, self.values, self.submissions = rows, days, values, submissions
        self._steps: Integers | None = None

    def steps(self) -> Integers:
        if self._steps is None:
            self._steps = frontier(self.days, self.values)
        return self._steps

    def leading(self) -> list[int]:
        """The submissions at its steps and of its best rows: candidates for what is shown."""
        most = min(BEST, len(self.values))
        best = np.argpartition(-self.values, most - 1)[:most] if most else np.zeros(0, dtype=np.intp)
        return list(self.submissions[np.union1d(best, self.steps())].tolist())

    def steps_on(self, items: ItemsOf, tasks: Places, wanted: Signature) -> Integers:
        """Steps of the rows that answered `wanted`. 1 query where others would be steps too; `items` knows those."""
        found = self.steps()
        if all(items.of(one, tasks) == wanted for one in self.submissions[found].tolist()):
            return found
        same = np.isin(self.submissions, items.answered(tasks, wanted))
        return frontier(self.days, np.where(same, self.values, np.nan))


def common(sides: Sequence[Side], items: ItemsOf, tasks: Places) -> Signature:
    """What most of every side's leading rows answered; () where no set of items was answered by all sides."""
    counts = [
        Counter(found for one in side.leading() if (found := items.of(one, tasks))) for side in sides
    ]  # fmt: skip
    shared = [one for one in counts[0] if all(of[one] for of in counts)]
    return max(shared, key=lambda one: (min(of[one] for of in counts), sum(of[one] for of in counts)), default=())
