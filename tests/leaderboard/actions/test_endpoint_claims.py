"""Who gets a key, when, and how it goes away again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now
from pytest_django import Settings as DjangoSettings

from evaluator.contract import ClaimRequest, Price, Sampling, Spent
from leaderboard import tasks
from leaderboard.actions import keys, lease
from leaderboard.actions.accounts import create_person, register_worker_token
from leaderboard.actions.cancel import cancel
from leaderboard.models import Endpoint, EndpointUse, Job, Model, Owner, Submission, Suite, WorkerToken
from tests.leaderboard.endpoints import (
    CANARY,
    URL,
    asking,
    claim,
    claimed,
    fail,
    finished,
    generated_suite,
    looked,
    running,
    submitted,
)

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


@pytest.fixture(autouse=True)
def talk(db: None) -> Suite:
    return generated_suite()


def test_a_claim_holds_all_that_the_gateway_needs(owner: Owner, worker_token: WorkerToken) -> None:
    sampling = Sampling(temperature=None, reasoning_effort="low", stop=False)
    submitted(owner, sampling=sampling, price=Price(input=1, output=2), budget_dollars=3.0, concurrency=5)
    spec = claimed(worker_token)
    asked = spec.endpoint
    assert asked is not None
    assert (asked.base_url, asked.protocol, asked.model, asked.api_key) == (URL, "openai-chat", "gpt-5", CANARY)
    assert (asked.sampling, asked.price, asked.concurrency) == (sampling, Price(input=1, output=2), 5)
    assert (asked.budget_tokens, asked.budget_dollars, asked.preflight) == (1_000_000, 3.0, True)
    assert (spec.model.name, spec.model.sha, spec.settings.engine) == ("api.example.org:443/gpt-5", "", "endpoint")
    assert spec.suite.slug == "talk@1"


def test_the_evaluation_is_of_what_was_looked_at(owner: Owner, worker_token: WorkerToken) -> None:
    row, spec = running(owner, worker_token)
    assert row.revision is not None and spec.endpoint is not None
    assert (row.state, spec.model.sha) == ("running", row.revision.sha)
    assert (row.revision.source, row.revision.fingerprint) == ("endpoint", "fp_1")
    assert (spec.endpoint.preflight, spec.endpoint.api_key) == (False, CANARY)
    assert spec.endpoint.spent.input_tokens == 20, "the look counts too"


def test_looks_come_before_evaluations(owner: Owner, worker_token: WorkerToken) -> None:
    submitted(owner)
    looked(worker_token)
    submitted(owner, model="later")
    first = claimed(worker_token)
    assert first.endpoint is not None and first.endpoint.preflight and first.endpoint.model == "later"


@pytest.mark.parametrize(
    "changes",
    [
        {"edition": 1},
        {"edition": 2},
        {"queues": ("cpu",)},
        {"queues": ("cpu", "gpu")},
        {"queues": ("cpu", "gpu"), "engines": ("vllm", "transformers", "endpoint")},
        {"engines": ("vllm",)},
        {"engines": ("vllm", "transformers")},
    ],
)
def test_a_worker_that_is_too_old_or_of_another_class_never_gets_it(
    owner: Owner, worker_token: WorkerToken, changes: dict[str, Any]
) -> None:
    submitted(owner)
    assert claim(worker_token, **changes) is None
    looked(worker_token)
    assert claim(worker_token, **changes) is None
    assert claim(worker_token) is not None


def test_an_untrusted_worker_never_gets_it_even_by_a_wrong_row(owner: Owner, worker_token: WorkerToken) -> None:
    stranger = register_worker_token(name="stranger", token="other-secret", trusted=False)
    submitted(owner)
    everything = asking(queues=("cpu", "gpu", "api"), engines=("vllm", "transformers", "endpoint"))
    assert lease.claim(token=stranger, request=everything) is None
    Job.objects.update(queue="cpu", engine="vllm")  # not even then
    assert lease.claim(token=stranger, request=everything) is None
    old = ClaimRequest(worker="old", queues=("cpu",), engines=("vllm",), edition=2)
    assert lease.claim(token=worker_token, request=old) is None


def test_a_claim_that_is_repeated_gets_the_key_once_more_and_only_its_own(
    owner: Owner, worker_token: WorkerToken
) -> None:
    submitted(owner)
    first, again = claim(worker_token, nonce="n" * 20), claim(worker_token, nonce="n" * 20)
    assert first is not None and again is not None
    assert (first.job, first.attempt, first.endpoint) == (again.job, again.attempt, again.endpoint)
    assert claim(worker_token, nonce="n" * 20, edition=2) is None
    assert claim(worker_token, nonce="m" * 20) is None


def test_an_edited_address_cannot_borrow_a_key(owner: Owner, worker_token: WorkerToken) -> None:
    row = submitted(owner)
    Endpoint.objects.update(base_url="https://evil.example/v1")
    assert claim(worker_token) is None
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("rejected", "key_unreadable")
    assert CANARY not in row.error_message
    other = submitted(owner, model="two")
    Endpoint.objects.filter(served="two").update(base_url="https://evil.example/v1", origin="https://evil.example")
    assert claim(worker_token) is None
    other.refresh_from_db()
    assert (other.state, other.use.sealed_key) == ("rejected", "")


def test_another_owners_endpoint_cannot_borrow_a_key(owner: Owner, worker_token: WorkerToken) -> None:
    row = submitted(owner)
    mallory = create_person(username="mallory", password=None).owner
    stolen = submitted(mallory, model="mine", api_key="")
    EndpointUse.objects.filter(submission=stolen).update(sealed_key=row.use.sealed_key)
    cancel(submission=row.pk, owner=owner)
    assert claim(worker_token) is None
    stolen.refresh_from_db()
    assert (stolen.state, stolen.error_code) == ("rejected", "key_unreadable")


def test_an_address_that_is_not_allowed_any_more_gets_no_key(
    owner: Owner, worker_token: WorkerToken, settings: DjangoSettings
) -> None:
    settings.ENDPOINT_ENTRIES, settings.ENDPOINT_USERS = ["10.1.2.3:8000"], ["*"]
    row = submitted(owner, base_url="http://10.1.2.3:8000/v1")
    settings.ENDPOINT_USERS = []
    assert claim(worker_token) is None
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("rejected", "not_https")


def test_the_worker_is_told_which_private_addresses_its_owner_may_reach(
    owner: Owner, worker_token: WorkerToken, settings: DjangoSettings
) -> None:
    settings.ENDPOINT_ENTRIES, settings.ENDPOINT_USERS = ["10.1.2.3:8000"], ["ada"]
    submitted(owner, base_url="http://10.1.2.3:8000/v1")
    spec = claimed(worker_token)
    assert spec.endpoint is not None and spec.endpoint.allowed == ("10.1.2.3:8000",)


def test_nobody_needs_a_key_where_none_was_given(owner: Owner, worker_token: WorkerToken) -> None:
    submitted(owner, api_key="")
    spec = claimed(worker_token)
    assert spec.endpoint is not None and spec.endpoint.api_key == ""


def has_key(row: Submission) -> bool:
    return bool(EndpointUse.objects.get(submission=row).sealed_key)


def test_a_key_goes_when_its_submission_ends(owner: Owner, worker_token: WorkerToken, files: object) -> None:
    rejected = submitted(owner, model="one")
    fail(claimed(worker_token), "model", code="bad_key", message="401: the key is not known there.")
    cancelled = submitted(owner, model="two")
    cancel(submission=cancelled.pk, owner=owner)
    failed, spec = running(owner, worker_token, model="three")
    assert has_key(failed)
    fail(spec, "model")
    done, spec = running(owner, worker_token, model="four")
    assert finished(done, spec).state == "succeeded"
    for row, state in ((rejected, "rejected"), (cancelled, "cancelled"), (failed, "failed"), (done, "succeeded")):
        row.refresh_from_db()
        assert (row.state, has_key(row)) == (state, False)
        assert EndpointUse.objects.get(submission=row).key_wiped_at is not None
    assert rejected.error_message == "401: the key is not known there."


def test_a_key_is_gone_after_a_day_and_what_waits_then_waits_for_its_owner(
    owner: Owner, worker_token: WorkerToken
) -> None:
    row = submitted(owner)
    looked(worker_token)
    EndpointUse.objects.update(key_given_at=Now() - timedelta(hours=23))
    tasks.reconcile()
    assert has_key(row)
    EndpointUse.objects.update(key_given_at=Now() - timedelta(hours=25))
    tasks.reconcile()
    row.refresh_from_db()
    assert (row.state, row.error_code, has_key(row)) == ("paused", "key_gone", False)
    assert claim(worker_token) is None


def test_what_runs_when_its_key_goes_runs_on_and_is_not_given_out_again(
    owner: Owner, worker_token: WorkerToken
) -> None:
    row, spec = running(owner, worker_token)
    EndpointUse.objects.update(key_given_at=Now() - timedelta(hours=25))
    tasks.reconcile()
    row.refresh_from_db()
    assert (row.state, has_key(row)) == ("running", False)
    fail(spec, "released")
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("paused", "key_gone")


def test_a_look_that_never_came_ends_with_its_key(owner: Owner, worker_token: WorkerToken) -> None:
    row = submitted(owner)
    EndpointUse.objects.update(key_given_at=Now() - timedelta(hours=25))
    tasks.reconcile()
    row.refresh_from_db()
    assert (row.state, row.error_code, row.charged_on) == ("rejected", "not_looked_at", None)


def test_keys_survive_a_change_of_the_sites_secret(
    owner: Owner, worker_token: WorkerToken, settings: DjangoSettings
) -> None:
    submitted(owner)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "new" * 20
    assert keys.reseal_keys() == 1
    settings.SECRET_KEY_FALLBACKS = []
    spec = claimed(worker_token)
    assert spec.endpoint is not None and spec.endpoint.api_key == CANARY


def test_bootstrap_seals_keys_anew(owner: Owner, capsys: pytest.CaptureFixture[str]) -> None:
    submitted(owner)
    call_command("bootstrap")
    assert "API keys: 1 sealed with the newest key" in capsys.readouterr().out


def test_the_catalogues_price_is_told_where_the_staff_vouches(owner: Owner, worker_token: WorkerToken) -> None:
    submitted(owner)
    spec = claimed(worker_token)
    assert spec.endpoint is not None and spec.endpoint.price is None
    assert not Model.objects.filter(name__contains="gpt-5").exists(), "nothing is in the catalogue before it answers"


def test_weights_are_given_out_as_ever(owner: Owner, worker_token: WorkerToken, make_submission: Make) -> None:
    make_submission()
    old = ClaimRequest(worker="old", queues=("cpu",), engines=("vllm",), edition=1)
    spec = lease.claim(token=worker_token, request=old)
    assert spec is not None and spec.endpoint is None


def test_spent_is_none_of_a_job_without_an_endpoint(
    owner: Owner, worker_token: WorkerToken, make_submission: Make
) -> None:
    row = make_submission()
    request = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",), edition=3)
    spec = lease.claim(token=worker_token, request=request)
    assert spec is not None
    fail(spec, "platform", spent=Spent(requests=5, dollars=1.0))
    assert row.jobs.get().spent == {}


def test_a_worker_with_a_hand_for_looks_only_gets_no_evaluation(owner: Owner, worker_token: WorkerToken) -> None:
    submitted(owner)
    looked(worker_token)
    assert claim(worker_token, looks_only=True) is None
    submitted(owner, model="later")
    spec = claim(worker_token, looks_only=True)
    assert spec is not None and spec.endpoint is not None and spec.endpoint.preflight
    assert claim(worker_token, looks_only=True) is None
    assert claim(worker_token) is not None
