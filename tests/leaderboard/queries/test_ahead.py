"""Nobody waits for a new ranking to be read, and nobody is shown one that is gone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings as DjangoSettings

from leaderboard import patience
from leaderboard.actions.rank import build_snapshot, forget_all_but
from leaderboard.models import Snapshot, Submission, Suite
from leaderboard.queries import ahead, snapshots
from leaderboard.queries.lately import lately
from leaderboard.queries.snapshots import AT_HAND, newest, state_of
from leaderboard.queries.standings import rankings
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


@pytest.fixture
def reading_ahead(board: dict[str, Submission]) -> Iterator[None]:
    """As in a web process that has read the ranking of `board`."""
    AT_HAND.clear()
    ahead.look()
    AT_HAND.ahead = True
    yield
    AT_HAND.ahead = False
    AT_HAND.clear()


def ranked_anew(make: made.Make, suite: Suite) -> Snapshot:
    made.succeed(make("org/new"), 99.0)
    return build_snapshot(suite=suite)


def test_the_one_before_is_shown_until_the_new_one_is_read(
    make_submission: made.Make, suite: Suite, reading_ahead: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = newest(suite)
    new = ranked_anew(make_submission, suite)
    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "read", lambda *_: pytest.fail("a reader had to read a ranking"))
        assert newest(suite) == before
        for slug in ("", suite.slug):
            state = state_of(slug)
            assert before and state and state.key == before.pk
        assert [len(one.data) for one in rankings()] == [4]
    ahead.look()
    assert newest(suite) == new
    assert [len(one.data) for one in rankings()] == [5]


def test_pages_and_api_change_together_once_it_is_read(
    client: Client, make_submission: made.Make, suite: Suite, reading_ahead: None
) -> None:
    paths = ("/?suite=tiny@1", "/", "/embed?suite=tiny@1", "/board.csv?suite=tiny@1", "/api/v1/leaderboard/")
    tags = [client.get(path)["ETag"] for path in paths]
    ranked_anew(make_submission, suite)
    for path, tag in zip(paths, tags, strict=True):
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    ahead.look()
    for path, tag in zip(paths, tags, strict=True):
        reply = client.get(path, headers={"If-None-Match": tag})
        assert b"org/new" in (b"".join(reply.streaming_content) if reply.streaming else reply.content).replace(
            b'<span class="org">org/</span>', b"org/"
        )


def test_what_was_removed_is_not_shown_however_long_the_new_one_takes(
    make_submission: made.Make, suite: Suite, reading_ahead: None
) -> None:
    new = ranked_anew(make_submission, suite)
    forget_all_but(new)
    assert newest(suite) == new


def test_readers_read_for_themselves_what_nobody_reads_ahead(
    make_submission: made.Make, suite: Suite, reading_ahead: None
) -> None:
    new = ranked_anew(make_submission, suite)
    Snapshot.objects.filter(pk=new.pk).update(created_at=timezone.now() - snapshots.PATIENCE - timedelta(seconds=1))
    assert newest(suite) == new
    Snapshot.objects.filter(pk=new.pk).update(created_at=timezone.now())
    AT_HAND.ahead = False
    assert newest(suite) == new


def test_only_what_readers_ask_for_is_read_ahead(make_submission: made.Make, suite: Suite, reading_ahead: None) -> None:
    other = Suite.objects.create(name="other", version=1, slug="other@1", definition={}, imported=True)
    Snapshot.objects.create(suite=other, digest="other")
    ahead.look()  # would fail: it holds no columns
    assert "other" not in AT_HAND


def test_a_ranking_may_take_longer_than_what_readers_ask(
    make_submission: made.Make, suite: Suite, reading_ahead: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question has two seconds; tens of megabytes over a network have more."""
    new = ranked_anew(make_submission, suite)
    patience.set_timeout(50)
    limits: list[str] = []
    real = snapshots.binary_cursor

    @contextmanager
    def slow() -> Iterator[Any]:
        with real() as cursor:
            yield cursor
            cursor.execute("SELECT pg_sleep(0.1), current_setting('statement_timeout')")
            limits.append(cursor.fetchone()[1])

    monkeypatch.setattr(snapshots, "binary_cursor", slow)
    try:
        assert snapshots.stored_columns(new)
    finally:
        patience.set_timeout(0)
    assert limits == ["1min"]


def test_a_failure_does_not_end_the_reading(
    settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first look fails, the second does not, the third ends the thread of this test."""
    looks = iter([OSError("no disk"), None, SystemExit()])
    told: list[bool] = []

    def look() -> None:
        told.append(AT_HAND.ahead)
        error = next(looks)
        if error is not None:
            raise error

    monkeypatch.setattr(ahead, "look", look)
    monkeypatch.setattr(ahead, "close_old_connections", lambda: None)
    monkeypatch.setattr(AT_HAND, "ahead", False)
    with pytest.raises(SystemExit):
        ahead.follow(looked := threading.Event(), 0.001)
    assert looked.is_set() and told == [False, False, True]
    assert [record.message for record in caplog.records] == ["New rankings cannot be read ahead."]


def test_a_ranking_is_read_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    here, started, go = snapshots.AtHand(2), threading.Event(), threading.Event()
    reads: list[str] = []

    def read(_: int, digest: str) -> Any:
        reads.append(digest)
        started.set()
        go.wait(5)
        return digest

    monkeypatch.setattr(snapshots, "read", read)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(here.columns(1, "a"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert started.wait(5)
    go.set()
    for thread in threads:
        thread.join()
    assert (found, reads) == (["a"] * 4, ["a"])
    for digest in ("b", "a", "c"):  # b was asked for longest ago
        here.columns(1, digest)
    assert ("a" in here, "b" in here, "c" in here) == (True, False, True)


def test_what_was_learned_lately_is_not_asked_again(settings: DjangoSettings) -> None:
    settings.BOARD_STATE_SECONDS = 1_000.0
    asked: list[str] = []

    @lately
    def question(word: str) -> int:
        asked.append(word)
        if word == "":
            raise ValueError
        return len(asked)

    threads = [threading.Thread(target=question, args=("a",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (question("a"), question("b"), question("a"), asked) == (1, 2, 1, ["a", "b"])
    for _ in range(2):
        with pytest.raises(ValueError):
            question("")
    assert len(asked) == 4
    settings.BOARD_STATE_SECONDS = 0.0
    assert question("a") == 5
