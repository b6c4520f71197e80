"""What a worker is told of the job that comes next."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evaluator.contract import EDITION, ModelRef, Settings, Upcoming, decode
from leaderboard.models import Job, Revision, Submission, Worker

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
LONG_AGO = timezone.now() - timedelta(days=1)
ASKS = {"worker": "w", "queues": ["cpu"], "engines": ["vllm"], "edition": EDITION}


@pytest.fixture
def waiting(make_submission: Make) -> Submission:
    row = make_submission()
    Revision.objects.update(source="hub", size_bytes=1_000)
    return row


def asked(client: Client, **changes: Any) -> Upcoming | None:
    reply = client.post(reverse("worker-upcoming"), {**ASKS, **changes}, content_type="application/json")
    assert reply.status_code in (200, 204), reply.content
    return decode(reply.content, Upcoming) if reply.status_code == 200 else None


def test_it_is_what_a_claim_would_get_and_nothing_is_leased(
    worker_client: Client, waiting: Submission, make_submission: Make
) -> None:
    make_submission("org/second", sha="e" * 40)
    for _ in range(2):
        assert asked(worker_client) == Upcoming(model=ModelRef(name="org/model", sha="a" * 40), size_bytes=1_000)
    assert [job.state for job in Job.objects.all()] == ["queued", "queued"]
    assert not Worker.objects.exists(), "it is no sign of life either"
    got = worker_client.post(reverse("worker-claim"), ASKS, content_type="application/json").json()
    assert got["model"]["name"] == "org/model"


def test_an_adapter_comes_with_its_base(worker_client: Client, waiting: Submission) -> None:
    Revision.objects.update(base_name="org/base", base_sha="b" * 40)
    found = asked(worker_client)
    assert found is not None and found.model.base == ModelRef(name="org/base", sha="b" * 40)
    assert asked(worker_client, edition=5) is None, "an older worker would not get it"


@pytest.mark.parametrize(
    "asks", [{"queues": ["gpu"]}, {"engines": ["transformers"]}, {"memory_bytes": 1}, {"architectures": ["Other"]}]
)
def test_it_is_only_what_this_worker_could_run(
    worker_client: Client, waiting: Submission, asks: dict[str, Any]
) -> None:
    Job.objects.update(needs_bytes=2, architecture="LlamaForCausalLM")
    assert asked(worker_client) is not None
    assert asked(worker_client, **asks) is None


def mirrored(_: Submission) -> None:
    Revision.objects.update(source="mirror")


def of_unknown_size(_: Submission) -> None:
    Revision.objects.update(size_bytes=None)


def later(_: Submission) -> None:
    Job.objects.update(not_before=timezone.now() + timedelta(hours=1))


def paused(row: Submission) -> None:
    Submission.objects.filter(pk=row.pk).update(state="paused")


def scored_anew(row: Submission) -> None:
    Submission.objects.filter(pk=row.pk).update(rescored_from=row)


@pytest.mark.parametrize("arrange", [mirrored, of_unknown_size, later, paused, scored_anew])
def test_nothing_is_told_where_there_is_nothing_to_fetch(
    worker_client: Client, waiting: Submission, arrange: Callable[[Submission], None]
) -> None:
    arrange(waiting)
    assert asked(worker_client) is None


def test_a_drained_worker_gets_nothing_next(worker_client: Client, waiting: Submission) -> None:
    worker_client.post(reverse("worker-hello"), ASKS, content_type="application/json")
    Worker.objects.update(drained_at=timezone.now())
    assert asked(worker_client) is None
    assert asked(worker_client, worker="another") is not None


def test_thinking_is_not_for_an_old_worker(worker_client: Client, make_submission: Make) -> None:
    make_submission(settings=Settings(thinking=True))
    Revision.objects.update(source="hub", size_bytes=1_000)
    assert asked(worker_client, edition=3) is None
    assert asked(worker_client, edition=4) is not None


def runs(client: Client, name: str, done: int, **changes: Any) -> None:
    """Let a worker claim what is first in line, and tell how far it is with ten items."""
    got = client.post(reverse("worker-claim"), {**ASKS, "worker": name, **changes}, content_type="application/json")
    Job.objects.filter(pk=got.json()["job"]).update(done=done, total=10)


def next_for(client: Client, name: str, **changes: Any) -> str:
    found = asked(client, worker=name, **changes)
    return found.model.name if found is not None else ""


@pytest.fixture
def many(make_submission: Make) -> list[Submission]:
    rows = [make_submission(f"org/m{number}", sha=f"{number}" * 40) for number in range(5)]
    Revision.objects.update(source="hub", size_bytes=1_000)
    return rows


def test_workers_prepare_for_different_jobs_whoever_is_further_for_the_first(
    worker_client: Client, many: list[Submission]
) -> None:
    for name, done in (("a", 2), ("b", 9), ("c", 2)):
        runs(worker_client, name, done)
    assert [next_for(worker_client, name) for name in ("b", "a", "c")] == ["org/m3", "org/m4", "org/m3"]
    assert next_for(worker_client, "unknown") == "org/m3"
    worker_client.post(reverse("worker-hello"), {**ASKS, "worker": "idle"}, content_type="application/json")
    assert [next_for(worker_client, name) for name in ("idle", "b")] == ["org/m3", "org/m4"]


def test_who_is_away_or_could_not_run_it_takes_nothing(worker_client: Client, many: list[Submission]) -> None:
    runs(worker_client, "a", 9)
    runs(worker_client, "b", 1)
    assert next_for(worker_client, "b") == "org/m3"
    for changed in ({"engines": ["transformers"]}, {"drained_at": timezone.now()}, {"last_seen_at": LONG_AGO}):
        before = Worker.objects.filter(name="a").values().get()
        Worker.objects.filter(name="a").update(**changed)
        assert next_for(worker_client, "b") == "org/m2", changed
        Worker.objects.filter(name="a").update(**before)
    assert next_for(worker_client, "b") == "org/m3"
