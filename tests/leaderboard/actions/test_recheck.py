"""The scorer compares results with their own samples, and holds back what does not agree."""

import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pytest_django import Settings as DjangoSettings

from evaluator.contract import EDITION, JobSpec, Sample, TaskResult
from leaderboard.actions.recheck import recheck
from leaderboard.actions.score import score
from leaderboard.choices import right_choice
from leaderboard.models import (
    ItemSet,
    Outbox,
    Result,
    SampleChunk,
    Snapshot,
    Submission,
    SuiteTask,
    Worker,
    WorkerToken,
)
from tests import samples
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(make_submission: made.Make, worker_token: WorkerToken, files: Path) -> JobSpec:
    make_submission()
    spec = made.claim(worker_token)
    Worker.objects.update(edition=EDITION)
    return spec


def alpha(scores: tuple[float, ...] = (1.0, 0.0, 1.0, 0.0), **changes: Any) -> TaskResult:
    hashes = tuple(samples.sample("alpha", number).item_hash for number in range(len(scores)))
    result = TaskResult(
        task="alpha", metric="acc", filter="none", score=sum(scores) / len(scores), stderr=0.1, n=len(scores),
        item_hashes=hashes, item_scores=scores,
    )  # fmt: skip
    return msgspec.structs.replace(result, **changes)


BETA = msgspec.structs.replace(alpha((0.1, 0.7)), task="beta", metric="exact_match", filter="strict")


def scored(spec: JobSpec, *found: Sample, result: TaskResult | None = None, **options: Any) -> Submission:
    """Post alpha and beta with alpha's samples as `found` (those that agree, if none), and score."""
    result = result or alpha()
    alphas = list(found) or samples.agreeing([result])
    samples.finish(spec, [result, BETA], [*alphas, *samples.agreeing([BETA])], each=3)
    row = Submission.objects.get()
    score(submission=row.pk, **options)
    row.refresh_from_db()
    return row


def test_what_agrees_succeeds_and_says_what_was_compared(held: JobSpec) -> None:
    row = scored(held)
    assert (row.state, row.error_code) == ("succeeded", "")
    assert row.provenance["rechecked"] == {"alpha": "4 items; score", "beta": "2 items; score"}
    assert [one.submission_id for one in made.rows("tiny@1")] == [row.pk]


def changed(number: int, **changes: Any) -> list[Sample]:
    """Alpha's samples, but for one."""
    found = samples.agreeing([alpha()])
    found[number] = msgspec.structs.replace(found[number], **changes)
    return found


WRONG = {
    "an item's score": (
        changed(2, scores={"none": {"acc": 0.0}}),
        "Alpha: item 3 has the score 1 in the results, 0 in the samples.",
    ),
    "a score beyond float32": (
        changed(2, scores={"none": {"acc": 1e300}}),
        "Alpha: item 3 has the score 1 in the results, 1e+300 in the samples.",
    ),
    "an item": (changed(1, item_hash="f" * 64), "Alpha: item 2 of the results is"),
    "the order": (samples.agreeing([alpha()])[::-1], "Alpha: item 1 of the results is"),
    "one too few": (samples.agreeing([alpha()])[:3], "Alpha: the results have 4 items, the samples 3."),
    "one too many": (
        [*samples.agreeing([alpha()]), samples.sample(doc_id=9)],
        "Alpha: the results have 4 items, the samples 5.",
    ),
    "another filter": (changed(0, scores={"loose": {"acc": 1.0}}), "Alpha: item 1 of the results is"),
    "another task": ([samples.sample("gamma")], "Alpha: the results have 4 items, the samples 0."),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_the_samples_contradict_is_quarantined(held: JobSpec, name: str) -> None:
    found, said = WRONG[name]
    row = scored(held, *found)
    assert (row.state, row.error_code) == ("quarantined", "recheck_failed")
    assert row.error_message.startswith(said)
    assert row.finished_at is not None
    assert not Snapshot.objects.exists()
    assert not Outbox.objects.filter(kind="score").exists()
    event = row.events.last()
    assert event is not None
    assert (event.after, event.reason) == ("quarantined", "its samples say something else than its results")


@pytest.mark.parametrize("posted", [0.75, 0.5 + 1e-8])
def test_a_score_that_is_not_the_mean_is_quarantined(held: JobSpec, posted: float) -> None:
    row = scored(held, result=alpha(score=posted))
    assert row.error_code == "recheck_failed"
    assert row.error_message == (f"Alpha: the score in the results is {posted:.10g}, the mean over the samples is 0.5.")
    assert row.score == pytest.approx(100 * (posted + 0.4) / 2), "a release may rank it as it was measured"


@pytest.mark.parametrize("size", [3, 1000])
def test_fractions_agree_although_items_are_stored_in_float32(held: JobSpec, size: int) -> None:
    draw = random.Random(7)
    scores = tuple(draw.random() for _ in range(size))
    added_otherwise = float(np.mean(scores))
    samples.finish(held, [alpha(scores, score=added_otherwise), BETA])
    row = Submission.objects.get()
    score(submission=row.pk)
    row.refresh_from_db()
    assert row.state == "succeeded", row.error_message


def parts() -> list[Sample]:
    """Alpha as a group: one item of a first part, three of a second."""
    found = samples.agreeing([alpha()])
    leaves = ["one", "two", "two", "two"]
    return [
        msgspec.structs.replace(sample, task=leaf, suite_task="alpha")
        for sample, leaf in zip(found, leaves, strict=True)
    ]


@pytest.mark.parametrize(
    ("posted", "state"), [(0.5, "succeeded"), ((1 + 1 / 3) / 2, "succeeded"), (0.6, "quarantined")]
)
def test_a_groups_score_may_be_the_mean_of_its_parts(held: JobSpec, posted: float, state: str) -> None:
    """lm-eval's weight_by_size, true and false."""
    assert scored(held, *parts(), result=alpha(score=posted)).state == state


def test_no_samples_at_all_are_a_contradiction(held: JobSpec) -> None:
    samples.finish(held, [alpha(), BETA], [])
    row = Submission.objects.get()
    score(submission=row.pk)
    row.refresh_from_db()
    assert row.error_message == "Alpha: the results have 4 items, the samples 0."


def test_a_task_without_a_score_has_nothing_to_compare(held: JobSpec) -> None:
    missing = TaskResult(task="alpha", metric="acc", filter="none", unavailable="No data.")
    samples.finish(held, [missing, BETA])
    row = Submission.objects.get()
    score(submission=row.pk)
    row.refresh_from_db()
    assert (row.state, list(row.provenance["rechecked"])) == ("succeeded", ["beta"])


def test_documents_that_the_metric_leaves_out_are_no_items(held: JobSpec) -> None:
    found = samples.agreeing([alpha()])
    found.insert(2, samples.sample(doc_id=7, scores={"none": {"f1": 1.0}}))
    assert scored(held, *found).state == "succeeded"


# Choices


def choice(number: int, accuracy: float, likelihoods: tuple[float, ...], target: str, **changes: Any) -> Sample:
    values: dict[str, Any] = {
        "prompts": tuple(f"Q: which?␟ {word}" for word in "abcdef"[: len(likelihoods)]),
        "responses": tuple(f"({value!r}, False)" for value in likelihoods),
        "target": target,
        "scores": {"none": {"acc": accuracy}},
    }
    return samples.sample("alpha", number, **values | changes)


HONEST = [
    choice(0, 1.0, (-1.5, -2.0), "0"),
    choice(1, 0.0, (-1.5, -2.0), "1"),
    choice(2, 1.0, (-3e-05, -2.0, float("-inf")), "a"),
    choice(3, 0.0, (-1.0, -1.0), "1"),  # of equals the first
]


def test_the_likeliest_choices_are_compared_too(held: JobSpec) -> None:
    row = scored(held, *HONEST)
    assert (row.state, row.error_message) == ("succeeded", "")
    assert row.provenance["rechecked"]["alpha"] == "4 items; score; likeliest choices of 4"


def test_an_accuracy_that_the_likelihoods_contradict_is_quarantined(held: JobSpec) -> None:
    found = [*HONEST[:2], choice(2, 1.0, (-3.0, -2.0), "0"), HONEST[3]]
    row = scored(held, *found)
    assert row.error_message == (
        "Alpha: item 3 has the accuracy 1, but its likeliest choice is number 1 and the right one number 0, "
        "counted from 0."
    )


def test_an_accuracy_that_is_a_share_of_probability_is_no_choice(held: JobSpec) -> None:
    """TruthfulQA's mc2: its target is always written as 0, and another of its true answers may be the likeliest."""
    scores = (1.0, 0.25)
    found = [choice(number, value, (-3.0, -2.0), "0") for number, value in enumerate(scores)]
    row = scored(held, *found, result=alpha(scores))
    assert (row.state, row.provenance["rechecked"]["alpha"]) == ("succeeded", "2 items; score")


LIKELY = (-1.0, -2.0)


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (choice(0, 1, LIKELY, "1"), (0, 1)),
        (choice(0, 1, LIKELY, " b"), (0, 1)),
        (choice(0, 1, LIKELY, "2"), None),
        (choice(0, 1, LIKELY, "[0, 1]"), None),
        (choice(0, 1, LIKELY, "²"), None),
        (choice(0, 1, LIKELY, "9" * 5000), None),
        (choice(0, 1, LIKELY, "1", prompts=("Q␟ 1", "Q␟ 2")), None),  # by number the second, by text the first
        (choice(0, 1, LIKELY, "0", prompts=("Q␟ x", "Q␟ x")), None),
        (choice(0, 1, LIKELY, "0", prompts=("P␟ x", "Q␟ y")), None),  # the contexts differ, as in WinoGrande
        (choice(0, 1, LIKELY, "0", prompts=("Q␟ x␟", "Q␟ y")), None),
        (choice(0, 1, LIKELY, "0", prompts=("Q",)), None),
        (choice(0, 1, (-1.0,), "0"), None),
        (choice(0, 1, (float("nan"), -1.0), "0"), None),
        (choice(0, 1, LIKELY, "0", responses=("(np.float64(-1.0), True)", "(-2.0, False)")), None),
        (choice(0, 1, LIKELY, "0", responses=("0", "1")), None),
    ],
)
def test_which_records_tell_the_right_choice(sample: Sample, expected: tuple[int, int] | None) -> None:
    assert right_choice(sample) == expected


# Which tasks


class Draw(random.Random):
    """Gives these numbers."""

    def __init__(self, *numbers: float) -> None:
        super().__init__()
        self.numbers = list(numbers)

    def random(self) -> float:
        return self.numbers.pop(0)


@pytest.mark.parametrize(("draws", "state"), [((0.2, 0.9), "quarantined"), ((0.9, 0.2), "succeeded")])
def test_a_share_of_the_tasks_is_drawn(
    held: JobSpec, settings: DjangoSettings, draws: tuple[float, float], state: str
) -> None:
    settings.RECHECK_SHARE = 0.5
    row = scored(held, result=alpha(score=0.75), chance=Draw(*draws))
    assert row.state == state
    assert list(row.provenance["rechecked"].values()).count("not drawn") == 1


def test_where_nothing_is_drawn_no_file_is_read(held: JobSpec, settings: DjangoSettings, files: Path) -> None:
    settings.RECHECK_SHARE = 0.0
    samples.finish(held, [alpha(), BETA])
    for chunk in SampleChunk.objects.all():
        (files / chunk.path).unlink()
    row = Submission.objects.get()
    score(submission=row.pk)
    row.refresh_from_db()
    assert (row.state, set(row.provenance["rechecked"].values())) == ("succeeded", {"not drawn"})


@pytest.mark.parametrize("damage", ["lost", "cut", "overwritten"])
def test_samples_that_storage_lost_are_told(held: JobSpec, files: Path, damage: str) -> None:
    samples.finish(held, [alpha(), BETA])
    path = files / SampleChunk.objects.get().path
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-9] if damage == "cut" else b"x")
    row = Submission.objects.get()
    score(submission=row.pk)
    row.refresh_from_db()
    assert (row.state, row.error_message) == ("quarantined", "Chunk 0 of the samples cannot be read any more.")


def test_a_worker_cannot_say_itself_what_was_rechecked(held: JobSpec) -> None:
    samples.finish(held, [alpha(), BETA])
    Submission.objects.update(provenance={"rechecked": {"alpha": "by me"}, "engine": "vllm"})
    row = Submission.objects.get()
    score(submission=row.pk)
    row.refresh_from_db()
    assert row.provenance["engine"] == "vllm"
    assert row.provenance["rechecked"]["alpha"] == "4 items; score"


# Out of range


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"score": 1.5}, "the score is 1.5"),
        ({"score": -0.25}, "the score is -0.25"),
        ({"stderr": 2.0}, "the standard error is 2"),
        ({"item_scores": (1.0, 0.0, 7.0, 0.0)}, "the score of an item is 7"),
        ({"item_scores": (1.0, -3e38, 0.0, 0.0)}, "the score of an item is -3e+38"),
    ],
    ids=str,
)
def test_what_is_out_of_range_is_kept_and_quarantined(held: JobSpec, changes: dict[str, Any], said: str) -> None:
    samples.finish(held, [alpha(**changes), BETA], samples.agreeing([alpha(), BETA]))
    row = Submission.objects.get()
    score(submission=row.pk)
    row.refresh_from_db()
    assert (row.state, row.error_code, row.score) == ("quarantined", "out_of_range", None)
    assert row.error_message == f"Alpha: {said}, and all of them are fractions from 0 to 1."
    assert not Snapshot.objects.exists()
    assert row.results.count() == 2


def test_an_earlier_result_stays_on_the_board(
    held: JobSpec, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    first = scored(held)
    second = make_submission()
    samples.finish(made.claim(worker_token), [alpha(score=0.9), BETA])
    score(submission=second.pk)
    second.refresh_from_db()
    assert second.state == "quarantined"
    assert [row.submission_id for row in made.rows("tiny@1")] == [first.pk]


@pytest.mark.parametrize(("task", "metric"), [("alpha", "f1"), ("tinyArc", "acc_norm")])
def test_a_score_that_need_not_be_a_mean_is_noted_and_its_items_are_compared(task: str, metric: str) -> None:
    scores, found = (
        (1.0, 0.0),
        [samples.sample(task, number, scores={"none": {metric: 1.0 - number}}) for number in (0, 1)],
    )
    result = Result(
        task=SuiteTask(task=task, title="T", metric=metric, filter="none"), score=0.9,
        items=ItemSet(hashes=bytes.fromhex("".join(one.item_hash for one in found))),
        item_scores=np.asarray(scores, dtype="<f4").tobytes(),
    )  # fmt: skip
    verdict = recheck([result], found)
    assert verdict.problem == ""
    assert verdict.rechecked[task] == f"2 items; score not rechecked: {metric} may be another aggregate than the mean"
    assert recheck([result], found[::-1]).problem.startswith("T: item 1 of the results is")


@pytest.mark.parametrize(("edition", "state"), [(1, "succeeded"), (2, "quarantined")])
def test_a_group_measured_by_an_old_worker_is_taken_as_it_is(held: JobSpec, edition: int, state: str) -> None:
    """Samples of the first edition do not say which group they were measured for."""
    Worker.objects.update(edition=edition)
    leaves = [msgspec.structs.replace(one, task=f"leaf_{one.doc_id}") for one in samples.agreeing([alpha()])]
    row = scored(held, *leaves)
    assert row.state == state
    if state == "succeeded":
        assert row.provenance["rechecked"]["alpha"].startswith("not rechecked: its worker")
