"""A bake-off is one submission a model through the ordinary path, all or none of them, and none run twice in vain."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from evaluator import contract
from evaluator.suites import bundle, workload
from leaderboard.actions import lease
from leaderboard.actions.accounts import create_person, register_worker_token
from leaderboard.actions.begin_bakeoff import Registered, Weights, begin_bakeoff
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.actions.submit import submit
from leaderboard.actions.workload_suite import private_suite
from leaderboard.models import (
    Bakeoff,
    Bundle,
    Delivery,
    EndpointHour,
    Model,
    Owner,
    Result,
    Revision,
    Snapshot,
    Submission,
    Suite,
    WorkerToken,
    WorkloadAnswers,
    WorkloadSuite,
)
from leaderboard.queries.bakeoffs import STRANGERS, course
from leaderboard.queries.editions import PROGRAMS_SINCE
from tests.leaderboard import bakeoffs

pytestmark = pytest.mark.django_db


def right(model: str, number: int) -> str:
    """org/good is always right; org/bad every other time, and once without a number."""
    if model == "org/good":
        return f"It is {number + 1}."
    if number == 3:
        return "I'm sorry, but I can't help with that."
    return f"{number + 1}" if number % 2 else f"{number}"


def test_models_are_asked_the_items_and_scored_by_the_workloads_scorer(
    owner: Owner, worker_token: WorkerToken, files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bakeoffs.begun(bakeoffs.kept(owner, 10), "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    done = bakeoffs.worked(worker_token, right)
    assert [(row.requested_model, row.state, row.score) for row in done] == [
        ("org/good", "succeeded", 100.0), ("org/bad", "succeeded", 40.0),
    ]  # fmt: skip
    assert [entry.submission_id for entry in made.entries.all()] == [row.pk for row in done]
    noted = WorkloadAnswers.objects.get(submission=done[1])
    assert bytes(noted.flags) == bytes([1, 1, 1, 2, *[1] * 6])
    assert len(bytes(noted.tokens_in)) == 40
    assert (Snapshot.objects.count(), Delivery.objects.count(), EndpointHour.objects.count()) == (0, 0, 0)


def test_a_version_has_one_suite_of_data_alone(owner: Owner) -> None:
    version = bakeoffs.kept(owner, 6, word="zzz")
    suite = private_suite(version=version)
    assert private_suite(version=version) == suite
    files = bundle.read(bytes(Bundle.objects.get(pk=suite.definition["bundle"]).data))
    assert list(files) == [workload.FILE]
    assert b"zzzq1" not in files[workload.FILE] and b"third" not in files[workload.FILE], "ids and tags stay here"
    told = WorkloadSuite.objects.get()
    assert (told.n, told.tags) == (6, {"zzzthird": [0, 3], "zzzother": [1, 2, 4, 5]})
    assert suite.slug == f"workload.{version.workload_id}@1" and suite.owner == owner


def test_nothing_is_run_twice_in_vain(
    owner: Owner, worker_token: WorkerToken, files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = bakeoffs.kept(owner)
    first = bakeoffs.begun(version, "org/good", "org/bad")
    second = bakeoffs.begun(version, "org/bad", "org/third")
    assert Submission.everything.count() == 3, "what is under way is shared"
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, right)
    third = bakeoffs.begun(version, "org/good", "org/third")
    keys = [{entry.submission_id for entry in one.entries.all()} for one in (first, second, third)]
    assert keys[2] < keys[0] | keys[1] and Submission.everything.count() == 3, "a commit stays what it is"
    branch = begin_bakeoff(
        owner=owner, maker=owner.user, workload=version.workload_id,
        candidates=[Weights("org/good"), Weights("org/good", "f" * 40)],
    )  # fmt: skip
    assert branch.entries.count() == 2 and Submission.everything.count() == 4, "a branch may have moved"


@pytest.mark.parametrize(
    ("models", "field", "words"),
    [
        (["org/good"], "models", "2 to 8 models, not of 1"),
        ([f"org/m{n}" for n in range(9)], "models", "not of 9"),
        (["org/good", "org/good"], "models[1].model", "twice"),
        (["org/good", "no slash or so"], "models[1].model", "not a Hub ID|no Hub|name"),
    ],
)
def test_all_or_nothing(owner: Owner, models: list[str], field: str, words: str) -> None:
    version = bakeoffs.kept(owner)
    with pytest.raises(Refused, match=words) as refusal:
        bakeoffs.begun(version, *models)
    assert refusal.value.field == field
    assert (Bakeoff.objects.count(), Submission.everything.count(), Suite.everything.count()) == (0, 0, 0)


def test_nobody_elses_workload_and_nobody_elses_endpoint(owner: Owner) -> None:
    version, grace = bakeoffs.kept(owner), create_person(username="grace", password=None)
    with pytest.raises(NotFound):
        begin_bakeoff(
            owner=grace.owner, maker=grace, workload=version.workload_id, candidates=[Weights("a/b"), Weights("a/c")]
        )
    with pytest.raises(NotFound) as refusal:
        bakeoffs.begun(version, "org/good", candidates=[Registered(7)])
    assert refusal.value.field == "models[1].endpoint"


def test_prompts_go_only_to_trusted_workers_that_forget_them(
    owner: Owner, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    bakeoffs.begun(bakeoffs.kept(owner), "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    stranger = register_worker_token(name="stranger", token="x" * 30, trusted=False)
    assert lease.claim(token=stranger, request=bakeoffs.REQUEST) is None
    old = contract.ClaimRequest(worker="old", queues=("cpu", "gpu"), engines=("vllm",), edition=4)
    assert lease.claim(token=worker_token, request=old) is None
    spec = lease.claim(token=worker_token, request=bakeoffs.REQUEST)
    assert spec is not None and spec.private


def test_programs_wait_for_a_worker_that_knows_what_to_do_with_them(
    owner: Owner, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever waits is told so: an older one would find no task in it."""
    row = bakeoffs.begun(bakeoffs.kept(owner, scoring={"kind": "unit_tests"}), "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    assert {one.stuck for one in course(owner, row.pk).entrants} == {"No worker is online."}
    old = replace(bakeoffs.REQUEST, edition=PROGRAMS_SINCE - 1)
    assert lease.claim(token=worker_token, request=old) is None
    for one in course(owner, row.pk).entrants:
        assert "needs a worker of edition 8" in one.stuck and "has to be upgraded" in one.stuck
    assert lease.claim(token=worker_token, request=bakeoffs.REQUEST) is not None
    assert {one.stuck for one in course(owner, row.pk).entrants} == {""}


def test_a_bakeoff_says_that_only_a_stranger_is_online(
    owner: Owner, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = bakeoffs.begun(bakeoffs.kept(owner), "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    stranger = register_worker_token(name="stranger", token="x" * 30, trusted=False)
    assert lease.claim(token=stranger, request=bakeoffs.REQUEST) is None
    assert {one.stuck for one in course(owner, row.pk).entrants} == {STRANGERS}
    assert lease.claim(token=worker_token, request=bakeoffs.REQUEST) is not None
    assert {one.stuck for one in course(owner, row.pk).entrants} == {""}


def test_what_only_workloads_know_is_hidden_until_somebody_submits_it(
    owner: Owner, suite: Suite, monkeypatch: pytest.MonkeyPatch, make_public: Callable[[str], None]
) -> None:
    bakeoffs.begun(bakeoffs.kept(owner), "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    assert (Model.objects.count(), Revision.objects.count()) == (0, 0)
    assert (Model.everything.count(), Revision.everything.count()) == (2, 2)
    make_public("org/good")
    assert [model.name for model in Model.objects.all()] == ["org/good"]
    assert Revision.objects.get().model.name == "org/good"
    assert Submission.objects.count() == 1 and Result.objects.count() == 0


@pytest.fixture
def make_public(owner: Owner, suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Somebody submits the model to a released suite."""

    def make(name: str) -> None:
        submit(owner=owner, submitter=owner.user, suite=suite.slug, model=name)
        bakeoffs.queued(monkeypatch)

    return make
