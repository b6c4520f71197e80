"""What a submission costs its owner, and when that is given back."""

import random
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from pytest_django import Settings as DjangoSettings

from evaluator.contract import Failure, Results, TaskResult
from evaluator.hub import HubError
from leaderboard.actions import lease, record, validate
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Conflict, NotFound, Refused, TooMany
from leaderboard.actions.quota import SITE_CODES, set_caps
from leaderboard.actions.score import score
from leaderboard.actions.submit import submit
from leaderboard.actions.transitions import move_submission
from leaderboard.models import Audit, Job, Owner, Submission, Suite, Usage, WorkerToken
from leaderboard.models.submissions import LIVE, SUBMISSION_MOVES
from leaderboard.queries.quota import allowances
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


def used(owner: Owner) -> dict[str, int]:
    return {one.period: one.used for one in allowances(owner)}


def ask(owner: Owner, model: str = "org/model") -> Submission:
    assert owner.user
    return submit(owner=owner, submitter=owner.user, suite="tiny@1", model=model)


def run(row: Submission, token: WorkerToken) -> lease.JobSpec:
    """Pin and claim."""
    if row.state == "validating":
        validate.accept(row, made.pinned(row))
    return made.claim(token)


def fail(spec: lease.JobSpec, kind: str, code: str = "x") -> None:
    told = Failure(attempt=spec.attempt, kind=kind, code=code, message="m")  # type: ignore[arg-type]
    record.record_failure(job=spec.job, token=spec.token, failure=told)


def finish(spec: lease.JobSpec, row: Submission) -> None:
    """Results, and the score."""
    tasks = tuple(
        TaskResult(
            task=task.task, metric=task.metric, filter=task.filter, score=0.5, stderr=0.1, n=2,
            item_hashes=("0" * 64, "1" * 64), item_scores=(1.0, 0.0),
        )
        for task in spec.suite.tasks
    )  # fmt: skip
    told = Results(attempt=spec.attempt, tasks=tasks, chunks=(), provenance={}, load_seconds=1, evaluation_seconds=1)
    record.record_results(job=spec.job, token=spec.token, results=told)
    score(submission=row.pk)


def test_accepting_charges_day_month_and_live_and_says_which_day_pays(owner: Owner, suite: Suite) -> None:
    row = ask(owner)
    assert used(owner) == {"day": 1, "month": 1, "live": 1}
    row.refresh_from_db()
    assert row.charged_on == allowances(owner)[0].starts_on


def test_what_is_refused_costs_nothing(owner: Owner, suite: Suite) -> None:
    ask(owner)
    for model, refusal in (("org/model", Conflict), ("../x", Refused)):
        with pytest.raises(refusal):
            ask(owner, model)
    assert owner.user
    with pytest.raises(NotFound):
        submit(owner=owner, submitter=owner.user, suite="none@1", model="org/other")
    assert used(owner) == {"day": 1, "month": 1, "live": 1}


@pytest.mark.parametrize("period", ["day", "month", "live"])
def test_a_full_cap_refuses_and_leaves_nothing_behind(
    owner: Owner, suite: Suite, settings: DjangoSettings, period: str
) -> None:
    settings.CAPS = {**settings.CAPS, period: 2}
    ask(owner, "org/a"), ask(owner, "org/b")
    with pytest.raises(TooMany) as refusal:
        ask(owner, "org/c")
    words = {"day": "2 of 2 submissions today", "month": "2 of 2 submissions this month"}
    assert words.get(period, "2 of 2 submissions under way; submit again when one has ended") in refusal.value.message
    assert (refusal.value.code, refusal.value.status) == ("quota_exceeded", 429)
    wait = refusal.value.headers.get("Retry-After")
    assert wait is None if period == "live" else 1 <= int(wait or 0) <= 31 * 86_401
    assert Submission.objects.count() == 2
    assert used(owner) == {"day": 2, "month": 2, "live": 2}


@pytest.mark.parametrize("period", ["day", "month", "live"])
def test_a_cap_of_nothing_lets_nothing_through(
    owner: Owner, suite: Suite, settings: DjangoSettings, period: str
) -> None:
    settings.CAPS = {**settings.CAPS, period: 0}
    with pytest.raises(TooMany, match="This account may not submit") as refusal:
        ask(owner)
    assert refusal.value.headers == {}


def test_caps_are_each_owners(owner: Owner, suite: Suite, settings: DjangoSettings) -> None:
    settings.CAPS = {**settings.CAPS, "day": 1}
    other = Owner.objects.create(kind="organisation", name="acme")
    ask(owner, "org/a")
    assert owner.user
    submit(owner=other, submitter=owner.user, suite="tiny@1", model="org/b")
    set_caps(owner=owner, caps={"day": 2}, actor="op", reason="asked")
    ask(owner, "org/c")
    with pytest.raises(TooMany):
        ask(owner, "org/d")


CHARGED, GIVEN_BACK = {"day": 1, "month": 1, "live": 0}, {"day": 0, "month": 0, "live": 0}


def reject(row: Submission, code: str) -> None:
    validate.reject(row=row, code=code, message="m")


def lose(row: Submission, token: WorkerToken) -> None:
    """A worker that stops answering, until the site gives up."""
    while Submission.objects.get(pk=row.pk).state in LIVE:
        Job.objects.update(not_before=Now())
        row.refresh_from_db()
        run(row, token)
        Job.objects.filter(state="running").update(lease_expires_at=Now() - timedelta(seconds=1))
        lease.expire_leases()


def overrun(row: Submission, token: WorkerToken) -> None:
    run(row, token)
    Job.objects.update(claimed_at=Now() - timedelta(days=9))
    assert lease.end_overtime() == 1


def spoil(row: Submission, token: WorkerToken) -> None:
    while Submission.objects.get(pk=row.pk).state in LIVE:
        Job.objects.update(not_before=Now())
        row.refresh_from_db()
        fail(run(row, token), "platform", "download_failed")


def cancel_running(row: Submission, token: WorkerToken) -> None:
    spec = run(row, token)
    cancel(submission=row.pk, owner=row.owner)
    fail(spec, "cancelled")


def cancel_released(row: Submission, token: WorkerToken) -> None:
    """It ran, its worker was stopped, and it waits again."""
    fail(run(row, token), "released")
    cancel(submission=row.pk, owner=row.owner)


def quarantine(row: Submission, token: WorkerToken) -> None:
    run(row, token)
    Submission.objects.filter(pk=row.pk).update(state="scoring")
    move_submission(submission=row.pk, before="scoring", after="quarantined", actor="staff")


End = Callable[[Submission, WorkerToken], object]
ENDS: dict[str, tuple[End, dict[str, int]]] = {
    "cancelled while validating": (lambda row, _: cancel(submission=row.pk, owner=row.owner), GIVEN_BACK),
    "cancelled while it runs": (cancel_running, CHARGED),
    "cancelled after it ran": (cancel_released, CHARGED),
    "no such model": (lambda row, _: reject(row, "model_not_found"), CHARGED),
    "too large": (lambda row, _: reject(row, "too_large"), CHARGED),
    **{code: (lambda row, _, code=code: reject(row, code), GIVEN_BACK) for code in sorted(SITE_CODES)},  # type: ignore[misc]
    "the model fails": (lambda row, token: fail(run(row, token), "model", "bad_weights"), CHARGED),
    "the site refuses results": (lambda row, token: fail(run(row, token), "model", "results_refused"), GIVEN_BACK),
    "the host fails": (spoil, GIVEN_BACK),
    "workers get lost": (lose, GIVEN_BACK),
    "over time": (overrun, CHARGED),
    "succeeded": (lambda row, token: finish(run(row, token), row), CHARGED),
    "quarantined": (quarantine, CHARGED),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_every_end_gives_back(owner: Owner, suite: Suite, worker_token: WorkerToken, end: str) -> None:
    row = ask(owner)
    act, expected = ENDS[end]
    act(row, worker_token)
    row.refresh_from_db()
    assert row.state not in LIVE
    assert used(owner) == expected
    assert (row.charged_on is None) == (expected == GIVEN_BACK)


def test_the_hub_away_for_too_long_is_given_back(
    owner: Owner, suite: Suite, settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HUB_PATIENCE_SECONDS = -1

    def pin(*_: object, **__: object) -> None:
        raise HubError("hub_unreachable", "The Hub does not answer.")

    monkeypatch.setattr(validate.hub, "pin", pin)
    row = ask(owner)
    validate.validate(submission=row.pk)
    row.refresh_from_db()
    assert (row.state, used(owner)) == ("rejected", GIVEN_BACK)


def test_it_is_given_back_to_the_day_that_paid(owner: Owner, suite: Suite) -> None:
    row, paid = ask(owner), date(2026, 1, 31)
    Submission.objects.filter(pk=row.pk).update(charged_on=paid)
    for period, start in (("day", paid), ("month", paid.replace(day=1))):
        Usage.objects.create(owner=owner, period=period, starts_on=start, used=3)
    cancel(submission=row.pk, owner=owner)
    assert used(owner) == {"day": 1, "month": 1, "live": 0}
    assert [one.used for one in Usage.objects.filter(starts_on__year=2026, starts_on__month=1)] == [2, 2]


def test_one_that_is_older_than_quotas_gives_nothing_back(owner: Owner, make_submission: Make) -> None:
    old = make_submission("org/old")
    ask(owner)
    cancel(submission=old.pk, owner=owner)
    assert used(owner) == {"day": 1, "month": 1, "live": 1}


@pytest.mark.parametrize("damage", ["update", "delete"])
def test_usage_changed_by_hand_never_goes_below_nothing(owner: Owner, suite: Suite, damage: str) -> None:
    row = ask(owner)
    Usage.objects.update(used=0) if damage == "update" else Usage.objects.all().delete()
    cancel(submission=row.pk, owner=owner)
    assert used(owner) == GIVEN_BACK


def test_no_move_leads_back_to_the_live_states() -> None:
    """What is given back once could otherwise be given back twice."""
    assert [before for before, after in SUBMISSION_MOVES.items() if before not in LIVE and after & LIVE] == []


@pytest.mark.parametrize("seed", range(4))
def test_usage_is_what_is_live_and_what_was_paid_whatever_happens(
    owner: Owner, suite: Suite, worker_token: WorkerToken, settings: DjangoSettings, seed: int
) -> None:
    """A random walk by the real actions; after each step the counters equal what the submissions say."""
    settings.CAPS = {"day": 40, "month": 50, "live": 4}
    dice = random.Random(seed)
    refused = ended = 0
    for step in range(45):
        live = list(Submission.objects.filter(state__in=LIVE))
        waiting = [row for row in live if row.state == "validating"]
        running = [row for row in live if row.state == "running"]
        act = dice.choice(["submit", "submit", "submit", "validate", "claim", "end", "end", "cancel", "lose"])
        if act == "submit":
            try:
                ask(owner, f"org/m{step}")
            except TooMany:
                refused += 1
        elif act == "validate" and waiting:
            row = dice.choice(waiting)
            verdict = dice.choice(["accept", "accept", "model_not_found", "hub_unreachable"])
            validate.accept(row, made.pinned(row)) if verdict == "accept" else reject(row, verdict)
        elif act == "claim" and any(row.state == "queued" for row in live):
            Job.objects.filter(state="queued").update(not_before=Now())
            spec = made.claim(worker_token)
            kind = dice.choice(["model", "platform", "released", "results", ""])
            row = Submission.objects.get(jobs=spec.job)
            if kind == "results":
                finish(spec, row)
            elif kind:
                fail(spec, kind)
        elif act == "cancel" and live:
            cancel(submission=dice.choice(live).pk, owner=owner)
        elif act == "lose" and running:
            Job.objects.filter(state="running").update(
                lease_expires_at=Now() - timedelta(seconds=1), losses=F("losses")
            )
            lease.expire_leases()
        rows = Submission.objects.all()
        paid = rows.filter(charged_on__isnull=False)
        counted = {"day": paid.count(), "month": paid.count(), "live": rows.filter(state__in=LIVE).count()}
        assert used(owner) == counted, (step, act)
        ended = max(ended, rows.exclude(state__in=LIVE).count())
    assert refused and ended > 5


def test_changing_caps_is_audited_and_needs_a_reason(owner: Owner) -> None:
    with pytest.raises(Refused):
        set_caps(owner=owner, caps={"day": 9}, actor="op", reason=" ")
    with pytest.raises(Refused):
        set_caps(owner=owner, caps={"day": 2**31}, actor="op", reason="asked")
    set_caps(owner=owner, caps={"day": 9, "live": None}, actor="op", reason="asked")
    told = Audit.objects.get()
    assert (told.actor, told.action, told.subject) == ("op", "set_caps", f"owner {owner.pk}")
    assert told.reason == "day 9, live as the site: asked"
    assert Owner.objects.get(pk=owner.pk).day_cap == 9
