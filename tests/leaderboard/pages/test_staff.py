"""What the staff does: with a reason, on the record, and nobody else."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django.asserts import assertRedirects

from leaderboard.actions.accounts import create_person
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Audit, Model, ProviderOrigin, Remark, SiteState, Submission, Suite, User, WorkerToken
from leaderboard.queries import site
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db
WHY = {"reason": "its weights are a copy"}


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(create_person(username="root", password=None, staff=True))
    return client


def names(client: Client) -> str:
    return client.get("/?suite=tiny@1").content.decode()


def test_a_result_is_held_back_let_go_and_retracted_with_its_reason(
    root: Client, make_submission: Callable[..., Submission], suite: Suite
) -> None:
    row = made.succeed(make_submission("org/copy"), 50.0)
    build_snapshot(suite=suite)
    path = f"/staff/submissions/{row.pk}"
    for act, state, ranked in (
        ("quarantine", "quarantined", False),
        ("release", "succeeded", True),
        ("retract", "retracted", False),
    ):
        assertRedirects(root.post(path, {"act": act, **WHY}), "/staff")
        row.refresh_from_db()
        assert (row.state, "org/copy" in names(root)) == (state, ranked)
    assert row.error_message == WHY["reason"] and row.score == 50.0
    assert list(Audit.objects.values_list("actor", "action", "reason")) == [
        ("root", act, WHY["reason"]) for act in ("quarantine", "release", "retract")
    ]
    assert root.post(path, {"act": "release", **WHY}).status_code == 409
    assert Audit.objects.count() == 3


def test_anybodys_submission_is_cancelled_and_tried_again(
    root: Client, make_submission: Callable[..., Submission], person: User
) -> None:
    row = make_submission()
    root.post(f"/staff/submissions/{row.pk}", {"act": "cancel", **WHY})
    row.refresh_from_db()
    assert row.state == "cancelled"
    root.post(f"/staff/submissions/{row.pk}", {"act": "retry", **WHY})
    new = Submission.objects.latest("pk")
    assert (new.retry_of, new.owner, new.submitter) == (row, person.owner, User.objects.get(username="root"))


@pytest.mark.parametrize(
    "wrong", [{"reason": ""}, {"reason": " "}, {"reason": "x" * 301}, {"act": "purge"}, {"act": ""}]
)
def test_no_reason_and_no_known_act_change_nothing(
    root: Client, make_submission: Callable[..., Submission], wrong: dict[str, str]
) -> None:
    row = make_submission()
    assert root.post(f"/staff/submissions/{row.pk}", {"act": "cancel", **WHY, **wrong}).status_code == 400
    row.refresh_from_db()
    assert row.state == "queued" and not Audit.objects.exists()


def test_a_drained_worker_gets_no_jobs_and_one_without_token_is_nobody(
    root: Client, make_submission: Callable[..., Submission], worker_token: WorkerToken, worker_client: Client
) -> None:
    claim = {"worker": "w1", "queues": ["cpu"], "engines": ["vllm"]}

    def claimed() -> int:
        return worker_client.post("/api/worker/v1/claims/", claim, content_type="application/json").status_code

    assert claimed() == 204
    worker = worker_token.workers.get()
    make_submission()
    root.post(f"/staff/workers/{worker.pk}", {"act": "drain", **WHY})
    assert claimed() == 204
    root.post(f"/staff/workers/{worker.pk}", {"act": "undrain", **WHY})
    assert claimed() == 200
    root.post(f"/staff/tokens/{worker_token.pk}", WHY)
    assert claimed() == 401
    assert root.post(f"/staff/tokens/{worker_token.pk}", WHY).status_code == 409


def test_a_banner_stands_on_every_page_and_read_only_stops_everybody_but_the_staff(
    root: Client, member: Client, client: Client, api_token: str, suite: Suite, worker_client: Client
) -> None:
    build_snapshot(suite=suite)
    before = client.get("/")
    banner = "Closed on Monday. <script>alert(1)</script>"
    root.post("/staff/state", {"banner": banner, "read_only": "on", **WHY})
    for path in ("/", "/queue", "/login"):
        assert tree(client.get(path)).one("p", "banner").text == banner
    assert client.get("/", headers={"if-none-match": before["ETag"]}).status_code == 200
    form = {"model": "org/model", "suite": "tiny@1", "engine": "vllm", "dtype": "auto"}
    assert member.post("/submit", form).status_code == 503
    headers = {"authorization": f"Bearer {api_token}"}
    body = {"suite": "tiny@1", "model": "org/model"}
    reply = client.post("/api/v1/submissions/", body, content_type="application/json", headers=headers)
    assert (reply.status_code, reply.json()["code"], "Retry-After" in reply) == (503, "read_only", True)
    claim = {"worker": "w1", "queues": ["cpu"], "engines": ["vllm"]}
    assert worker_client.post("/api/worker/v1/claims/", claim, content_type="application/json").status_code == 204
    assert client.post("/login", {"login": "a", "password": "b"}).status_code == 200
    assert not Submission.objects.exists()
    assert root.post("/submit", form).status_code == 302
    root.post("/staff/state", {"banner": "", **WHY})
    assert member.post("/submit", {**form, "model": "org/other"}).status_code == 302
    assert not tree(client.get("/")).all("p", "banner")
    assert SiteState.objects.count() == 1 and Audit.objects.filter(action="set_state").count() == 2


def test_the_state_is_asked_for_once_in_a_while(django_assert_num_queries: Callable[[int], object], db: None) -> None:
    site.forget()
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        for _ in range(5):
            site.state()


def test_the_staff_searches_and_nobody_else_finds_the_page(
    root: Client, member: Client, client: Client, make_submission: Callable[..., Submission]
) -> None:
    row = make_submission("org/needle")
    make_submission("org/hay")
    for words in ("needle", str(row.pk), "NEEDLE"):
        text = tree(root.get("/staff", {"search": words})).one("ul", "staff").text
        assert "org/needle" in text and "org/hay" not in text
    assert "Nothing matches" in root.get("/staff", {"search": "\x00'; --"}).content.decode()
    assert (member.get("/staff").status_code, client.get("/staff").status_code) == (404, 302)


def test_a_doubtful_score_is_flagged(root: Client, make_submission: Callable[..., Submission], client: Client) -> None:
    row = made.succeed(make_submission("org/doubtful"), 50.0)
    assert "flag" in [act["value"] for act in tree(root.get("/staff")).all("button") if "value" in act.attributes]
    assertRedirects(root.post(f"/staff/submissions/{row.pk}", {"act": "flag", **WHY}), "/staff")
    assert (Remark.objects.get().submission, Remark.objects.get().reason) == (row, WHY["reason"])
    assert WHY["reason"] in client.get(f"/submissions/{row.pk}").content.decode()
    assert Audit.objects.get().action == "score flagged"


def test_an_address_is_given_to_its_provider_and_taken_back(root: Client) -> None:
    said = {"origin": "https://api.example.org/", "provider": "example", "source": "its documentation"}
    assertRedirects(root.post("/staff/origins", said), "/staff")
    row = ProviderOrigin.objects.get()
    assert (row.origin, row.provider, row.stated_by.username) == ("https://api.example.org", "example", "root")  # type: ignore[union-attr]
    assert "https://api.example.org" in tree(root.get("/staff")).text
    assert root.post("/staff/origins", {"origin": row.origin, "act": "withdraw", "reason": ""}).status_code == 400
    assertRedirects(root.post("/staff/origins", {"origin": row.origin, "act": "withdraw", **WHY}), "/staff")
    assert not ProviderOrigin.objects.exists()
    assert list(Audit.objects.values_list("actor", "action")) == [
        ("root", "origin mapped"),
        ("root", "origin unmapped"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": ""}, {"origin": "example"}, {"origin": "https://a.example/path"}, {"provider": "a/b"},
        {"provider": "<b>"}, {"source": " "}, {"served": "x"}, {"model": "org/none"},
        {"served": "x", "model": "org/none"}, {"origin": "\x00"}, {"origin": "h" * 5_000}, {"provider": "é"},
    ],
)  # fmt: skip
def test_no_address_is_given_away_without_all_that_it_takes(root: Client, wrong: dict[str, str]) -> None:
    said = {"origin": "https://api.example.org", "provider": "example", "source": "its documentation", **wrong}
    assert root.post("/staff/origins", said).status_code in {400, 404}
    assert not ProviderOrigin.objects.exists() and not Audit.objects.exists()


def test_two_names_of_one_model_become_one(root: Client, make_submission: Callable[..., Submission]) -> None:
    made.succeed(make_submission("org/old", sha="b" * 40), 50.0)
    made.succeed(make_submission("org/new"), 60.0)
    form = {"duplicate": "org/old", "into": "org/new", **WHY}
    assert root.post("/staff/merge", {**form, "into": "org/none"}).status_code == 404
    assertRedirects(root.post("/staff/merge", form), "/staff")
    assert list(Model.objects.values_list("name", flat=True)) == ["org/new"]
    assert root.post("/staff/merge", form).status_code == 404
