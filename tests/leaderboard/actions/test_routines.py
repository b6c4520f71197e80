"""What is on the schedule: done part by part, noted, shown; models read again, rankings, what is kept for a time."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings as DjangoSettings

from evaluator.hub import HubError, PinnedModel
from leaderboard import tasks
from leaderboard.actions import mail_digest, refresh_models
from leaderboard.actions.accounts import create_person
from leaderboard.actions.files import keep
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.refresh_rankings import refresh_rankings
from leaderboard.actions.retention import forget_deliveries, forget_sessions, forget_spoilt_samples
from leaderboard.actions.routines import run
from leaderboard.actions.state_fact import state_fact
from leaderboard.celery import app
from leaderboard.models import (
    Audit,
    Delivery,
    Follow,
    Job,
    Model,
    Owner,
    Revision,
    RoutineRun,
    SampleChunk,
    Snapshot,
    Submission,
    Suite,
    User,
    WorkerToken,
)
from leaderboard.queries.digest import digest
from leaderboard.queries.routines import lines
from leaderboard.schedule import ROUTINES
from tests.leaderboard import path
from tests.leaderboard.broker import Broker
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


# The schedule.


def test_everything_on_the_schedule_is_a_task_that_runs() -> None:
    assert set(app.conf.beat_schedule) == {"reconcile", *ROUTINES}
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks
        if name in ROUTINES:
            app.tasks[entry["task"]]()
            run_ = RoutineRun.objects.get(name=name)
            assert run_.ended_at is not None and run_.problem == "", name
    assert not any(line.late for line in lines())


def test_a_part_that_fails_keeps_none_of_the_others_from_being_done(caplog: pytest.LogCaptureFixture) -> None:
    def breaks() -> int:
        raise OSError("the disk is gone")

    assert not run(name="sweep", parts={"files": breaks, "rows": lambda: 3, "others": lambda: 0})
    found = RoutineRun.objects.get()
    assert (found.said, found.problem) == ("3 rows", "files: OSError: the disk is gone")
    assert "The routine sweep failed at: files" in caplog.text
    assert "The routine sweep went wrong: files: OSError: the disk is gone" in digest().problems
    assert run(name="sweep", parts={"rows": lambda: 0})
    assert RoutineRun.objects.get().said == "nothing to do" and RoutineRun.objects.get().problem == ""


def test_what_is_done_once_is_not_done_by_a_message_that_came_twice() -> None:
    done: list[int] = []
    for _ in range(2):
        run(name="digest", parts={"mails": lambda: done.append(1) or 1}, once=True)  # type: ignore[func-returns-value]
    assert done == [1]
    RoutineRun.objects.update(began_at=Now() - timedelta(days=1))
    assert run(name="digest", parts={"mails": lambda: 0}, once=True)


def test_what_is_late_is_told() -> None:
    run(name="watch", parts={})
    RoutineRun.objects.update(began_at=Now() - timedelta(hours=3))
    assert [line.name for line in lines() if line.late] == ["watch"]
    assert "The routine watch has not run when it was due." in digest().problems


# Models are read again.


def at_the_hub(name: str, licence: str = "mit", source: str = "hub") -> PinnedModel:
    values = path.pinned(name)
    return PinnedModel(
        **{
            **{slot: getattr(values, slot) for slot in values.__dataclass_fields__},
            "licence": licence,
            "source": source,
        }
    )


def test_models_are_read_again_the_longest_unread_first(
    make_submission: made.Make, monkeypatch: pytest.MonkeyPatch, settings: DjangoSettings, person: User
) -> None:
    for name in ("org/a", "org/b", "org/c"):
        make_submission(name)
    create_person(username="root", password=None, staff=True)
    state_fact(model="org/b", field="licence", value="gpl-3.0", source="its card", by=User.objects.get(username="root"))
    settings.REFRESH_HOUR = 2
    monkeypatch.setattr(refresh_models.hub, "pin", lambda name, **_: at_the_hub(name))
    assert refresh_models.refresh_models() == 2
    assert refresh_models.refresh_models() == 1
    assert refresh_models.refresh_models() == 0, "all were read a moment ago"
    assert dict(Model.objects.values_list("name", "licence")) == {"org/a": "mit", "org/b": "gpl-3.0", "org/c": "mit"}
    assert set(Model.objects.values_list("available", flat=True)) == {True}
    settings.REFRESH_HOUR = 0
    Model.objects.update(refreshed_at=None)
    assert refresh_models.refresh_models() == 0


def test_a_model_that_has_gone_is_marked_and_an_unreachable_hub_is_asked_once(
    make_submission: made.Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("org/a", "org/b"):
        make_submission(name)
    asked = []

    def pin(name: str, **_: object) -> PinnedModel:
        asked.append(name)
        raise HubError(code, "as the test wants it")

    monkeypatch.setattr(refresh_models.hub, "pin", pin)
    code = "hub_unreachable"
    assert refresh_models.refresh_models() == 0 and asked == ["org/a"]
    assert set(Model.objects.values_list("available", "refreshed_at")) == {(None, None)}
    code = "model_not_found"
    assert refresh_models.refresh_models() == 0
    assert set(Model.objects.values_list("available", flat=True)) == {False}
    code = "gated"
    Model.objects.update(refreshed_at=None, available=True)
    refresh_models.refresh_models()
    assert set(Model.objects.values_list("available", flat=True)) == {True}


def test_what_is_behind_an_api_is_not_looked_for(make_submission: made.Make, monkeypatch: pytest.MonkeyPatch) -> None:
    make_submission("org/a")
    Revision.objects.update(source="endpoint")
    monkeypatch.setattr(refresh_models.hub, "pin", lambda name, **_: pytest.fail(f"{name} was looked for"))
    assert refresh_models.refresh_models() == 0


# Rankings.


def test_a_ranking_that_is_a_day_old_is_built_anew_and_kept_where_it_says_something_else(
    make_submission: made.Make, suite: Suite
) -> None:
    made.succeed(make_submission("org/a"), 50.0)
    build_snapshot(suite=suite)
    assert refresh_rankings() == 0
    Snapshot.objects.update(created_at=Now() - timedelta(days=2))
    assert refresh_rankings() == 0
    assert Snapshot.objects.count() == 1
    Model.objects.update(licence="mit")
    assert refresh_rankings() == 1
    assert Snapshot.objects.count() == 2


# What is kept for a time.


def test_sessions_that_have_ended_are_forgotten() -> None:
    for number, days in enumerate((-1, 1)):
        Session.objects.create(session_key=f"key{number}", expire_date=timezone.now() + timedelta(days=days))
    assert forget_sessions() == 1
    assert Session.objects.get().session_key == "key1"


def test_messages_that_ended_long_ago_are_forgotten(make_submission: made.Make, settings: DjangoSettings) -> None:
    row = make_submission()
    long_ago = timezone.now() - timedelta(days=91)
    for number, (state, ended) in enumerate(
        [("delivered", long_ago), ("dead", long_ago), ("delivered", timezone.now()), ("waiting", None)]
    ):
        Delivery.objects.create(submission=row, email=f"{number}@example.org", state=state, ended_at=ended)
    settings.KEEP_DAYS = 0
    assert forget_deliveries() == 0
    settings.KEEP_DAYS = 90
    assert forget_deliveries() == 2
    assert set(Delivery.objects.values_list("email", flat=True)) == {"2@example.org", "3@example.org"}


def test_samples_that_never_counted_are_forgotten_and_no_others(
    owner: Owner, suite: Suite, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: "object", settings: DjangoSettings,
) -> None:  # fmt: skip
    way = path.Path(owner, worker_token, Broker.stand_in(monkeypatch), monkeypatch)
    way.submit()
    way.bells()
    way.claim()
    way.chunks()
    lost = list(SampleChunk.objects.values_list("path", flat=True))
    way.silence()
    way.reconcile()
    way.wait()
    for step in (way.claim, way.heartbeat, way.chunks, way.results, way.bells):
        step()
    assert Submission.objects.get().state == "succeeded" and SampleChunk.objects.count() == 2 * len(lost)
    keep("samples/other", b"stays")
    assert forget_spoilt_samples() == 0
    monkeypatch.setattr("leaderboard.actions.retention.ago", timezone.now)
    settings.KEEP_DAYS = 0
    assert forget_spoilt_samples() == 0
    settings.KEEP_DAYS = 90
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert forget_spoilt_samples() == len(lost)
    assert [default_storage.exists(name) for name in lost] == [False] * len(lost)
    assert all(default_storage.exists(name) for name in SampleChunk.objects.values_list("path", flat=True))
    assert set(SampleChunk.objects.values_list("attempt", flat=True)) == {Job.objects.get().attempt}
    assert (Audit.objects.get().action, default_storage.exists("samples/other")) == ("forget_samples", True)
    assert forget_spoilt_samples() == 0


# The digest.


def test_the_staff_is_told_what_to_look_after(
    make_submission: made.Make, mailoutbox: "list[object]", settings: DjangoSettings, person: User, suite: Suite
) -> None:
    create_person(username="root", password=None, staff=True, email="root@example.org")
    create_person(username="mute", password=None, staff=True)
    row = make_submission("org/a")
    Submission.objects.filter(pk=row.pk).update(state="failed", finished_at=Now())
    Follow.objects.create(
        owner=row.owner, model="org/a", suite=suite, settings={}, settings_digest="0", problem="It is gated."
    )
    assert mail_digest.mail_digest() == 1
    [mail] = mailoutbox
    assert mail.to == ["root@example.org"]  # type: ignore[attr-defined]
    body = mail.body  # type: ignore[attr-defined]
    assert "- 1 evaluation failed or went into quarantine." in body and "- No worker is online." in body
    assert "org/a is followed in vain: It is gated." in body and "Submissions ended     1 failed" in body
    assert "things to look after" in mail.subject  # type: ignore[attr-defined]


@pytest.mark.parametrize(("mode", "mails"), [("off", 0), ("trouble", 1), ("daily", 1)])
def test_when_it_is_sent(mode: str, mails: int, mailoutbox: "list[object]", settings: DjangoSettings, db: None) -> None:
    create_person(username="root", password=None, staff=True, email="root@example.org")
    settings.DIGEST = mode
    assert mail_digest.mail_digest() == mails == len(mailoutbox)


def test_a_good_day_says_nothing_where_only_trouble_is_told(
    mailoutbox: "list[object]", settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_person(username="root", password=None, staff=True, email="root@example.org")
    settings.DIGEST = "trouble"
    monkeypatch.setattr(mail_digest, "digest", lambda: mail_digest.Digest([], [("Jobs waiting", "0")]))
    assert mail_digest.mail_digest() == 0
    settings.DIGEST = "daily"
    assert mail_digest.mail_digest() == 1
    settings.SENDS_MAIL = False
    assert mail_digest.mail_digest() == 0
    assert "[Parity] All is well" in mailoutbox[0].subject  # type: ignore[attr-defined]


def test_the_mail_servers_refusal_is_a_problem_of_the_routine(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> int:
        raise ConnectionRefusedError("connection refused")

    monkeypatch.setattr(tasks, "mail_digest", refused)
    tasks.digest()
    assert "ConnectionRefusedError" in RoutineRun.objects.get().problem
