"""Rate limits, counted in the real Valkey."""

import uuid
from collections.abc import Callable, Iterator

import pytest
import redis
from django.test import Client, RequestFactory
from pytest_django import Settings

from leaderboard import environment, throttles
from leaderboard.environment import ConfigurationError
from leaderboard.models import Submission, Suite
from leaderboard.throttles import Count

pytestmark = pytest.mark.django_db


@pytest.fixture
def limits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets limits whose window lasts as long as the test, counted from nothing."""
    monkeypatch.setattr(throttles, "WINDOW", 10**6)
    monkeypatch.setattr(throttles, "_silent_until", 0.0)
    monkeypatch.setattr(throttles, "PREFIX", prefix := f"test-{uuid.uuid4()}")

    def limited(**rates: int) -> None:
        settings.RATES = {**settings.RATES, **rates}

    storage = throttles.storage()
    yield limited
    for key in storage.scan_iter(f"{prefix}:*"):
        storage.delete(key)


def test_an_address_is_refused_once_it_asked_too_often(
    client: Client, suite: Suite, limits: Callable[..., None]
) -> None:
    limits(address=3)
    replies = [client.get("/api/v1/suites/") for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429, 429]
    assert replies[0]["RateLimit-Policy"] == '"address";q=3;w=1000000'
    assert [reply["RateLimit"].split(";t=")[0] for reply in replies[:4]] == [
        '"address";r=2', '"address";r=1', '"address";r=0', '"address";r=0',
    ]  # fmt: skip
    refused = replies[3]
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "too_many_requests"
    assert 0 < int(refused["Retry-After"]) <= 10**6
    elsewhere = client.get("/api/v1/suites/", REMOTE_ADDR="10.0.0.9")
    assert elsewhere.status_code == 200


def test_tokens_have_an_allowance_of_their_own(
    client: Client, api_token: str, suite: Suite, limits: Callable[..., None]
) -> None:
    limits(address=1, api=2)
    assert [client.get("/api/v1/suites/").status_code for _ in range(2)] == [200, 429]
    headers = {"authorization": f"Bearer {api_token}"}
    assert [client.get("/api/v1/quota/", headers=headers).status_code for _ in range(3)] == [200, 200, 429]


def test_wrong_tokens_count_for_their_address(client: Client, suite: Suite, limits: Callable[..., None]) -> None:
    limits(address=2)
    wrong = [client.get("/api/v1/quota/", headers={"authorization": f"Bearer parity_{n}"}) for n in range(3)]
    assert [reply.status_code for reply in wrong] == [401, 401, 429]


def test_submitting_and_searching_are_limited_by_page_and_api_together(
    client: Client, member: Client, api_token: str, suite: Suite, limits: Callable[..., None]
) -> None:
    limits(submit=2, search=2)
    headers = {"authorization": f"Bearer {api_token}"}
    body = {"suite": "tiny@1", "model": "org/model"}
    reply = client.post("/api/v1/submissions/", body, content_type="application/json", headers=headers)
    assert (reply.status_code, reply["RateLimit"].split(";t=")[0]) == (201, '"submit";r=1')
    form = {"model": "org/other", "suite": "tiny@1", "engine": "vllm", "dtype": "auto", "revision": "main"}
    assert [member.post("/submit", form).status_code for _ in range(2)][-1] == 429
    assert Submission.objects.count() <= 2
    assert (
        client.post("/api/v1/submissions/", body, content_type="application/json", headers=headers).status_code == 429
    )
    assert [client.get("/?search=org").status_code for _ in range(2)] == [200, 200]
    assert client.get("/api/v1/leaderboard/?suite=tiny@1&search=org").status_code == 429
    assert client.get("/api/v1/leaderboard/?suite=tiny@1").status_code == 200
    page = client.get("/?search=org")
    assert (page.status_code, "Retry-After" in page) == (429, True)
    assert "At most 2 requests a minute" in page.content.decode()


def test_a_bulk_counts_each_line(client: Client, api_token: str, suite: Suite, limits: Callable[..., None]) -> None:
    limits(submit=5)
    headers = {"authorization": f"Bearer {api_token}"}
    lines = [{"suite": "tiny@1", "model": f"org/m{number}"} for number in range(6)]
    reply = client.post(
        "/api/v1/submissions/bulk/", {"submissions": lines}, content_type="application/json", headers=headers
    )
    assert reply.status_code == 429
    assert not Submission.objects.exists()


def test_logging_in_is_limited_by_address_and_by_account(client: Client, limits: Callable[..., None]) -> None:
    limits(login=2)
    form = {"login": "ada", "password": "wrong"}
    assert [client.post("/login", form).status_code for _ in range(3)] == [200, 200, 429]
    assert client.post("/login", form, REMOTE_ADDR="10.0.0.9").status_code == 429  # the account's
    assert client.post("/login", {**form, "login": "bob"}, REMOTE_ADDR="10.0.0.8").status_code == 200


def test_a_lost_storage_lets_everybody_in_and_is_left_alone_for_a_while(
    client: Client, suite: Suite, limits: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(address=1)
    away, asked = redis.Redis(port=9), []

    def storage() -> redis.Redis:
        asked.append(1)
        return away

    monkeypatch.setattr(throttles, "storage", storage)
    assert [client.get("/api/v1/suites/").status_code for _ in range(3)] == [200, 200, 200]
    assert len(asked) == 1


def test_all_allowances_of_a_request_are_counted_in_one_call(
    limits: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits(api=5, search=3, login=0)
    asked: list[int] = []
    real = throttles.storage

    def storage() -> redis.Redis:
        asked.append(1)
        return real()

    monkeypatch.setattr(throttles, "storage", storage)
    counts = [Count("api", "token 1"), Count("search", "owner 1", 2), Count("login", "anybody")]
    left = [[(one.scope, one.remaining) for one in throttles.take(*counts)] for _ in range(2)]
    assert left == [[("api", 4), ("search", 1)], [("api", 3), ("search", -1)]]
    assert len(asked) == 2
    assert throttles.take(Count("login", "anybody")) == throttles.take() == [] and len(asked) == 2
    keys = list(real().scan_iter(f"{throttles.PREFIX}:*"))
    assert len(keys) == 2 and all(0 < real().ttl(key) <= throttles.WINDOW + 1 for key in keys)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "9.9.9.9", "1.2.3.4"),
        (1, "9.9.9.9", "9.9.9.9"),
        (1, "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        (2, "6.6.6.6, 9.9.9.9", "6.6.6.6"),
        (2, "9.9.9.9", "1.2.3.4"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "nonsense", "nonsense"),
    ],
)
def test_addresses_are_those_that_our_proxies_saw(
    settings: Settings, proxies: int, forwarded: str, expected: str
) -> None:
    settings.PROXIES = proxies
    request = RequestFactory().get("/", headers={"x-forwarded-for": forwarded}, REMOTE_ADDR="1.2.3.4")
    assert throttles.address(request) == expected


def test_rates_are_read_in_words() -> None:
    assert environment.rates("a=5, b=0", {"a": 1, "b": 2, "c": 3}) == {"a": 5, "b": 0, "c": 3}
    for wrong in ("x=1", "a", "a=-1", "a=many"):
        with pytest.raises(ConfigurationError, match="PARITY_RATES"):
            environment.rates(wrong, {"a": 1})


def test_a_brokers_socket_is_one_of_the_cache() -> None:
    assert environment.plain_redis("redis+socket:///run/vk.sock?virtual_host=0") == "unix:///run/vk.sock?db=0"
    assert environment.plain_redis("redis://:secret@valkey/0") == "redis://:secret@valkey/0"
