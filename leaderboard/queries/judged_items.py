"""The items of a judging with what both models answered, and what a judge is asked of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.judging.blind import chosen
from leaderboard.judging.forms import LEAST_ITEMS
from leaderboard.judging.prompts import Case, Messages, asked_of
from leaderboard.models import Submission, WorkloadSuite, WorkloadVersion
from leaderboard.queries.bakeoff_items import samples_at, stored_items
from leaderboard.queries.bakeoff_report import Measured, measured, same_items
from leaderboard.queries.bakeoffs import Course
from leaderboard.queries.errors import BadQuery
from leaderboard.workloads.records import Item


@dataclass(frozen=True)
class Material:
    """What is judged: `numbers` among the bake-off's items, ascending, and each with its answers."""

    first: Measured
    second: Measured
    numbers: list[int]
    cases: list[Case]


def material(course: Course, first: int, second: int, *, salt: str, most: int) -> Material:
    """Up to `most` items, drawn by `salt`, of models number `first` and `second`; raises BadQuery (`field`: which)."""
    one, other = pair_of(course, first, second)
    n = min(len(one.scores), len(other.scores))  # a bake-off that stops asks some models less
    if n < LEAST_ITEMS:
        raise BadQuery("first", f"A judge needs {LEAST_ITEMS} prompts at least.")
    numbers = chosen(salt, n, most)
    items = items_at(course.version, one.entrant.submission, numbers)
    cases = cases_of(items, [(row.entrant.submission, name) for row, name in ((one, "first"), (other, "second"))],
                     numbers)  # fmt: skip
    return Material(one, other, numbers, cases)


def pair_of(course: Course, first: int, second: int) -> tuple[Measured, Measured]:
    """The two models, measured on the same items; raises BadQuery."""
    found = measured(course)
    for name, number in (("first", first), ("second", second)):
        if number not in found:
            raise BadQuery(name, f"It is the number of a model that was measured, not {number}.")
    if first == second:
        raise BadQuery("second", "A model is not compared with itself.")
    if not same_items(found[first], found[second], stops=course.bakeoff.stops):
        raise BadQuery("second", "The two were measured on different items.")
    return found[first], found[second]


def items_at(version: WorkloadVersion, run: Submission, numbers: Sequence[int]) -> list[Item]:
    """Items by their numbers among those that a run was asked, in the order given."""
    places = np.frombuffer(WorkloadSuite.objects.get(suite=run.suite_id).places, dtype="<i4")
    return stored_items(version.items, places[list(numbers)].tolist())


def cases_of(items: Sequence[Item], rows: Sequence[tuple[Submission, str]], numbers: Sequence[int]) -> list[Case]:
    """Items with both submissions' answers; raises BadQuery where one cannot be read any more."""
    answers = [texts_at(row, name, numbers) for row, name in rows]
    return [
        Case(tuple((one.role, one.content) for one in item.messages), item.references, first, second)
        for item, first, second in zip(items, *answers, strict=True)
    ]


def texts_at(row: Submission, name: str, numbers: Sequence[int]) -> list[str]:
    found = samples_at(row, numbers)
    missing = [number for number in numbers if number not in found]
    if missing:
        raise BadQuery(name, f"{len(missing)} of its answers cannot be read any more, so they cannot be judged.")
    return [found[number].responses[0] if found[number].responses else "" for number in numbers]


def questions(form: str, rubric: str, salt: str, cases: Sequence[Case]) -> list[Messages]:
    """What a judge is asked, (2 n,): each item once, in order, and then each again, the other way."""
    both = [asked_of(form, rubric, salt, number, case) for number, case in enumerate(cases)]
    return [one for one, _ in both] + [other for _, other in both]
