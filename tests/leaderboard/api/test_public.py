from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from evaluator.contract import ClaimRequest
from leaderboard.actions.accounts import revoke_api_token
from leaderboard.actions.introduce import introduce
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import ApiToken, Result, Submission, Suite, WorkerToken
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
BODY = {"suite": "tiny@1", "model": "org/model"}


def post(
    client: Client, body: object, token: str = "", path: str = "/api/v1/submissions/"
) -> tuple[int, dict[str, object]]:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    reply = client.post(path, body, content_type="application/json", headers=headers)
    return reply.status_code, reply.json()


def test_a_submission_is_accepted_and_can_be_followed(client: Client, api_token: str, suite: Suite) -> None:
    status, made = post(client, BODY, api_token)
    assert (status, made["state"], made["owner"]) == (201, "validating", "ada")
    assert str(made["url"]).endswith(f"/submissions/{made['id']}")
    followed = client.get(f"/api/v1/submissions/{made['id']}/").json()
    assert followed["progress"] == {"done": 0, "total": 0, "phase": "", "items_per_second": None}
    assert (followed["error"], followed["results"], followed["queue_position"]) == (None, [], None)


@pytest.mark.parametrize("token", ["", "parity_wrong"])
def test_no_token_or_a_wrong_one_is_401(client: Client, suite: Suite, token: str) -> None:
    status, body = post(client, BODY, token)
    assert status == 401
    assert body["code"] in {"not_authenticated", "authentication_failed"}
    assert not Submission.objects.exists()


def test_a_revoked_token_is_401(client: Client, api_token: str, suite: Suite) -> None:
    revoke_api_token(token=ApiToken.objects.get())
    assert post(client, BODY, api_token)[0] == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"suite": "tiny@1"}, "model"),
        ({**BODY, "model": "a/b,trust_remote_code=True"}, "model"),
        ({**BODY, "revision": "a b"}, "revision"),
        ({**BODY, "colour": "red"}, "colour"),
        ({**BODY, "settings": {"dtype": "int3"}}, "settings.dtype"),
        ({**BODY, "settings": {"trust_remote_code": True}}, "settings.trust_remote_code"),
        ({**BODY, "model": ["org/model"]}, "model"),
        ([], ""),
    ],
)
def test_bad_input_is_400_and_names_its_field(
    client: Client, api_token: str, suite: Suite, body: object, field: str
) -> None:
    status, reply = post(client, body, api_token)
    assert (status, reply.get("field", "")) == (400, field)
    assert reply["message"]
    assert not Submission.objects.exists()


def test_malformed_json_is_400(client: Client, api_token: str) -> None:
    headers = {"authorization": f"Bearer {api_token}"}
    for text in ("{", "[" * 100_000, '{"suite": "\\ud800"', b"\xff\xfe"):
        reply = client.post("/api/v1/submissions/", text, content_type="application/json", headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (400, "parse_error")


def test_an_unknown_suite_is_404(client: Client, api_token: str, suite: Suite) -> None:
    status, body = post(client, {**BODY, "suite": "huge@9"}, api_token)
    assert (status, body["code"], body["field"]) == (404, "unknown_suite", "suite")


def test_a_duplicate_is_409_with_the_first_ones_address(client: Client, api_token: str, suite: Suite) -> None:
    _, first = post(client, BODY, api_token)
    status, body = post(client, BODY, api_token)
    assert (status, body["url"]) == (409, f"/submissions/{first['id']}")


def test_the_owner_cancels(client: Client, api_token: str, make_submission: Make) -> None:
    submission = make_submission()
    path = f"/api/v1/submissions/{submission.pk}/cancel/"
    assert post(client, {}, path=path)[0] == 401
    assert post(client, {}, api_token, path)[1]["state"] == "cancelled"
    assert post(client, {}, api_token, path)[0] == 409


def test_queue_positions(client: Client, make_submission: Make) -> None:
    pks = [make_submission(f"org/m{number}").pk for number in range(3)]
    found = [client.get(f"/api/v1/submissions/{pk}/").json()["queue_position"] for pk in pks]
    assert found == [1, 2, 3]


def test_the_end_is_told_with_how_far_such_words_were_off(
    client: Client, make_submission: Make, worker_token: WorkerToken
) -> None:
    path = f"/api/v1/submissions/{make_submission().pk}/"
    assert client.get(path).json()["eta"] == {
        "seconds": None, "at": None, "reason": "No worker is online.", "accuracy": None,
    }  # fmt: skip
    introduce(token=worker_token, request=ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",)))
    past = made.end(make_submission("org/past"), "succeeded")
    now = timezone.now()
    past.jobs.update(claimed_at=now - timedelta(seconds=90), finished_at=now)
    Submission.objects.filter(pk=past.pk).update(
        queued_at=now - timedelta(seconds=120), finished_at=now, predicted_seconds=60
    )
    eta = client.get(path).json()["eta"]
    assert (eta["seconds"], eta["reason"]) == (90, "")
    assert eta["accuracy"] == {"p10": 2, "p50": 2, "p90": 2, "n": 1}
    assert timedelta(seconds=60) < datetime.fromisoformat(eta["at"]) - now < timedelta(seconds=120)
    ended = client.get(f"/api/v1/submissions/{past.pk}/").json()
    assert (ended["eta"], ended["predicted_seconds"]) == (None, 60)


def test_the_speed_is_told_once_it_says_something(
    client: Client, make_submission: Make, worker_token: WorkerToken
) -> None:
    row = make_submission()
    made.beat(made.claim(worker_token), done=40, total=100)
    now = timezone.now()
    row.jobs.update(evaluating_at=now - timedelta(seconds=20), beat_at=now)
    progress = client.get(f"/api/v1/submissions/{row.pk}/").json()["progress"]
    assert progress == {"done": 40, "total": 100, "phase": "evaluating", "items_per_second": 2}


@pytest.fixture
def board(make_submission: Make, suite: Suite) -> list[Submission]:
    """Three ranked rows and one that is not."""
    scores = {"org/best": (80.0, 1.0), "org/tied": (79.5, 1.0), "other/last": (20.0, 1.0), "other/none": (None, None)}
    made = []
    for name, (score, stderr) in scores.items():
        row = make_submission(name)
        Submission.objects.filter(pk=row.pk).update(
            state="succeeded", score=score, stderr=stderr, unranked_reason="" if score else "No data for Alpha."
        )
        row.jobs.update(attempt=1)
        for task in suite.tasks.all():
            measured = score is not None
            Result.objects.create(
                submission=row, task=task, job=row.jobs.get(), attempt=1, score=score / 100 if measured else None,
                stderr=0.01 if measured else None, n=4 if measured else 0, unavailable="" if measured else "No data.",
            )  # fmt: skip
        made.append(row)
    build_snapshot(suite=suite)
    return made


def names(client: Client, query: str) -> list[str]:
    return [row["model"] for row in client.get(f"/api/v1/leaderboard/?suite=tiny@1{query}").json()["results"]]


def test_the_leaderboard_has_ranks_intervals_and_reasons(client: Client, board: list[Submission]) -> None:
    reply = client.get("/api/v1/leaderboard/?suite=tiny@1").json()
    assert (reply["suite"], reply["count"], reply["next"]) == ("tiny@1", 4, None)
    rows = {row["model"]: row for row in reply["results"]}
    assert (rows["org/best"]["rank"], rows["org/best"]["rank_interval"]) == (1, [1, 2])
    assert (rows["org/tied"]["rank"], rows["org/tied"]["rank_interval"]) == (2, [1, 2])
    assert (rows["other/last"]["rank"], rows["other/last"]["rank_interval"]) == (3, [3, 3])
    none = rows["other/none"]
    assert (none["rank"], none["rank_interval"], none["score"]) == (None, None, None)
    assert none["unranked_reason"] == "No data for Alpha."
    assert rows["org/best"]["tasks"]["alpha"] == {
        "score": 0.8, "stderr": 0.01, "n": 4, "metric": "acc", "filter": "none", "unavailable": "",
    }  # fmt: skip


def test_sorting_puts_missing_values_last_in_both_directions(client: Client, board: list[Submission]) -> None:
    assert names(client, "&sort=-score") == ["org/best", "org/tied", "other/last", "other/none"]
    assert names(client, "&sort=score") == ["other/last", "org/tied", "org/best", "other/none"]
    assert names(client, "&sort=alpha") == ["other/last", "org/tied", "org/best", "other/none"]
    assert names(client, "&sort=-alpha") == ["org/best", "org/tied", "other/last", "other/none"]
    assert names(client, "&sort=-model")[0] == "other/none"


def test_searching_and_paging(client: Client, board: list[Submission]) -> None:
    assert names(client, "&search=OTHER") == ["other/last", "other/none"]
    assert names(client, "&search=org%20tied") == ["org/tied"]
    assert names(client, "&search=%25") == []
    assert names(client, "&page_size=3&page=2") == ["other/none"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("suite=none@1", 404),
        ("suite=%00", 404),
        ("suite=tiny@1&sort=__class__", 400),
        ("suite=tiny@1&sort=alpha__score", 400),
        ("suite=tiny@1&page=0", 400),
        ("suite=tiny@1&page=-1", 400),
        ("suite=tiny@1&page=x", 400),
        ("suite=tiny@1&page=9", 404),
        ("suite=tiny@1&page_size=100000", 400),
        ("suite=tiny@1&search=" + "x" * 10_000, 400),
        ("suite=tiny@1&search=%00", 400),
    ],
)
def test_bad_questions_get_plain_answers(client: Client, board: list[Submission], query: str, status: int) -> None:
    reply = client.get(f"/api/v1/leaderboard/?{query}")
    assert reply.status_code == status
    assert reply.json()["message"]


def test_queries_do_not_grow_with_the_rows(
    client: Client, board: list[Submission], django_assert_max_num_queries: Callable[[int], object]
) -> None:
    with django_assert_max_num_queries(8):  # type: ignore[attr-defined]
        client.get("/api/v1/leaderboard/?suite=tiny@1")


def test_models_and_suites_are_listed(client: Client, board: list[Submission]) -> None:
    listed = client.get("/api/v1/models/").json()["results"]
    assert [row["name"] for row in listed] == ["org/best", "org/tied", "other/last", "other/none"]
    assert listed[0]["revisions"][0]["sha"] == "a" * 40
    suites = client.get("/api/v1/suites/").json()["results"]
    assert [(row["suite"], len(row["tasks"])) for row in suites] == [("tiny@1", 2)]
