import pytest

from evaluator.contract import Settings
from leaderboard.actions.cancel import cancel
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Job, Owner, Submission, Suite, WorkerToken
from leaderboard.queries.errors import Missing
from leaderboard.queries.submissions import Progress, detail, progress_of, queue, submissions
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


def test_places_in_the_queue_count_what_waits_for_the_same_kind_of_worker(make_submission: made.Make) -> None:
    rows = [make_submission(f"org/m{index}") for index in range(4)]
    rows[1].jobs.update(queue="gpu")
    assert [detail(row.pk).queue_position for row in rows] == [1, 1, 2, 3]
    assert [line.position for line in queue().waiting] == [1, 1, 2, 3]


def test_whoever_is_claimed_leaves_the_line(make_submission: made.Make, worker_token: WorkerToken) -> None:
    rows = [make_submission(f"org/m{index}") for index in range(3)]
    made.claim(worker_token)
    assert [detail(row.pk).queue_position for row in rows] == [None, 1, 2]
    found = queue()
    assert [line.submission for line in found.running] == [rows[0]]
    assert [(line.submission, line.position) for line in found.waiting] == [(rows[1], 1), (rows[2], 2)]


def test_a_submission_of_several_jobs_stands_where_its_first_one_does(make_submission: made.Make) -> None:
    first, second = make_submission("org/a"), make_submission("org/b")
    job = first.jobs.get()
    Job.objects.create(submission=first, queue="cpu", engine="vllm", not_before=job.not_before)
    Job.objects.create(submission=second, queue="cpu", engine="vllm", not_before=job.not_before)
    assert [line.position for line in queue().waiting] == [1, 2]
    assert [detail(row.pk).queue_position for row in (first, second)] == [1, 2]


def test_what_is_checked_waits_without_a_place(make_submission: made.Make) -> None:
    row = made.validating(make_submission())
    assert [(line.submission, line.position) for line in queue().waiting] == [(row, None)]
    assert detail(row.pk).queue_position is None


def test_the_newest_that_ended_come_first_and_only_so_many(make_submission: made.Make) -> None:
    rows = [made.end(make_submission(f"org/m{index}"), "failed") for index in range(4)]
    late = make_submission("org/early")
    made.end(late, "cancelled")
    assert queue(ended=3).ended == [late, rows[3], rows[2]]


def test_progress_adds_up_over_jobs_and_tells_what_the_running_one_does() -> None:
    jobs = [
        Job(state="done", done=10, total=10, phase=""),
        Job(state="running", done=2, total=20, phase="evaluating"),
        Job(state="queued"),
    ]
    assert progress_of(jobs) == Progress(done=12, total=30, phase="evaluating")
    assert progress_of(jobs).percent == 40
    assert progress_of([]).percent == 0


def test_a_detail_knows_who_works_on_it(make_submission: made.Make, worker_token: WorkerToken, owner: Owner) -> None:
    row = make_submission()
    assert (detail(row.pk).worker_job, detail(row.pk).log) == (None, "")
    made.beat(made.claim(worker_token, "w7"), log="line")
    found = detail(row.pk)
    assert found.worker_job and found.worker_job.worker and found.worker_job.worker.name == "w7"
    assert (found.log, found.live, found.cancelling) == ("line", True, False)
    cancel(submission=row.pk, owner=owner)
    assert detail(row.pk).cancelling
    made.end(row, "cancelled")
    assert (detail(row.pk).live, detail(row.pk).cancelling) == (False, False)


def test_a_detail_has_its_newest_row_and_where_the_board_shows_it(make_submission: made.Make, suite: Suite) -> None:
    row = made.succeed(make_submission(), 50.0)
    assert (detail(row.pk).row, detail(row.pk).board_page) == (None, None)
    build_snapshot(suite=suite)
    made.succeed(make_submission("org/better"), 90.0)
    build_snapshot(suite=suite)
    found = detail(row.pk)
    assert found.row and (found.row.rank, found.board_page) == (2, 1)
    again = made.succeed(make_submission(), 60.0)
    build_snapshot(suite=suite)
    assert detail(row.pk).board_page is None
    assert detail(again.pk).board_page == 1


def test_results_stand_in_the_suites_order(make_submission: made.Make) -> None:
    row = made.succeed(make_submission(), 50.0)
    assert [result.task.task for result in detail(row.pk).results] == ["alpha", "beta"]


@pytest.mark.parametrize("pk", [0, 10**30])
def test_an_unknown_submission_is_missing(db: None, pk: int) -> None:
    with pytest.raises(Missing) as refusal:
        detail(pk)
    assert (refusal.value.code, refusal.value.status) == ("unknown_submission", 404)


def test_the_newest_submission_comes_first(make_submission: made.Make) -> None:
    rows = [make_submission(settings=Settings(dtype=dtype)) for dtype in ("float32", "float16")]  # type: ignore[arg-type]
    assert list(submissions()) == rows[::-1]
    assert Submission.objects.count() == 2
