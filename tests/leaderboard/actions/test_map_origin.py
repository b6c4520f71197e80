"""Whose an endpoint is: unranked until the staff says so, and the site's own endpoints."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from evaluator.contract import Price, Spent
from leaderboard.actions.access import Access
from leaderboard.actions.accounts import create_person
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.actions.map_origin import map_origin, unmap_origin
from leaderboard.actions.register_endpoint import evaluate_endpoint, register_endpoint
from leaderboard.columnar.ranking import UNVERIFIED_ENDPOINT
from leaderboard.models import (
    Audit,
    Endpoint,
    EndpointUse,
    Model,
    Owner,
    ProviderOrigin,
    Submission,
    Suite,
    User,
    WorkerToken,
)
from leaderboard.queries.endpoints import operators_left, whose
from leaderboard.queries.rows import Row
from tests.leaderboard.endpoints import (
    CANARY,
    URL,
    access,
    claimed,
    fail,
    finished,
    generated_suite,
    looked,
    running,
    submitted,
)
from tests.leaderboard.pages.made import rows

pytestmark = pytest.mark.django_db
ORIGIN = "https://api.example.org"


@pytest.fixture(autouse=True)
def talk(db: None) -> Suite:
    return generated_suite()


@pytest.fixture
def staff(db: None) -> User:
    return create_person(username="root", password=None, staff=True)


@pytest.fixture
def measured_there(owner: Owner, worker_token: WorkerToken, files: object) -> Submission:
    row, spec = running(owner, worker_token)
    return finished(row, spec)


def only_row() -> Row:
    found = rows("talk@1")
    assert len(found) == 1
    return found[0]


def test_an_unverified_endpoint_has_its_score_and_no_rank(measured_there: Submission) -> None:
    row = only_row()
    assert row.score == measured_there.score is not None
    assert (row.rank, row.unranked_reason, row.model_name) == (None, UNVERIFIED_ENDPOINT, "api.example.org:443/gpt-5")


def test_the_staffs_word_gives_what_was_measured_its_name_and_rank_and_takes_them_back(
    measured_there: Submission, staff: User
) -> None:
    Model.objects.create(name="openai/gpt-5", kind="proprietary")
    map_origin(origin=f"{ORIGIN}:443/", provider="openai", source="its documentation", by=staff)
    row = only_row()
    assert (row.rank, row.model_name, row.kind) == (1, "openai/gpt-5", "proprietary")
    assert Audit.objects.get().subject == ORIGIN
    unmap_origin(origin=ORIGIN, reason="it was a mistake", by=staff)
    row = only_row()
    assert (row.rank, row.model_name) == (None, "api.example.org:443/gpt-5")


def test_one_served_name_can_be_told_apart(measured_there: Submission, staff: User) -> None:
    Model.objects.create(name="openai/gpt-5-large", kind="proprietary")
    map_origin(origin=ORIGIN, provider="reseller", source="s", by=staff)
    map_origin(origin=ORIGIN, provider="openai", served="gpt-5", model="openai/gpt-5-large", source="s", by=staff)
    assert only_row().model_name == "openai/gpt-5-large"
    assert whose(ORIGIN, "other").name == "reseller/other"
    unmap_origin(origin=ORIGIN, served="gpt-5", reason="r", by=staff)
    assert only_row().model_name == "reseller/gpt-5"


def test_another_host_that_calls_itself_gpt_5_stays_unranked(
    owner: Owner, worker_token: WorkerToken, files: object, staff: User
) -> None:
    map_origin(origin=ORIGIN, provider="openai", source="s", by=staff)
    for address in (
        "https://api.example.org.evil.example/v1",
        "https://api.example.org:8443/v1",
        "https://evil.example/v1",
    ):
        row, spec = running(owner, worker_token, base_url=address)
        finished(row, spec)
    assert [row.rank for row in rows("talk@1")] == [None] * 3
    assert {row.model_name.rpartition("/")[2] for row in rows("talk@1")} == {"gpt-5"}
    assert not any(row.model_name.startswith("openai/") for row in rows("talk@1"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"origin": "api.openai.com"}, "origin"),
        ({"origin": "https://api.openai.com/v1"}, "origin"),
        ({"origin": "https://u@api.openai.com"}, "origin"),
        ({"origin": ""}, "origin"),
        ({"provider": "Open AI"}, "provider"),
        ({"provider": ""}, "provider"),
        ({"source": " "}, "source"),
        ({"served": "gpt-5"}, "model"),
        ({"model": "openai/gpt-5"}, "model"),
    ],
)
def test_a_statement_that_says_too_little_is_refused(staff: User, changes: dict[str, Any], field: str) -> None:
    asked = {"origin": ORIGIN, "provider": "openai", "source": "s", "by": staff} | changes
    with pytest.raises(Refused) as refusal:
        map_origin(**asked)
    assert refusal.value.field == field
    assert not ProviderOrigin.objects.exists() and not Audit.objects.exists()


def test_only_staff_may(person: User) -> None:
    with pytest.raises(Refused, match="staff"):
        map_origin(origin=ORIGIN, provider="openai", source="s", by=person)
    with pytest.raises(Refused, match="staff"):
        unmap_origin(origin=ORIGIN, reason="r", by=person)
    with pytest.raises(Refused, match="staff"):
        register_endpoint(by=person, access=access())


def test_what_was_never_said_cannot_be_taken_back(staff: User) -> None:
    with pytest.raises(NotFound):
        unmap_origin(origin=ORIGIN, reason="r", by=staff)


def test_a_verified_endpoint_costs_what_the_catalogue_says(
    owner: Owner, worker_token: WorkerToken, staff: User
) -> None:
    Model.objects.create(name="openai/gpt-5", kind="proprietary", input_price=2, output_price=8)
    map_origin(origin=ORIGIN, provider="openai", source="s", by=staff)
    row = submitted(owner, budget_dollars=1.0, budget_tokens=None)
    assert row.requested_model == "openai/gpt-5"
    spec = claimed(worker_token)
    assert spec.endpoint is not None and spec.endpoint.price == Price(input=2.0, output=8.0)


# The site's own.


def test_a_registered_endpoint_keeps_its_key_and_its_budget(
    staff: User, worker_token: WorkerToken, files: object
) -> None:
    endpoint = register_endpoint(by=staff, access=access(budget_tokens=10_000_000, budget_dollars=None))
    row = evaluate_endpoint(endpoint=endpoint.pk, suite="talk@1", by=staff)
    assert (row.use.sealed_key, row.use.endpoint) == ("", endpoint)
    spec = looked(worker_token)
    assert spec.endpoint is not None and spec.endpoint.api_key == CANARY
    spec = claimed(worker_token)
    assert (
        finished(row, spec, spent=Spent(requests=9, input_tokens=6_000_000, output_tokens=1_000)).state == "succeeded"
    )
    assert Endpoint.objects.get().sealed_key and EndpointUse.objects.get().key_wiped_at is None
    assert operators_left(endpoint).tokens == 10_000_000 - 6_001_000
    again = evaluate_endpoint(endpoint=endpoint.pk, suite="talk@1", by=staff, budget_tokens=9_000_000)
    spec = claimed(worker_token)
    assert spec.endpoint is not None
    assert (again.use.budget_tokens, spec.endpoint.budget_tokens) == (9_000_000, 3_999_000), "what is left binds too"
    fail(spec, "model", spent=Spent(requests=9, input_tokens=3_999_000))
    with pytest.raises(Refused, match="used up"):
        evaluate_endpoint(endpoint=endpoint.pk, suite="talk@1", by=staff)


def test_commands_read_the_key_from_standard_input(
    staff: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{CANARY}\n"))
    call_command("register_endpoint", URL, "openai-chat", "gpt-5", "--tokens", "1000000", "--by", "root")
    endpoint = Endpoint.objects.get()
    call_command("evaluate_endpoint", endpoint.pk, "talk@1", "--by", "root")
    call_command("map_origin", ORIGIN, "openai", "--source", "its documentation", "--by", "root")
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"endpoint {endpoint.pk}: gpt-5 at {ORIGIN}",
        f"submission {Submission.objects.get().pk}: api.example.org:443/gpt-5 on talk@1",
        f"{ORIGIN} every model: openai/…",
    ]
    assert CANARY not in said.out + said.err
    for wrong in (
        ["map_origin", "nowhere", "openai", "--source", "s", "--by", "root"],
        ["map_origin", ORIGIN, "openai", "--source", "s", "--by", "nobody"],
        ["evaluate_endpoint", "999", "talk@1", "--by", "root"],
        ["register_endpoint", "https://127.0.0.1/", "openai-chat", "m", "--by", "root"],
    ):
        with pytest.raises(CommandError):
            call_command(*wrong)


def test_nobody_else_can_use_its_key(owner: Owner, staff: User, worker_token: WorkerToken) -> None:
    register_endpoint(by=staff, access=access())
    submitted(owner, api_key="")
    spec = claimed(worker_token)
    assert spec.endpoint is not None and spec.endpoint.api_key == ""
    with pytest.raises(NotFound):
        evaluate_endpoint(endpoint=owner.endpoints.get().pk, suite="talk@1", by=staff)


def test_registering_is_checked_like_submitting(staff: User) -> None:
    for changes in ({"base_url": "https://10.0.0.1/"}, {"model": ""}, {"protocol": "x"}):
        with pytest.raises(Refused):
            register_endpoint(
                by=staff, access=Access(**({"base_url": URL, "protocol": "openai-chat", "model": "m"} | changes))
            )
