"""A worker whose edition the site does not take any more is refused, and told what to install."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings as DjangoSettings

from evaluator.contract import EDITION
from leaderboard.models import Worker

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("route", ["worker-claim", "worker-hello"])
def test_two_editions_behind(worker_client: Client, settings: DjangoSettings, route: str) -> None:
    settings.LEAST_EDITION = EDITION - 1

    def called(edition: int) -> tuple[int, str]:
        asked = {"worker": "w", "queues": ["cpu"], "engines": ["vllm"], "edition": edition}
        reply = worker_client.post(reverse(route), asked, content_type="application/json")
        return reply.status_code, reply.content.decode()

    status, said = called(EDITION - 2)
    assert status == 426 and '"worker_too_old"' in said
    assert f"edition {EDITION - 2}" in said and f"takes {EDITION - 1} and newer" in said
    assert "build docker/worker.Dockerfile" in said
    assert not Worker.objects.exists()
    assert called(EDITION - 1) == (204, "") and called(EDITION) == (204, "")
