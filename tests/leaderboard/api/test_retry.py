import pytest
from django.test import Client

from leaderboard.models import Owner, Suite, WorkerToken
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


def test_it_is_tried_again_over_http(
    client: Client, api_token: str, owner: Owner, suite: Suite, worker_token: WorkerToken
) -> None:
    failed = made.failed(owner, worker_token)
    path, headers = f"/api/v1/submissions/{failed.pk}/retry/", {"authorization": f"Bearer {api_token}"}
    nothing = {"data": "", "content_type": "application/json"}
    assert client.post(path, **nothing).status_code == 401
    reply = client.post(path, **nothing, headers=headers)
    assert (reply.status_code, reply.json()["retry_of"], reply.json()["state"]) == (201, failed.pk, "validating")
    assert client.post(path, {}, content_type="application/json", headers=headers).status_code == 409
    assert client.post("/api/v1/submissions/999999/retry/", **nothing, headers=headers).status_code == 404
    assert client.post(path, {"model": "org/x"}, content_type="application/json", headers=headers).status_code == 400
