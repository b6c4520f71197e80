"""Stopping at the budget or before anything is spent, and going on."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from evaluator.contract import LATENCY_BOUNDS, Price, Sampling, Spent
from leaderboard import tasks
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.pause import resume
from leaderboard.actions.preflight import record_preflight
from leaderboard.models import (
    EndpointHour,
    EndpointUse,
    Event,
    Job,
    Outbox,
    Owner,
    Submission,
    Suite,
    Usage,
    WorkerToken,
)
from leaderboard.queries.submissions import detail
from tests.leaderboard import invariants
from tests.leaderboard.endpoints import (
    CANARY,
    beat,
    claim,
    claimed,
    fail,
    finished,
    found,
    generated_suite,
    looked,
    running,
    submitted,
)

pytestmark = pytest.mark.django_db
USED = Spent(requests=90, input_tokens=900_000, output_tokens=100_000, dollars=1.5)


@pytest.fixture(autouse=True)
def talk(db: None) -> Suite:
    return generated_suite()


@pytest.fixture
def paused(owner: Owner, worker_token: WorkerToken) -> Submission:
    """Its budget is used up."""
    row, spec = running(owner, worker_token, price=Price(input=1, output=6), budget_dollars=1.5)
    assert fail(spec, "budget", code="budget", message="The budget of $1.50 is used up.", spent=USED)
    row.refresh_from_db()
    return row


def job_of(row: Submission) -> Job:
    return row.jobs.get(kind="evaluation")


def test_at_its_budget_a_submission_pauses_with_its_job(paused: Submission) -> None:
    job = job_of(paused)
    assert (paused.state, paused.error_code, paused.finished_at) == ("paused", "budget", None)
    assert paused.error_message == "The budget of $1.50 is used up."
    assert (job.state, job.lease_expires_at, job.token_digest, job.losses) == ("paused", None, "", 0)
    assert job.spent["dollars"] == 1.5
    assert not Outbox.objects.filter(kind="job").exists()
    assert Usage.objects.get(period="live").used == 1, "it is still live"
    assert paused.use.sealed_key, "its key is there for the rest"
    invariants.check()


def test_a_paused_one_is_given_to_nobody_and_its_old_attempt_is_refused(
    paused: Submission, worker_token: WorkerToken
) -> None:
    assert claim(worker_token) is None
    tasks.reconcile()
    paused.refresh_from_db()
    assert paused.state == "paused"
    with pytest.raises(Conflict):
        submitted(paused.owner, price=Price(input=1, output=6), budget_dollars=9.0)


def test_a_raised_budget_lets_it_go_on_with_what_it_has_spent(
    paused: Submission, worker_token: WorkerToken, files: object
) -> None:
    row = resume(submission=paused.pk, owner=paused.owner, budget_dollars=4.0, budget_tokens=2_000_000)
    assert (row.state, row.error_code, row.error_message) == ("queued", "", "")
    spec = claimed(worker_token)
    assert spec.endpoint is not None and spec.attempt == 2
    assert (spec.endpoint.budget_dollars, spec.endpoint.budget_tokens) == (4.0, 2_000_000)
    assert spec.endpoint.spent.dollars == 1.5
    row = finished(row, spec, spent=Spent(requests=120, input_tokens=1, output_tokens=1, dollars=2.0))
    assert row.state == "succeeded" and job_of(row).spent["dollars"] == 2.0
    assert [event.after for event in row.events.filter(job=None)] == [
        "validating", "queued", "running", "paused", "queued", "running", "scoring", "succeeded",
    ]  # fmt: skip
    invariants.check()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({}, "budget_tokens", "It has used 1,000,000 tokens"),
        ({"budget_tokens": 2_000_000}, "budget_dollars", "It has cost $1.50"),
        ({"budget_dollars": 9.0}, "budget_tokens", "raise the budget above that"),
        ({"budget_tokens": 999_999, "budget_dollars": 9.0}, "budget_tokens", "only be raised"),
        ({"budget_tokens": 2_000_000, "budget_dollars": 1.0}, "budget_dollars", "only be raised"),
        ({"budget_tokens": 2_000_000, "budget_dollars": float("nan")}, "budget_dollars", "only be raised"),
        ({"budget_tokens": 2_000_000, "budget_dollars": 9.0, "api_key": "a b"}, "api_key", "no spaces"),
    ],
)
def test_what_is_not_enough_is_refused_and_changes_nothing(
    paused: Submission, changes: dict[str, Any], field: str, words: str
) -> None:
    before = invariants.digest()
    with pytest.raises(Refused, match=words.replace("$", r"\$")) as refusal:
        resume(submission=paused.pk, owner=paused.owner, **changes)
    assert refusal.value.field == field
    assert invariants.digest() == before


def test_only_its_owner_may_and_only_once(paused: Submission) -> None:
    stranger = Owner.objects.create(kind="organisation", name="stranger")
    raised = {"budget_dollars": 4.0, "budget_tokens": 2_000_000}
    with pytest.raises(NotFound):
        resume(submission=paused.pk, owner=stranger, **raised)  # type: ignore[arg-type]
    resume(submission=paused.pk, owner=paused.owner, **raised)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="it is queued"):
        resume(submission=paused.pk, owner=paused.owner, **raised)  # type: ignore[arg-type]


def test_its_owner_may_give_up(paused: Submission) -> None:
    row = cancel(submission=paused.pk, owner=paused.owner)
    assert (row.state, job_of(row).state) == ("cancelled", "cancelled")
    assert EndpointUse.objects.get().sealed_key == ""
    assert Usage.objects.get(period="live").used == 0
    assert Usage.objects.get(period="day").used == 1, "a worker had started it"
    invariants.check()


def test_a_paused_one_whose_key_is_gone_goes_on_with_a_new_one(paused: Submission, worker_token: WorkerToken) -> None:
    EndpointUse.objects.update(key_given_at=Now() - timedelta(hours=25))
    tasks.reconcile()
    raised: dict[str, Any] = {"budget_dollars": 4.0, "budget_tokens": 2_000_000}
    with pytest.raises(Refused, match="Its API key was removed"):
        resume(submission=paused.pk, owner=paused.owner, **raised)
    resume(submission=paused.pk, owner=paused.owner, api_key="sk-new", **raised)
    spec = claimed(worker_token)
    assert spec.endpoint is not None and spec.endpoint.api_key == "sk-new"


# Before anything is spent.


def test_whoever_wants_to_see_the_estimate_first_is_waited_for(owner: Owner, worker_token: WorkerToken) -> None:
    row = submitted(owner, hold=True, price=Price(input=1, output=10), budget_dollars=50.0)
    looked(worker_token)
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("paused", "on_hold")
    estimate = row.use.estimate
    assert (estimate["requests"], estimate["input_tokens"], estimate["output_tokens"]) == (100, 70_000, 25_000)
    assert estimate["dollars"] == pytest.approx(0.32)
    assert estimate["seconds"] == pytest.approx(100 * 0.5 / 8)
    assert not estimate["measured"] and "assuming 700 tokens in" in estimate["basis"]
    assert claim(worker_token) is None
    invariants.check()
    assert resume(submission=row.pk, owner=owner).state == "queued"
    assert claim(worker_token) is not None


def test_what_is_expected_to_exceed_its_budget_does_not_start_by_itself(
    owner: Owner, worker_token: WorkerToken
) -> None:
    row = submitted(owner, budget_tokens=90_000)
    looked(worker_token)
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("paused", "over_budget")
    assert resume(submission=row.pk, owner=owner).state == "queued", "its owner may know better"


def test_cancelled_before_it_started_it_costs_no_quota(owner: Owner, worker_token: WorkerToken) -> None:
    row = submitted(owner, hold=True)
    looked(worker_token)
    cancel(submission=row.pk, owner=owner)
    assert Usage.objects.get(period="day").used == 0


def test_an_estimate_learns_from_what_was_measured(owner: Owner, worker_token: WorkerToken, files: object) -> None:
    row, spec = running(owner, worker_token)
    finished(row, spec, spent=Spent(requests=10, input_tokens=5_000, output_tokens=1_000))
    again = submitted(owner, sampling=Sampling(temperature=0.5, passes=3))
    looked(worker_token)
    again.refresh_from_db()
    estimate = again.use.estimate
    assert (estimate["requests"], estimate["input_tokens"], estimate["output_tokens"]) == (30, 15_000, 3_000)
    assert estimate["measured"] and estimate["basis"] == "As measured in one run of this suite by this model."


def test_without_a_number_of_items_there_is_no_estimate(owner: Owner, worker_token: WorkerToken) -> None:
    generated_suite("endless", limit=None)
    row = submitted(owner, suite="endless@1")
    looked(worker_token)
    row.refresh_from_db()
    assert (row.state, row.use.estimate) == ("queued", None)


# The look itself.


def test_a_look_is_taken_once_and_only_from_its_attempt(owner: Owner, worker_token: WorkerToken) -> None:
    row = submitted(owner)
    spec = claimed(worker_token)
    said = found(spec)
    with pytest.raises(Conflict):
        record_preflight(job=spec.job, token="attempt_other", found=said)
    assert record_preflight(job=spec.job, token=spec.token, found=said)
    assert not record_preflight(job=spec.job, token=spec.token, found=said), "the reply was lost"
    with pytest.raises(Conflict):
        record_preflight(job=spec.job, token=spec.token, found=found(spec, fingerprint="other"))
    row.refresh_from_db()
    assert row.state == "queued" and row.jobs.count() == 2
    invariants.check()


def test_a_look_says_why_not(owner: Owner, worker_token: WorkerToken) -> None:
    row = submitted(owner)
    fail(claimed(worker_token), "model", code="unauthorised", message="The endpoint answered 401: the key is wrong.")
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("rejected", "unauthorised")
    assert row.error_message == "The endpoint answered 401: the key is wrong."
    assert row.charged_on is not None
    invariants.check()


def test_a_look_that_its_worker_spoilt_is_tried_again_and_costs_nothing_in_the_end(
    owner: Owner, worker_token: WorkerToken
) -> None:
    row = submitted(owner)
    for _ in range(3):
        spec = claimed(worker_token)
        assert row.state == "validating"
        fail(spec, "platform", code="worker_broken", message="It broke.")
        Job.objects.filter(state="queued").update(not_before=Now())
        row.refresh_from_db()
        invariants.check()
    assert (row.state, row.error_code, row.charged_on) == ("rejected", "worker_broken", None)


def test_a_look_whose_worker_falls_silent_is_given_out_again(owner: Owner, worker_token: WorkerToken) -> None:
    row = submitted(owner)
    claimed(worker_token)
    Job.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    tasks.reconcile()
    row.refresh_from_db()
    assert (row.state, row.jobs.get().state) == ("validating", "queued")
    invariants.check()


def test_a_submission_can_be_cancelled_while_it_is_looked_at(owner: Owner, worker_token: WorkerToken) -> None:
    row = submitted(owner)
    spec = claimed(worker_token)
    assert cancel(submission=row.pk, owner=owner).state == "cancelled"
    with pytest.raises(Conflict):
        record_preflight(job=spec.job, token=spec.token, found=found(spec))
    invariants.check()


def test_echo_decides_about_likelihoods(owner: Owner, worker_token: WorkerToken, suite: Suite) -> None:
    without = submitted(owner, suite="tiny@1", protocol="openai-completions", model="one")
    looked(worker_token)
    proven = submitted(owner, suite="tiny@1", protocol="openai-completions", model="two")
    looked(worker_token, echo=True)
    without.refresh_from_db()
    proven.refresh_from_db()
    assert (without.state, without.error_code, proven.state) == ("rejected", "no_likelihoods", "queued")


def test_the_same_model_is_the_same_revision_until_its_fingerprint_changes(
    owner: Owner, worker_token: WorkerToken
) -> None:
    rows = []
    for temperature, fingerprint in ((0.1, "fp_1"), (0.2, "fp_1"), (0.3, "fp_2")):
        row = submitted(owner, sampling=Sampling(temperature=temperature))
        looked(worker_token, fingerprint=fingerprint)
        row.refresh_from_db()
        rows.append(row)
        cancel(submission=row.pk, owner=owner)
    assert rows[0].revision == rows[1].revision != rows[2].revision
    assert rows[0].revision.model == rows[2].revision.model


def test_an_equal_look_while_one_is_under_way_is_rejected_and_not_charged(
    owner: Owner, worker_token: WorkerToken
) -> None:
    first = submitted(owner)
    looked(worker_token)
    Submission.objects.filter(pk=first.pk).update(requested_model="as it was called before the staff knew better")
    twin = submitted(owner)
    looked(worker_token)
    twin.refresh_from_db()
    assert (twin.state, twin.error_code, twin.charged_on) == ("rejected", "duplicate_submission", None)


def test_a_look_that_nobody_can_take_says_so(owner: Owner, worker_token: WorkerToken) -> None:
    row = submitted(owner)
    found_there = detail(row.pk).endpoint
    assert found_there is not None and found_there.stuck == "No worker is online."
    looked(worker_token)
    found_there = detail(row.pk).endpoint
    assert found_there is not None and found_there.stuck == ""


# What is spent.


def histogram(**counts: int) -> tuple[int, ...]:
    line = [0] * (len(LATENCY_BOUNDS) + 1)
    for place, count in counts.items():
        line[int(place[1:])] = count
    return tuple(line)


def test_spending_is_noted_with_each_heartbeat_and_never_less(owner: Owner, worker_token: WorkerToken) -> None:
    row, spec = running(owner, worker_token)
    beat(spec, Spent(requests=10, input_tokens=100, output_tokens=50, dollars=0.1, errors={"429": 2}))
    beat(spec, Spent(requests=5, input_tokens=50, output_tokens=25, dollars=0.05))  # late
    assert job_of(row).spent["requests"] == 10
    fail(spec, "released", spent=Spent(requests=12, input_tokens=120, output_tokens=60, dollars=0.2, errors={"429": 3}))
    assert (job_of(row).spent["dollars"], job_of(row).state) == (0.2, "queued")


def test_each_hour_counts_what_happened_in_it(owner: Owner, worker_token: WorkerToken) -> None:
    row, spec = running(owner, worker_token)
    beat(spec, Spent(requests=12, output_tokens=60, errors={"429": 1, "timeout": 1}, latency=histogram(b3=8, b5=2)))
    EndpointHour.objects.update(hour=Now() - timedelta(hours=1))
    beat(spec, Spent(requests=32, output_tokens=260, errors={"429": 5, "timeout": 1}, latency=histogram(b3=8, b5=22)))
    earlier, later = EndpointHour.objects.order_by("hour")
    assert (earlier.requests, earlier.errors, earlier.throttled) == (10, 2, 1)
    assert (later.requests, later.errors, later.throttled, later.output_tokens) == (20, 4, 4, 200)
    assert (earlier.latency[3], earlier.latency[5], later.latency[3], later.latency[5]) == (8, 2, 0, 20)
    assert later.revision == row.revision


# The API.


def test_the_api_resumes(client: Client, api_token: str, paused: Submission) -> None:
    def post(body: Any) -> Any:
        address = f"/api/v1/submissions/{paused.pk}/resume/"
        headers = {"authorization": f"Bearer {api_token}"}
        return client.post(address, json.dumps(body), "application/json", headers=headers)

    assert client.post(f"/api/v1/submissions/{paused.pk}/resume/").status_code == 401
    refused = post({"budget_tokens": 10})
    assert (refused.status_code, refused.json()["field"]) == (400, "budget_tokens")
    assert post({"budget_tokens": 2_000_000, "state": "queued"}).json()["field"] == "state"
    assert post({"budget_tokens": 2_000_000, "hold": False}).json()["field"] == "hold"
    good = post({"budget_tokens": 2_000_000, "budget_dollars": 4, "api_key": CANARY})
    assert (good.status_code, good.json()["state"]) == (200, "queued")
    assert CANARY not in good.content.decode()
    assert good.json()["endpoint"]["spent"]["dollars"] == 1.5
    assert post({}).status_code == 409
    assert Event.objects.filter(reason="resumed").exists()
