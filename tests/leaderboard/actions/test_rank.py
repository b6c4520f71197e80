"""Rankings are built by an action, whole or as what differs from an earlier one, and readers cannot tell which."""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from evaluator.contract import Settings
from leaderboard.actions import rank
from leaderboard.actions.rank import build_missing, build_snapshot, forget_all_but, forget_old, ranked_now
from leaderboard.models import Imported, Model, Snapshot, Submission, Suite
from leaderboard.queries import snapshots
from leaderboard.queries.gathered import gathered, wanted
from leaderboard.queries.snapshots import columns_of, copy_of, newest
from tests.leaderboard import compared
from tests.leaderboard.columnar.made import Values, content
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Rows = dict[tuple[int, int], Values]


@pytest.fixture
def differences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small rankings are stored as differences too, however much differs."""
    monkeypatch.setattr(rank, "DIFFERENCE_FROM", 1)
    monkeypatch.setattr(rank, "DIFFERENCE_MOST", 9.0)


def shown(suite: Suite) -> Rows:
    """What readers see."""
    snapshot = newest(suite)
    assert snapshot is not None
    snapshots.AT_HAND.clear()
    return content(columns_of(snapshot).table)


def rebuilt(suite: Suite) -> Rows:
    """What the database says now, gathered and ranked anew."""
    return content(ranked_now(suite, gathered(suite, *wanted(suite))))


def step(make: made.Make, suite: Suite, chance: random.Random) -> None:
    """Something after which a ranking is built: a model, a model once more, an import, one that replaces another."""
    number = chance.randrange(6)
    answers = {
        task: [float(chance.random() < 0.3 + number / 20) for _ in range(40)]
        for task in ("alpha", "beta")
        if chance.random() < 0.9
    }
    if chance.random() < 0.7:
        settings = chance.choice([Settings(), compared.OTHER])
        compared.finished(make, f"org/m{number}", answers, settings=settings)
        return
    if chance.random() < 0.4:
        Imported.objects.filter(superseded_at=None).update(superseded_at=timezone.now())
    compared.imported(suite, f"org/i{number}", answers, **chance.choice([{}, {"normalised": 12.5}]))


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_differences_say_what_a_full_rebuild_says(
    make_submission: made.Make, suite: Suite, differences: None, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(8):
        step(make_submission, suite, chance)
        snapshot = build_snapshot(suite=suite)
        assert shown(suite) == rebuilt(suite)
    assert snapshot.base is not None and snapshot.base.base is None
    assert Snapshot.objects.filter(base=None).count() == 1


def test_what_a_snapshot_says_never_changes(make_submission: made.Make, suite: Suite, differences: None) -> None:
    made.succeed(make_submission("org/a"), 50.0)
    first = build_snapshot(suite=suite)
    before = content(columns_of(first).table)
    made.succeed(make_submission("org/b"), 60.0)
    second = build_snapshot(suite=suite)
    Model.objects.update(licence="mit")
    build_snapshot(suite=suite, anew=True)
    snapshots.AT_HAND.clear()
    for path in (copy_of(first.digest), copy_of(second.digest)):
        path.unlink(missing_ok=True)
    assert content(columns_of(first).table) == before
    assert second.base == first
    assert len(columns_of(second)) == 2


def test_small_rankings_are_stored_whole(make_submission: made.Make, suite: Suite) -> None:
    for name in ("org/a", "org/b"):
        made.succeed(make_submission(name), 50.0)
        assert build_snapshot(suite=suite).base is None


def test_what_differs_much_is_stored_whole(
    make_submission: made.Make, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank, "DIFFERENCE_FROM", 1)
    monkeypatch.setattr(rank, "DIFFERENCE_MOST", 0.25)
    bases = []
    for number in range(6):
        made.succeed(make_submission(f"org/{number}"), 50.0)
        bases.append(build_snapshot(suite=suite).base)
    assert [base is not None for base in bases] == [False, False, False, True, False, True]
    assert shown(suite) == rebuilt(suite)


def test_after_a_day_everything_is_gathered_anew(make_submission: made.Make, suite: Suite, differences: None) -> None:
    made.succeed(make_submission("org/a"), 50.0)
    build_snapshot(suite=suite)
    Model.objects.update(licence="mit")
    made.succeed(make_submission("org/b"), 60.0)
    assert build_snapshot(suite=suite).base is not None
    Snapshot.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    made.succeed(make_submission("org/c"), 70.0)
    assert build_snapshot(suite=suite).base is None
    assert {row.get("licence") for row in shown(suite).values()} == {"mit", None}


def test_a_base_that_lost_its_rows_to_newer_runs(make_submission: made.Make, suite: Suite, differences: None) -> None:
    made.succeed(make_submission("org/a"), 50.0)
    build_snapshot(suite=suite)
    again = made.succeed(make_submission("org/a"), 70.0)
    assert build_snapshot(suite=suite).base is not None
    assert list(shown(suite)) == [(again.pk, 0)]


def test_old_snapshots_go_and_what_the_kept_ones_need_stays(
    make_submission: made.Make, suite: Suite, differences: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank, "KEPT", 3)
    built = []
    for number in range(9):
        made.succeed(make_submission(f"org/{number}"), 50.0 + number)
        built.append(build_snapshot(suite=suite, anew=number == 4))
        forget_old(suite, kept=3)
    kept = list(Snapshot.objects.order_by("id"))
    assert kept == [built[4], *built[6:]]
    assert {one.base_id for one in kept[1:]} == {built[4].pk}
    assert shown(suite) == rebuilt(suite)


def test_other_suites_keep_theirs(make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission("org/a"), 50.0)
    build_snapshot(suite=suite)
    other = Snapshot.objects.create(suite=Suite.objects.create(name="other", version=1, slug="other@1", definition={}))
    forget_old(suite, kept=0)
    assert list(Snapshot.objects.all()) == [other]


def test_forgetting_does_not_read_what_it_removes(make_submission: made.Make, suite: Suite) -> None:
    """A ranking of a large suite is tens of megabytes."""
    for number in range(3):
        made.succeed(make_submission(f"org/{number}"), 50.0)
        build_snapshot(suite=suite)
    with connection.execute_wrapper(refuse_columns):
        forget_old(suite, kept=1)
        forget_all_but(Snapshot.objects.defer("columns").latest("id"))
    assert Snapshot.objects.count() == 1


def refuse_columns(execute: Any, sql: str, *arguments: Any) -> Any:
    assert not (sql.startswith("SELECT") and '"columns"' in sql), sql
    return execute(sql, *arguments)


def test_a_purged_row_is_in_no_ranking_and_no_copy(
    make_submission: made.Make, suite: Suite, differences: None, django_capture_on_commit_callbacks: Any
) -> None:
    for number in range(3):
        made.succeed(make_submission(f"org/{number}"), 50.0)
        snapshot = build_snapshot(suite=suite)
        columns_of(snapshot)
    copies = [copy_of(digest) for digest in Snapshot.objects.values_list("digest", flat=True)]
    assert [path.exists() for path in copies] == [True] * 3
    Submission.objects.filter(requested_model="org/1").update(state="retracted")
    with django_capture_on_commit_callbacks(execute=True):
        forget_all_but(build_snapshot(suite=suite, anew=True))
    assert [path.exists() for path in copies] == [False] * 3
    left = Snapshot.objects.get()
    assert left.base is None
    assert set(columns_of(left).table["model"].to_pylist()) == {"org/0", "org/2"}


def test_missing_rankings_are_built_and_others_left_alone(make_submission: made.Make, suite: Suite) -> None:
    assert build_missing() == 0  # there is nothing to rank
    made.succeed(make_submission("org/a"), 50.0)
    assert build_missing() == 1
    assert build_missing() == 0
    assert list(shown(suite)) == [(Submission.objects.get().pk, 0)]


def test_the_digest_names_the_content(make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission("org/a"), 50.0)
    first, again = build_snapshot(suite=suite), build_snapshot(suite=suite)
    assert first.digest == again.digest
    made.succeed(make_submission("org/b"), 50.0)
    assert build_snapshot(suite=suite).digest != first.digest
    assert bytes(first.columns) == bytes(again.columns)
