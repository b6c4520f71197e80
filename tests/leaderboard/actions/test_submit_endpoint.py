"""What is taken as an endpoint and what is not: addresses, keys, budgets, and how it is asked."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings as DjangoSettings

from evaluator.addresses import Allowed
from evaluator.contract import Price, Sampling
from leaderboard.actions.accounts import create_person
from leaderboard.actions.errors import Conflict, Refused, TooMany
from leaderboard.models import Endpoint, EndpointUse, Job, Outbox, Owner, Submission, Suite
from tests.leaderboard import endpoints
from tests.leaderboard.endpoints import CANARY, access, generated_suite, submitted

pytestmark = pytest.mark.django_db

ADDRESSES = [
    "http://api.example.org/v1", "ftp://api.example.org/v1", "file:///etc/passwd", "gopher://api.example.org/",
    "//api.example.org/v1", "api.example.org/v1", "", "https://", "https:///v1", "https://user:pw@api.example.org/v1",
    "https://api.example.org@127.0.0.1/v1", "https://127.0.0.1/v1", "https://127.0.0.1:8443/v1", "https://127.1/v1",
    "https://2130706433/v1", "https://0x7f000001/v1", "https://0177.0.0.1/v1", "https://0x7f.1/v1", "https://0/v1",
    "https://0.0.0.0/v1", "https://10.0.0.1/v1", "https://172.16.0.1/v1", "https://192.168.1.1/v1",
    "https://100.64.0.1/v1", "https://169.254.169.254/latest/meta-data", "https://169.254.170.2/v2",
    "https://100.100.100.200/v1", "https://168.63.129.16/v1", "https://metadata.google.internal/computeMetadata/v1",
    "https://metadata/v1", "https://localhost/v1", "https://localhost.:8443/v1", "https://app.localhost/v1",
    "https://vllm.internal/v1", "https://printer.local/v1", "https://vllm/v1", "https://[::1]/v1", "https://[::]/v1",
    "https://[::ffff:127.0.0.1]/v1", "https://[::ffff:a9fe:a9fe]/v1", "https://[64:ff9b::7f00:1]/v1",
    "https://[64:ff9b:1::a9fe:a9fe]/v1", "https://[2002:7f00:1::]/v1", "https://[2002:a9fe:a9fe::]/v1",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/v1", "https://[fe80::1]/v1", "https://[fe80::1%25eth0]/v1",
    "https://[fc00::1]/v1", "https://[fd00:ec2::254]/v1", "https://[ff02::1]/v1", "https://224.0.0.1/v1",
    "https://255.255.255.255/v1", "https://198.18.0.1/v1", "https://192.0.2.1/v1", "https://api.example.org:22/v1",
    "https://api.example.org:0/v1", "https://api.example.org:99999/v1", "https://api.example.org:8o80/v1",
    "https://①②⑦.⓪.⓪.①/v1", "https://127。0。0。1/v1", "https://ⓛocalhost/v1", "https://api.exa mple.org/v1",
    "https://api.example.org\\@127.0.0.1/v1", "https://api.example.org/v1\r\nHost: evil", "https://\u202eapi.example/v1",
    "https://-api.example.org/v1", "https://api..example.org/v1", "https://" + "a" * 64 + ".example.org/v1",
    "https://api.example.org/v1?key=1", "https://api.example.org/v1#x", "https://api.example.org/v1/chat/completions",
]  # fmt: skip


@pytest.fixture(autouse=True)
def talk(db: None) -> Suite:
    return generated_suite()


def test_there_are_enough_of_them() -> None:
    assert len(set(ADDRESSES)) == len(ADDRESSES) >= 60


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_such_address_is_taken(owner: Owner, address: str) -> None:
    with pytest.raises(Refused) as refusal:
        submitted(owner, base_url=address)
    assert refusal.value.field == "endpoint.base_url"
    assert refusal.value.message.endswith(".")
    assert CANARY not in refusal.value.message
    assert not Submission.objects.exists() and not EndpointUse.objects.exists()


def test_a_submission_waits_for_a_look_at_its_endpoint(owner: Owner) -> None:
    row = submitted(owner, base_url=" https://API.Example.org:443/v1/ ", model=" gpt-5 ", concurrency=4)
    use = row.use
    assert (row.state, row.requested_model, row.requested_revision) == (
        "validating", "api.example.org:443/gpt-5", "openai-chat",
    )  # fmt: skip
    assert (use.endpoint.base_url, use.endpoint.origin) == ("https://api.example.org/v1", "https://api.example.org")
    assert (use.endpoint.served, use.concurrency, use.budget_tokens) == ("gpt-5", 4, 1_000_000)
    job = row.jobs.get()
    assert (job.kind, job.queue, job.engine, job.state) == ("preflight", "api", "endpoint", "queued")
    assert list(Outbox.objects.values_list("kind", "subject", "queue")) == [("job", job.pk, "api")]
    assert row.settings["engine"] == "endpoint" and row.settings["protocol"] == "openai-chat"
    assert row.settings["sampling"]["temperature"] == 0.0


def test_the_same_endpoint_is_known_again(owner: Owner) -> None:
    submitted(owner)
    submitted(owner, sampling=Sampling(temperature=0.5))
    assert Endpoint.objects.count() == 1 and EndpointUse.objects.count() == 2


def test_two_submissions_differ_in_how_they_ask(owner: Owner) -> None:
    first = submitted(owner)
    with pytest.raises(Conflict) as refusal:
        submitted(owner, api_key="another", concurrency=2)
    assert refusal.value.url == f"/submissions/{first.pk}"
    submitted(owner, sampling=Sampling(reasoning_effort="high"))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"protocol": "openai"}, "protocol", "one of openai-chat"),
        ({"model": ""}, "model", "up to 120 letters"),
        ({"model": "gpt 5"}, "model", "up to 120 letters"),
        ({"model": "gpt-5\n"}, None, ""),
        ({"model": "a\u202eb"}, "model", "up to 120 letters"),
        ({"model": "m" * 121}, "model", "up to 120 letters"),
        ({"api_key": "two words"}, "api_key", "no spaces"),
        ({"api_key": "sk-\r\nX-Evil: 1"}, "api_key", "no spaces"),
        ({"api_key": "ключ"}, "api_key", "ASCII"),
        ({"api_key": "k" * 1_001}, "api_key", "up to 1,000"),
        ({"headers": {"Authorization": "Bearer x"}}, "headers", "Only these headers"),
        ({"headers": {"Host": "evil.example"}}, "headers", "Only these headers"),
        ({"headers": {"x-title": "a\r\nb"}}, "headers", "plain characters"),
        ({"headers": {"x-title": CANARY}}, "headers", "which is no secret"),
        ({"base_url": f"https://api.example.org/{CANARY}"}, "base_url", "where others see it"),
        ({"sampling": Sampling(temperature=2.5)}, "sampling.temperature", "from 0 to 2"),
        ({"sampling": Sampling(temperature=float("nan"))}, "sampling.temperature", "from 0 to 2"),
        ({"sampling": Sampling(top_p=0.0)}, "sampling.top_p", "above 0"),
        ({"sampling": Sampling(passes=3)}, "sampling.passes", "every pass would say the same"),
        ({"sampling": Sampling(max_tokens=100, thinking_tokens=100)}, "sampling.thinking_tokens", "some left"),
        ({"concurrency": 0}, "concurrency", "from 1 to 256"),
        ({"concurrency": 257}, "concurrency", "from 1 to 256"),
        ({"price": Price(input=-1, output=1)}, "price", "US dollars"),
        ({"price": Price(input=float("inf"), output=1)}, "price", "US dollars"),
        ({"budget_tokens": 0}, "budget_tokens", "1 to"),
        ({"budget_dollars": float("nan")}, "budget_dollars", "above $0"),
        ({"budget_dollars": -1.0}, "budget_dollars", "above $0"),
        ({"budget_tokens": None}, "budget_dollars", "nothing is asked without a bound"),
        ({"budget_dollars": 5.0}, "price", "Nobody knows what this model costs"),
    ],
)
def test_what_is_wrong_is_said_of_its_field(
    owner: Owner, changes: dict[str, Any], field: str | None, words: str
) -> None:
    if field is None:  # spaces at the ends do not matter
        assert submitted(owner, **changes).use.endpoint.served == "gpt-5"
        return
    with pytest.raises(Refused) as refusal:
        submitted(owner, **changes)
    assert refusal.value.field == f"endpoint.{field}"
    assert words in refusal.value.message
    assert CANARY not in refusal.value.message
    assert not Submission.objects.exists()


def test_a_suite_of_likelihoods_needs_a_protocol_that_tells_them(owner: Owner, suite: Suite) -> None:
    for protocol in ("openai-chat", "openai-responses", "anthropic-messages"):
        with pytest.raises(Refused, match="Alpha compare log-likelihoods") as refusal:
            submitted(owner, suite="tiny@1", protocol=protocol)
        assert (refusal.value.code, refusal.value.field) == ("no_likelihoods", "suite")
    assert submitted(owner, suite="tiny@1", protocol="openai-completions").state == "validating"


@pytest.mark.parametrize("sampling", [Sampling(reasoning_effort="low"), Sampling(thinking_tokens=1_000)])
def test_thinking_and_likelihoods_exclude_each_other(owner: Owner, suite: Suite, sampling: Sampling) -> None:
    with pytest.raises(Refused) as refusal:
        submitted(owner, suite="tiny@1", protocol="openai-completions", sampling=sampling)
    assert refusal.value.code == "thinking_likelihoods"


def test_quotas_count_endpoints_too_and_a_full_one_leaves_nothing(owner: Owner) -> None:
    Owner.objects.filter(pk=owner.pk).update(live_cap=1)
    owner.refresh_from_db()
    submitted(owner)
    with pytest.raises(TooMany):
        submitted(owner, model="gpt-6")
    assert EndpointUse.objects.count() == Submission.objects.count() == Job.objects.count() == 1


IN_HOUSE = "http://10.1.2.3:8000/v1"


@pytest.fixture
def in_house(settings: DjangoSettings) -> DjangoSettings:
    settings.ENDPOINT_ENTRIES = ["10.1.2.3:8000", "vllm.corp"]
    settings.ENDPOINT_ALLOW = Allowed.parse(",".join(settings.ENDPOINT_ENTRIES))
    settings.ENDPOINT_USERS = ["grace"]
    return settings


def test_in_house_servers_are_for_those_who_are_named(owner: Owner, in_house: DjangoSettings) -> None:
    grace = create_person(username="grace", password=None).owner
    with pytest.raises(Refused, match="only contacted over https"):
        submitted(owner, base_url=IN_HOUSE)
    row = submitted(grace, base_url=IN_HOUSE, api_key="", budget_tokens=None)
    assert row.requested_model == "10.1.2.3:8000/gpt-5"
    with pytest.raises(Refused):
        submitted(grace, base_url="http://10.1.2.3:9000/v1")
    in_house.ENDPOINT_USERS = ["*"]
    assert submitted(owner, base_url=IN_HOUSE, model="other", budget_tokens=None).pk


@pytest.mark.parametrize("address", ["http://169.254.169.254/v1", "http://metadata.google.internal/v1"])
def test_metadata_is_for_nobody_whatever_is_allowed(owner: Owner, settings: DjangoSettings, address: str) -> None:
    settings.ENDPOINT_ENTRIES, settings.ENDPOINT_USERS = ["169.254.0.0/16", "metadata.google.internal"], ["*"]
    with pytest.raises(Refused) as refusal:
        submitted(owner, base_url=address)
    assert refusal.value.code == "private_address"


# The API.

BODY: dict[str, Any] = {
    "suite": "talk@1",
    "endpoint": {
        "base_url": endpoints.URL, "protocol": "anthropic-messages", "model": "claude-x", "api_key": CANARY,
        "budget_dollars": 2.5, "price": {"input": 3, "output": 15}, "concurrency": 3,
        "sampling": {"temperature": None, "reasoning_effort": "low"}, "headers": {"anthropic-version": "2023-06-01"},
    },
}  # fmt: skip


def post(client: Client, token: str, body: Any) -> Any:
    return client.post(
        "/api/v1/submissions/", json.dumps(body), "application/json", headers={"authorization": f"Bearer {token}"}
    )


def test_the_api_takes_an_endpoint_in_place_of_a_model(client: Client, api_token: str) -> None:
    reply = post(client, api_token, BODY)
    assert reply.status_code == 201, reply.content
    assert CANARY not in reply.content.decode()
    said = reply.json()
    assert (said["state"], said["model"]) == ("validating", "api.example.org:443/claude-x")
    assert said["settings"]["sampling"]["reasoning_effort"] == "low"
    assert said["endpoint"]["price"] == {"input": 3.0, "output": 15.0, "cached": None}
    assert (said["endpoint"]["verified"], said["endpoint"]["budget_dollars"]) == (False, 2.5)
    assert EndpointUse.objects.get().headers == {"anthropic-version": "2023-06-01"}


def changed(**changes: Any) -> dict[str, Any]:
    return {**BODY, "endpoint": {**BODY["endpoint"], **changes}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**BODY, "model": "org/name"}, "model"),
        ({**BODY, "revision": "main"}, "revision"),
        ({**BODY, "settings": {"engine": "vllm"}}, "settings"),
        ({**BODY, "owner": "grace"}, "owner"),
        ({**BODY, "state": "succeeded"}, "state"),
        (changed(operated=True), "endpoint.operated"),
        (changed(origin="https://api.openai.com"), "endpoint.origin"),
        (changed(sealed_key="x"), "endpoint.sealed_key"),
        (changed(key_wiped_at=None), "endpoint.key_wiped_at"),
        (changed(spent={}), "endpoint.spent"),
        (changed(allowed=["10.0.0.0/8"]), "endpoint.allowed"),
        (changed(preflight=False), "endpoint.preflight"),
        (changed(id=1), "endpoint.id"),
        (changed(price={"input": 1, "output": 2, "extra": 3}), "endpoint.price.extra"),
        (changed(price={"input": 1}), "endpoint.price.output"),
        (changed(sampling={"temperature": 0, "seed": 1}), "endpoint.sampling.seed"),
        (changed(sampling={"passes": 65}), "endpoint.sampling.passes"),
        (changed(sampling={"reasoning_effort": "max"}), "endpoint.sampling.reasoning_effort"),
        (changed(protocol="grpc"), "endpoint.protocol"),
        (changed(base_url="https://127.0.0.1/"), "endpoint.base_url"),
        (changed(headers={"cookie": "a"}), "endpoint.headers"),
        (changed(concurrency="many"), "endpoint.concurrency"),
        (changed(budget_tokens=1.5), "endpoint.budget_tokens"),
        ({"suite": "talk@1"}, "model"),
        ({"suite": "talk@1", "endpoint": None}, "endpoint"),
        ({"suite": "talk@1", "endpoint": []}, "endpoint"),
    ],
)
def test_unknown_and_wrong_fields_are_400_and_store_nothing(
    client: Client, api_token: str, body: dict[str, Any], field: str
) -> None:
    reply = post(client, api_token, body)
    assert (reply.status_code, reply.json()["field"]) == (400, field), reply.content
    assert CANARY not in reply.content.decode()
    assert not Submission.objects.exists() and not EndpointUse.objects.exists()


def test_access_shows_no_key() -> None:
    assert CANARY not in repr(access()) and CANARY not in str(access())
