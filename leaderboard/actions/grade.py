"""A person's word on one of a judging's items, given blind."""

from django.db import transaction

from leaderboard.actions.begin_judging import judging_of
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.judging.blind import first_left
from leaderboard.models import Grade, Owner, User
from leaderboard.statistics.judging import Outcome

LEFT, RIGHT, TIE, PASS = "left", "right", "tie", "pass"
CHOICES = (LEFT, RIGHT, TIE, PASS)


@transaction.atomic
def grade(*, owner: Owner, grader: User, judging: int, number: int, choice: str) -> Grade:
    """Keep that the answer to the left or right is better, neither is, or nothing can be said; said again, the new word
    counts. Raises NotFound, Refused."""
    row = judging_of(owner, judging)
    if choice not in CHOICES:
        raise Refused("bad_choice", f"A grade is {', '.join(CHOICES)}.", field="choice")
    if not 0 <= number < row.n:
        raise NotFound("unknown_item", f"This judging has no item {number}.", field="number")
    left = first_left(row.salt, number)
    outcome = {
        LEFT: Outcome.FIRST if left else Outcome.SECOND, RIGHT: Outcome.SECOND if left else Outcome.FIRST,
        TIE: Outcome.TIE, PASS: Outcome.UNREADABLE,
    }[choice]  # fmt: skip
    made, _ = Grade.objects.update_or_create(
        judging=row, number=number, grader=grader, defaults={"outcome": int(outcome), "first_left": left}
    )
    return made


@transaction.atomic
def take_back(*, owner: Owner, grader: User, judging: int) -> int | None:
    """Take back one's newest grade; returns its item, None where there is none. Raises NotFound."""
    row = judging_of(owner, judging)
    newest = Grade.objects.filter(judging=row, grader=grader).order_by("-said_at", "-pk").first()
    if newest is None:
        return None
    newest.delete()
    return newest.number
