"""Whether an endpoint answers as it did: checks against a baseline, evidence, and runs made on a schedule."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now
from django.test import Client

from evaluator.contract import Sampling, Spent
from leaderboard import tasks
from leaderboard.actions.accounts import create_person
from leaderboard.actions.drift import note_drift, note_missing, recheck_due, threshold, unwatch_endpoint, watch_endpoint
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.actions.register_endpoint import evaluate_endpoint, register_endpoint
from leaderboard.actions.score import score
from leaderboard.models import DriftCheck, Endpoint, Owner, Submission, Suite, User, Watch, WorkerToken
from leaderboard.queries.drift import drift
from leaderboard.queries.errors import BadQuery, Missing
from tests import samples
from tests.leaderboard.endpoints import access, claimed, looked, submitted
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db
Make = Any
GOOD = [1.0, 1.0, 1.0, 0.0] * 30
SAME = [1.0, 1.0, 1.0, 0.0] * 28 + [0.0, 1.0, 1.0, 1.0] * 2
WORSE = [1.0, 0.0, 0.0, 0.0] * 30


@pytest.fixture
def staff(db: None) -> User:
    return create_person(username="root", password=None, staff=True)


def run(token: WorkerToken, row: Submission, scores: list[float]) -> Submission:
    """Let a worker look at the endpoint, measure it, and the site score it."""
    looked(token, echo=True)
    spec = claimed(token)
    results = [samples.measured("alpha", scores), samples.BETA]
    samples.finish(spec, results, samples.agreeing(results), each=50)
    score(submission=row.pk)
    row.refresh_from_db()
    assert row.state == "succeeded"
    return row


def measure(owner: Owner, token: WorkerToken, scores: list[float], **changes: Any) -> Submission:
    row = submitted(owner, suite="tiny@1", protocol="openai-completions", **changes)
    return run(token, row, scores)


@pytest.fixture
def first(owner: Owner, suite: Suite, worker_token: WorkerToken, files: object) -> Submission:
    return measure(owner, worker_token, GOOD)


def test_the_levels_of_all_checks_add_up_to_one_in_twenty() -> None:
    assert threshold(1) == 0.025
    assert sum(threshold(number) for number in range(1, 100_000)) == pytest.approx(0.05, rel=1e-3)


def test_a_run_that_answers_alike_is_no_drift(first: Submission, worker_token: WorkerToken) -> None:
    again = measure(first.owner, worker_token, SAME)
    assert note_drift(submission=again.pk) == 1
    check = DriftCheck.objects.get()
    assert (check.baseline, check.current, check.number, check.drifted) == (first, again, 1, False)
    assert check.items == 122 and abs(check.difference) < 0.01
    assert note_drift(submission=again.pk) == 0, "once"


def test_a_run_that_answers_worse_is_flagged_with_evidence(
    first: Submission, worker_token: WorkerToken, client: Client
) -> None:
    again = measure(first.owner, worker_token, WORSE)
    note_drift(submission=again.pk)
    check = DriftCheck.objects.get()
    assert check.drifted and check.word == "worse" and check.difference == pytest.approx(-25)
    assert check.task == "alpha", "two items of beta leave the mean undecided"
    found = drift(check.endpoint_id)
    assert found.drifted and found.evidence is not None
    alpha = found.evidence.rows[0].entries[1].against
    assert alpha is not None and alpha.comparison.losses == 60 and alpha.comparison.wins == 0
    page = tree(client.get(f"/endpoints/{check.endpoint_id}/drift"))
    assert "It does not answer as it did" in page.text and "60 lost of 120" in page.text
    api = client.get(f"/api/v1/endpoints/{check.endpoint_id}/drift/").json()
    assert (api["drifted"], api["baseline"], api["runs"][0]["submission"]) == (True, first.pk, again.pk)
    table = client.get(f"/endpoints/{check.endpoint_id}/drift.csv").content.decode().splitlines()
    assert len(table) == 2 and ",true,worse,122" in table[1]


def test_later_checks_need_more(first: Submission, worker_token: WorkerToken) -> None:
    for _ in range(3):
        note_drift(submission=measure(first.owner, worker_token, SAME).pk)
    assert list(DriftCheck.objects.values_list("number", "threshold")) == [
        (1, 0.05 / 2), (2, 0.05 / 6), (3, pytest.approx(0.05 / 12)),
    ]  # fmt: skip


def test_other_settings_and_other_models_are_no_baseline(first: Submission, worker_token: WorkerToken) -> None:
    note_drift(submission=measure(first.owner, worker_token, WORSE, sampling=Sampling(temperature=0.5)).pk)
    note_drift(submission=measure(first.owner, worker_token, WORSE, model="another").pk)
    assert not DriftCheck.objects.exists()


def test_an_endpoint_is_compared_with_local_weights(
    first: Submission, worker_token: WorkerToken, make_submission: Make, client: Client
) -> None:
    local = made.measure(make_submission("org/weights"), worker_token, GOOD, each=50)
    endpoint = first.use.endpoint_id
    found = drift(endpoint, baseline=f"s{local.pk}")
    assert found.chosen and [line.submission for line in found.lines] == [first]
    assert found.lines[0].difference == 0 and found.lines[0].threshold is None
    page = client.get(f"/endpoints/{endpoint}/drift?baseline=s{local.pk}").content.decode()
    assert "which you chose" in page
    for wrong in ("s0", "x", "s99999999999999", "s1\x00"):
        with pytest.raises(BadQuery):
            drift(endpoint, baseline=wrong)
    with pytest.raises(BadQuery):
        drift(endpoint, suite="nothing@1")
    with pytest.raises(Missing):
        drift(10**6)
    assert client.get(f"/endpoints/{endpoint}/drift?baseline=x").status_code == 400
    assert client.get("/endpoints/999999/drift").status_code == 404


def test_with_nothing_to_compare_the_page_says_so(first: Submission, client: Client) -> None:
    page = client.get(f"/endpoints/{first.use.endpoint_id}/drift").content.decode()
    assert "Nothing to compare yet" in page


def test_scoring_notes_drift(first: Submission, worker_token: WorkerToken) -> None:
    again = measure(first.owner, worker_token, SAME)
    tasks.score(again.pk)
    assert DriftCheck.objects.get().current == again


def test_what_a_crash_left_out_is_noted_later(first: Submission, worker_token: WorkerToken) -> None:
    measure(first.owner, worker_token, SAME)
    assert note_missing() == 1
    assert note_missing() == 0


# On a schedule.


@pytest.fixture
def registered(staff: User, suite: Suite) -> Endpoint:
    given = access(protocol="openai-completions", budget_tokens=100_000_000)
    return register_endpoint(by=staff, access=given)


@pytest.fixture
def watch(staff: User, registered: Endpoint, worker_token: WorkerToken, files: object) -> Watch:
    row = evaluate_endpoint(endpoint=registered.pk, suite="tiny@1", by=staff, sampling=Sampling(temperature=None))
    row = run(worker_token, row, GOOD)
    return watch_endpoint(endpoint=registered.pk, like=row.pk, by=staff, every_days=7, budget_tokens=5_000_000)


def test_a_watched_endpoint_is_measured_again_as_before_and_compared(watch: Watch, worker_token: WorkerToken) -> None:
    assert recheck_due() == 0
    Watch.objects.update(due_at=Now() - timedelta(minutes=1))
    tasks.watch()
    made_again = Submission.objects.exclude(pk=watch.like_id).get()
    assert made_again.settings == watch.like.settings and made_again.use.budget_tokens == 5_000_000
    tasks.watch()
    assert Submission.objects.count() == 2, "once a period"
    run(worker_token, made_again, WORSE)
    tasks.watch()
    check = DriftCheck.objects.get()
    assert (check.baseline_id, check.current_id, check.drifted) == (watch.baseline_id, made_again.pk, True)


def test_a_check_that_cannot_be_made_is_noted_and_tried_the_next_time(watch: Watch) -> None:
    Endpoint.objects.update(budget_tokens=1)
    Submission.objects.get().jobs.filter(kind="evaluation").update(spent={"input_tokens": 5, "requests": 1})
    Watch.objects.update(due_at=Now())
    assert recheck_due() == 0
    watch.refresh_from_db()
    assert "used up" in watch.problem and watch.due_at > watch.created_at + timedelta(days=6)


def test_a_watch_is_the_staffs_and_has_a_budget(watch: Watch, person: User, staff: User) -> None:
    asked: dict[str, Any] = {"endpoint": watch.endpoint_id, "like": watch.like_id, "by": staff, "every_days": 7}
    for changes in ({"by": person, "budget_tokens": 1}, {}, {"budget_tokens": 1, "every_days": 0}):
        with pytest.raises(Refused):
            watch_endpoint(**(asked | changes))
    for changes in ({"like": 10**6}, {"endpoint": 10**6}, {"baseline": 10**6}):
        with pytest.raises(NotFound):
            watch_endpoint(**(asked | {"budget_tokens": 1} | changes))
    with pytest.raises(NotFound):
        unwatch_endpoint(watch=10**6, by=staff)
    unwatch_endpoint(watch=watch.pk, by=staff)
    assert not Watch.objects.exists()


def test_the_command_watches(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    like = str(watch.like_id)
    call_command("watch_endpoint", watch.endpoint_id, "--like", like, "--days", "3", "--dollars", "2", "--by", "root")
    assert f"against submission {like}" in capsys.readouterr().out
    assert Watch.objects.get().every_days == 3
    assert Spent() == Spent()
