"""Stored responses on a later version of their suite: who may, what a worker gets, what stays, what is refused."""

import gzip
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from msgspec.structs import replace

from evaluator.contract import ATTEMPT_TOKEN_HEADER, EDITION, ClaimRequest, JobSpec, SuiteSpec, TaskSpec, encode
from leaderboard.actions import lease
from leaderboard.actions.accounts import create_person, register_worker_token
from leaderboard.actions.errors import Conflict, Forbidden, Refused
from leaderboard.actions.load_suites import release
from leaderboard.actions.purge import purge
from leaderboard.actions.rescore import rescore
from leaderboard.actions.retry import retry
from leaderboard.actions.score import score
from leaderboard.models import Audit, Job, SampleChunk, Submission, Suite, User, WorkerToken
from leaderboard.queries.editions import ANEW_SINCE
from leaderboard.queries.history import speeds_of
from tests import samples
from tests.conftest import suite_spec
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("files")]
Make = Callable[..., Submission]
WHY = "the filter took the first number, not the last"
ASKS = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",), edition=EDITION)
OTHER = tuple(replace(task, metric="acc_norm") if task.task == "alpha" else task for task in suite_spec().tasks)


@pytest.fixture
def staff(db: None) -> User:
    return create_person(username="root", password=None, staff=True)


@pytest.fixture
def old(make_submission: Make, worker_token: WorkerToken) -> Submission:
    """Measured on tiny@1, in two chunks."""
    row = made.measure(make_submission(), worker_token, [1.0, 0.0, 1.0], each=3)
    told = {"hardware": "1 x H200", "dtype": "float32", "max_length": 2048, "tokens": {"input": 9}, "seconds": {"a": 1}}
    Submission.objects.update(provenance={**row.provenance, **told})
    row.refresh_from_db()
    return row


def version(number: int = 2, tasks: tuple[TaskSpec, ...] = OTHER, **changes: Any) -> Suite:
    spec: SuiteSpec = replace(suite_spec(version=number), tasks=tasks, **changes)
    return release(spec, json.loads(encode(spec)), None)


def claimed(token: WorkerToken, **says: Any) -> JobSpec | None:
    return lease.claim(token=token, request=replace(ASKS, **says))


def test_a_new_score_comes_from_stored_responses_and_the_old_one_stays(
    old: Submission, staff: User, worker_token: WorkerToken, client: Client
) -> None:
    version()
    begun = rescore(suite="tiny@2", actor=staff, reason=WHY)
    new = Submission.objects.get(rescored_from=old)
    assert begun.made == {old.pk: new.pk} and begun.left_out == {}
    assert (new.owner, new.revision, new.settings_digest) == (old.owner, old.revision, old.settings_digest)
    assert (new.state, new.charged_on, Job.objects.get(submission=new).needs_bytes) == ("queued", None, 0)
    spec = claimed(worker_token)
    assert spec is not None and spec.replies is not None
    stored = list(SampleChunk.objects.filter(job__submission=old).order_by("sequence"))
    assert len(stored) == 2
    assert spec.replies.digests == tuple(chunk.digest for chunk in stored)
    assert (spec.replies.submission, spec.replies.suite, spec.replies.max_length) == (old.pk, "tiny@1", 2048)
    samples.finish(spec, [samples.measured("alpha", [0.0, 0.0, 1.0], "acc_norm"), samples.BETA])
    score(submission=new.pk)
    before, new = old, Submission.objects.get(pk=new.pk)
    old = Submission.objects.get(pk=old.pk)
    assert (new.state, old.state) == ("succeeded", "succeeded") and new.score != old.score == before.score
    assert old.provenance == before.provenance
    assert new.provenance["rescored_from"] == {
        "submission": old.pk, "suite": "tiny@1", "measured": old.finished_at.isoformat(),  # type: ignore[union-attr]
    }  # fmt: skip
    assert new.provenance["hardware"] == "1 x H200" and new.provenance["tokens"] == {"input": 9}
    assert "seconds" not in new.provenance
    shown = tree(client.get(f"/submissions/{new.pk}")).text
    assert f"stored responses of submission {old.pk}" in shown
    assert f"scored anew as submission {new.pk}" in tree(client.get(f"/submissions/{old.pk}")).text
    assert client.get(f"/api/v1/submissions/{new.pk}/").json()["rescored_from"] == old.pk
    assert [one.suite for one in speeds_of(old.revision.model)] == ["tiny@1"]  # type: ignore[union-attr]
    with pytest.raises(Refused, match="No evaluation of an earlier version"):
        rescore(suite="tiny@2", actor=staff, reason=WHY)
    assert Audit.objects.get(action="rescore").subject == "suite tiny@2"


def test_only_trusted_workers_of_today_get_it_and_only_while_they_hold_it(
    old: Submission, staff: User, worker_token: WorkerToken, worker_client: Client
) -> None:
    version()
    rescore(suite="tiny@2", actor=staff, reason=WHY)
    assert claimed(worker_token, edition=ANEW_SINCE - 1) is None
    assert claimed(register_worker_token(name="guest", token="guest", trusted=False)) is None
    spec = claimed(worker_token)
    assert spec is not None

    def chunk(number: int, token: str) -> Any:
        path = f"/api/worker/v1/jobs/{spec.job}/replies/{number}/"  # type: ignore[union-attr]
        return worker_client.get(path, headers={ATTEMPT_TOKEN_HEADER: token})

    found = [chunk(number, spec.token) for number in range(3)]
    assert [reply.status_code for reply in found] == [200, 200, 404]
    assert sum(gzip.decompress(reply.content).count(b"\n") for reply in found[:2]) == 5
    assert chunk(0, "attempt_foreign").status_code == 409


NEW = TaskSpec(task="gamma", title="Gamma", metric="acc")
SHOWN = replace(suite_spec().tasks[0], num_fewshot=5)


@pytest.mark.parametrize(
    ("tasks", "said"),
    [((*OTHER, NEW), "the task gamma is new"), ((SHOWN, OTHER[1]), "alpha shows another number of examples")],
)
def test_what_is_asked_otherwise_is_refused_with_the_reason(
    old: Submission, staff: User, tasks: tuple[TaskSpec, ...], said: str
) -> None:
    version(tasks=tasks)
    with pytest.raises(Refused, match=f"Submission {old.pk} cannot be scored on tiny@2.*{said}"):
        rescore(suite="tiny@2", actor=staff, reason=WHY)
    assert not Submission.objects.filter(rescored_from=old).exists() and not Audit.objects.exists()


def test_a_task_that_is_left_out_needs_no_model(old: Submission, staff: User) -> None:
    version(tasks=OTHER[:1])
    assert len(rescore(suite="tiny@2", actor=staff, reason=WHY).made) == 1


def test_what_is_not_stored_or_not_trusted_is_left_out(old: Submission, staff: User, worker_token: WorkerToken) -> None:
    version()
    WorkerToken.objects.filter(pk=worker_token.pk).update(trusted=False)
    with pytest.raises(Refused, match="does not trust"):
        rescore(suite="tiny@2", actor=staff, reason=WHY)
    WorkerToken.objects.filter(pk=worker_token.pk).update(trusted=True)
    Job.objects.filter(submission=old).update(attempt=7)  # whose chunks are not there
    with pytest.raises(Refused, match="not stored any more"):
        rescore(suite="tiny@2", actor=staff, reason=WHY)


def test_the_newest_version_is_scored_and_a_score_that_is_there_stays(
    old: Submission, staff: User, make_submission: Make
) -> None:
    version()
    rescore(suite="tiny@2", actor=staff, reason=WHY)
    version(3)
    with_score = made.succeed(Submission.objects.get(rescored_from=old), 40.0)
    with pytest.raises(Refused, match=f"Submission {with_score.pk} cannot be scored on tiny@3.*does not trust"):
        rescore(suite="tiny@3", actor=staff, reason=WHY)  # no worker measured the newest, which is tiny@2's


def test_a_retry_asks_the_model(old: Submission, staff: User) -> None:
    version()
    rescore(suite="tiny@2", actor=staff, reason=WHY)
    new = made.end(Submission.objects.get(rescored_from=old), "failed", error_code="responses_missing")
    again = retry(submission=new.pk, owner=new.owner, submitter=staff)
    assert (again.rescored_from, again.retry_of, again.requested_revision) == (None, new, old.revision.sha)  # type: ignore[union-attr]


def test_a_source_is_purged_after_what_was_made_of_it(old: Submission, staff: User) -> None:
    version()
    rescore(suite="tiny@2", actor=staff, reason=WHY)
    new = made.end(Submission.objects.get(rescored_from=old), "failed")
    with pytest.raises(Conflict, match=f"as submission {new.pk}; purge that first"):
        purge(submission=old.pk, actor="root", reason="asked for")
    for number in (new.pk, old.pk):
        purge(submission=number, actor="root", reason="asked for")
    assert not Submission.objects.exists()


def test_the_staff_alone_by_page_and_command(old: Submission, staff: User, person: User) -> None:
    version()
    with pytest.raises(Forbidden):
        rescore(suite="tiny@2", actor=person, reason=WHY)
    root = Client()
    root.force_login(staff)
    assert "1 evaluation of earlier versions" in tree(root.get("/staff")).text
    reply = root.post("/staff/rescore", {"suite": "tiny@2", "reason": WHY}, follow=True)
    assert "1 are scored anew." in reply.content.decode()
    assert "of earlier versions" not in reply.content.decode()
    version(3)
    out = StringIO()
    made.end(Submission.objects.get(rescored_from=old), "failed")
    call_command("rescore", "tiny@3", reason=WHY, by="root", stdout=out)
    assert out.getvalue().startswith(f"submission {old.pk} is scored anew as ")
    with pytest.raises(CommandError, match="no user"):
        call_command("rescore", "tiny@3", reason=WHY, by="nobody")


def test_everything_is_asked_anew_where_it_was_wished(
    client: Client, api_token: str, suite: Suite, worker_token: WorkerToken, make_submission: Make, tmp_path: Path
) -> None:
    headers = {"authorization": f"Bearer {api_token}"}
    body = {"suite": "tiny@1", "model": "org/other", "fresh": True}
    reply = client.post("/api/v1/submissions/", body, content_type="application/json", headers=headers)
    assert (reply.status_code, reply.json()["fresh"]) == (201, True)
    make_submission()
    Submission.objects.filter(state="queued").update(fresh=True)
    assert claimed(worker_token, edition=ANEW_SINCE - 1) is None
    spec = claimed(worker_token)
    assert spec is not None and spec.fresh and spec.replies is None
