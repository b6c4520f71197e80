from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from leaderboard.models import Imported, Model, Owner, Submission, Suite, WorkerToken
from leaderboard.queries.history import points_of, speeds_of
from tests.leaderboard import endpoints
from tests.leaderboard.compared import imported
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


def model() -> Model:
    return Model.objects.get(name="org/model")


def test_every_score_is_there_newest_first(make_submission: made.Make, suite: Suite) -> None:
    old, new = made.succeed(make_submission(), 40.0), made.succeed(make_submission(sha="b" * 40), 50.0)
    Submission.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=9))
    made.end(make_submission(sha="c" * 40), "failed")
    made.succeed(make_submission(sha="d" * 40), None, reason=made.REASON)
    claimed = imported(suite, "org/model", {"alpha": [1.0, 0.0], "beta": [1.0, 0.0]})
    Imported.objects.update(superseded_at=timezone.now())
    found = points_of(model())
    assert [one.key for one in found] == [f"s{new.pk}", f"s{old.pk}", f"i{claimed.pk}"]
    assert [one.day is None for one in found] == [False, False, True]
    assert [one.current for one in found] == [True, True, False]


def run(make_submission: made.Make, sha: str, **provenance: Any) -> Submission:
    """A run of 8 items."""
    row = made.succeed(make_submission(sha=sha * 40), 50.0)
    Submission.objects.filter(pk=row.pk).update(provenance=provenance)
    return row


def test_speed_is_the_median_of_the_runs_on_one_machine(make_submission: made.Make) -> None:
    for sha, spent in zip("abc", (2.0, 4.0, 8.0), strict=True):
        run(make_submission, sha, hardware="1 x H100", engine="vllm", dtype="bfloat16", evaluation_seconds=spent,
            load_seconds=30.0, spent={"input_tokens": 900, "output_tokens": 100})  # fmt: skip
    run(make_submission, "d", hardware="CPU", engine="vllm", dtype="bfloat16", evaluation_seconds=8.0)
    cpu, gpu = speeds_of(model())
    assert (gpu.runs, gpu.items, gpu.tokens, gpu.load) == (3, 2.0, 250.0, 30.0)
    assert (cpu.hardware, cpu.items, cpu.tokens, cpu.load) == ("CPU", 1.0, None, None)


@pytest.mark.parametrize("odd", [None, "fast", -1.0, 0, True, [], {"a": 1}])
def test_a_provenance_that_says_nothing_usable_is_no_speed(make_submission: made.Make, odd: Any) -> None:
    run(make_submission, "a", evaluation_seconds=odd, hardware={"gpu": 1}, spent=[1], tokens="many")
    assert speeds_of(model()) == []


def test_what_is_no_number_is_no_score(make_submission: made.Make) -> None:
    made.succeed(make_submission(), 40.0, stderr=float("nan"))
    made.end(make_submission(sha="b" * 40), "succeeded", score=float("nan"), stderr=1.0)
    assert [(one.score, one.stderr) for one in points_of(model())] == [(40.0, None)]


@pytest.mark.usefixtures("files")
def test_the_pace_of_an_endpoint_is_no_speed_of_our_machines(owner: Owner, worker_token: WorkerToken) -> None:
    endpoints.generated_suite()
    row, spec = endpoints.running(owner, worker_token)
    assert endpoints.finished(row, spec).state == "succeeded"
    assert row.revision is not None and speeds_of(row.revision.model) == []
