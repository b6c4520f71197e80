"""A person's grade is of a side that was drawn, is kept by model, and may be taken back."""

from pathlib import Path

import pytest

from leaderboard.actions.accounts import create_person
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.actions.grade import grade, take_back
from leaderboard.judging.blind import first_left
from leaderboard.models import Grade, Judging, Owner, WorkerToken
from leaderboard.statistics.judging import Outcome
from tests.leaderboard import bakeoffs, judgings

pytestmark = pytest.mark.django_db


@pytest.fixture
def judging(owner: Owner, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch) -> Judging:
    row = bakeoffs.begun(bakeoffs.kept(owner, 12), "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, lambda model, number: str(number + (model == "org/good")))
    return judgings.begun(row)


def test_left_and_right_are_kept_by_model(judging: Judging, owner: Owner) -> None:
    assert owner.user
    sides = set()
    for number in range(judging.n):
        choice = "left" if number % 2 else "right"
        made = grade(owner=owner, grader=owner.user, judging=judging.pk, number=number, choice=choice)
        assert made.first_left == first_left(judging.salt, number)
        assert made.outcome == (Outcome.FIRST if made.first_left == (choice == "left") else Outcome.SECOND)
        sides.add(made.first_left)
    assert sides == {True, False}


def test_the_last_word_counts_and_is_taken_back_first(judging: Judging, owner: Owner) -> None:
    assert owner.user
    for number, choice in ((3, "left"), (5, "tie"), (3, "pass")):
        grade(owner=owner, grader=owner.user, judging=judging.pk, number=number, choice=choice)
    assert dict(Grade.objects.values_list("number", "outcome")) == {3: Outcome.UNREADABLE, 5: Outcome.TIE}
    taken = [take_back(owner=owner, grader=owner.user, judging=judging.pk) for _ in range(3)]
    assert taken == [3, 5, None] and not Grade.objects.exists()


def test_what_is_no_grade_is_refused(judging: Judging, owner: Owner) -> None:
    assert owner.user
    with pytest.raises(Refused, match="left, right, tie, pass"):
        grade(owner=owner, grader=owner.user, judging=judging.pk, number=0, choice="first")
    for number in (-1, 12):
        with pytest.raises(NotFound):
            grade(owner=owner, grader=owner.user, judging=judging.pk, number=number, choice="tie")
    grace = create_person(username="grace", password=None)
    with pytest.raises(NotFound):
        grade(owner=grace.owner, grader=grace, judging=judging.pk, number=0, choice="tie")
    with pytest.raises(NotFound):
        take_back(owner=grace.owner, grader=grace, judging=judging.pk)
    assert not Grade.objects.exists()
