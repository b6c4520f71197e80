"""Results that end together are ranked together: nobody waits for another one's ranking, and none is left out."""

import threading
import time
from pathlib import Path

import pytest

from leaderboard import tasks
from leaderboard.actions import refresh as refreshing
from leaderboard.actions import score as scoring
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.refresh import mark_stale, refresh, refresh_stale
from leaderboard.models import Pulse, Snapshot, StaleRanking, Submission, Suite, WorkerToken
from tests import samples
from tests.leaderboard.pages import made
from tests.together import together

SLOW = 0.6


def ranked() -> set[str]:
    return {row.model_name for row in made.rows("tiny@1")}


def ended(make: made.Make, name: str) -> Submission:
    """A submission that has just succeeded, before anybody has ranked it."""
    row = made.succeed(make(name), 50.0)
    mark_stale(suite=row.suite)
    return row


class Ranking:
    """Stands before `build_snapshot`: slow, and counts who is inside."""

    def __init__(self, seconds: float = SLOW) -> None:
        self.seconds, self.inside, self.most, self.built = seconds, 0, 0, 0
        self.entered, self.go = threading.Event(), threading.Event()
        self.go.set()

    def __call__(self, *, suite: Suite, anew: bool) -> Snapshot:
        self.inside += 1
        self.most, self.built = max(self.most, self.inside), self.built + 1
        self.entered.set()
        try:
            time.sleep(self.seconds)
            assert self.go.wait(10)
            return build_snapshot(suite=suite, anew=anew)
        finally:
            self.inside -= 1


@pytest.fixture
def ranking(monkeypatch: pytest.MonkeyPatch) -> Ranking:
    slow = Ranking()
    monkeypatch.setattr(refreshing, "build_snapshot", slow)
    return slow


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_ranked_together_and_only_one_is_kept_by_it(
    make_submission: made.Make, ranking: Ranking
) -> None:
    rows = [ended(make_submission, f"org/m{number}") for number in range(5)]

    def timed() -> tuple[int, float]:
        began = time.monotonic()
        return refresh(suite=rows[0].suite), time.monotonic() - began

    found = together(*[timed] * 5)
    assert sorted(built for built, _ in found) == [0, 0, 0, 0, 1]
    assert sorted(seconds for _, seconds in found)[3] < SLOW
    assert (ranking.most, ranking.built) == (1, 1)
    assert ranked() == {row.requested_model for row in rows}
    assert not StaleRanking.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_ends_while_another_ranks_is_in_the_one_after_it(make_submission: made.Make, ranking: Ranking) -> None:
    first = ended(make_submission, "org/first")
    ranking.seconds = 0.0
    ranking.go.clear()
    late: list[int] = []

    def meanwhile() -> None:
        assert ranking.entered.wait(10)
        ended(make_submission, "org/second")
        late.append(refresh(suite=first.suite))
        ranking.go.set()

    found = together(lambda: refresh(suite=first.suite), meanwhile)
    assert (found, late) == ([2, None], [0])
    assert ranked() == {"org/first", "org/second"}
    assert not StaleRanking.objects.exists()


@pytest.mark.django_db
def test_a_change_whose_row_comes_while_it_is_ranked_stays_stale(
    make_submission: made.Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what was there before anything was gathered is surely in the ranking."""
    first = ended(make_submission, "org/first")

    def meanwhile(*, suite: Suite, anew: bool) -> Snapshot:
        built = build_snapshot(suite=suite, anew=anew)
        ended(make_submission, "org/second")
        return built

    monkeypatch.setattr(refreshing, "build_snapshot", meanwhile)
    assert refresh(suite=first.suite, rounds=1) == 1
    assert ranked() == {"org/first"}
    assert StaleRanking.objects.count() == 1
    monkeypatch.setattr(refreshing, "build_snapshot", build_snapshot)
    assert refresh_stale() == 1
    assert ranked() == {"org/first", "org/second"}
    assert refresh_stale() == 0


@pytest.mark.django_db
def test_what_could_not_be_ranked_counts_and_is_ranked_by_the_reconciler(
    make_submission: made.Make, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make_submission("org/m")
    samples.finish(made.claim(worker_token), [samples.measured("alpha", [1.0, 0.0]), samples.BETA])

    def broken(*, suite: Suite, anew: bool) -> Snapshot:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(refreshing, "build_snapshot", broken)
        scoring.score(submission=row.pk)
        tasks.reconcile()
    row.refresh_from_db()
    assert row.state == "succeeded"
    assert not Snapshot.objects.exists()
    assert not Pulse.objects.filter(part=Pulse.Part.RECONCILER).exists()
    tasks.reconcile()
    assert ranked() == {"org/m"}
    assert Pulse.objects.filter(part=Pulse.Part.RECONCILER).exists()


@pytest.mark.django_db
def test_a_ranking_that_always_changes_is_left_to_the_reconciler(
    make_submission: made.Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ended(make_submission, "org/m")

    def always(*, suite: Suite, anew: bool) -> Snapshot:
        mark_stale(suite=suite)
        return build_snapshot(suite=suite, anew=anew)

    monkeypatch.setattr(refreshing, "build_snapshot", always)
    assert refresh(suite=row.suite) == Snapshot.objects.count() == refreshing.ROUNDS
    assert StaleRanking.objects.count() == 1
