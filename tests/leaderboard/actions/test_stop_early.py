"""Bake-offs that stop when they are decided: who is asked no more, who goes on, and what the report says of it."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from evaluator.contract import EarlyScores, JobSpec
from evaluator.suites import bundle, workload
from leaderboard.actions import lease
from leaderboard.actions.begin_bakeoff import Weights, begin_bakeoff
from leaderboard.actions.errors import Conflict, Refused
from leaderboard.actions.workload_suite import private_suite
from leaderboard.models import Bakeoff, Bundle, EarlyLook, Event, Owner, Result, Submission, WorkerToken, WorkloadSuite
from leaderboard.queries.bakeoff_items import sides
from leaderboard.queries.bakeoff_report import Asked, Report, report
from leaderboard.queries.bakeoffs import course_of
from leaderboard.queries.switching import Wishes, switch
from leaderboard.statistics.switching import Answer
from leaderboard.statistics.verdict import Word
from tests.leaderboard import bakeoffs

pytestmark = pytest.mark.django_db
YES = {"kind": "regex", "pattern": "yes"}


def answer(model: str, number: int) -> str:
    """org/good is right, org/bad in two of three, org/twin where org/good is."""
    return "no" if model == "org/bad" and number % 3 == 0 else "yes"


def begun(owner: Owner, *models: str, n: int = 200, margin: float = 5.0, stops: bool = True) -> Bakeoff:
    version = bakeoffs.kept(owner, n, scoring=YES)
    return bakeoffs.begun(version, *models, margin=margin, stops=stops)


def measured(token: WorkerToken, monkeypatch: pytest.MonkeyPatch) -> list[Submission]:
    bakeoffs.queued(monkeypatch)
    return bakeoffs.worked(token, answer)


def report_of(made: Bakeoff, base: int = 1) -> Report:
    return report(course_of(made), Asked(made.margin, base))


def asked(row: Submission) -> int:
    return Result.everything.get(submission=row).n


def test_a_model_is_asked_no_more_once_it_is_surely_worse(
    owner: Owner, worker_token: WorkerToken, files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = begun(owner, "org/good", "org/bad")
    good, bad = measured(worker_token, monkeypatch)
    assert [row.state for row in (good, bad)] == ["succeeded", "succeeded"]
    assert asked(good) == 200, "the first has nobody to be compared with yet"
    assert asked(bad) in lease.looks(200) and asked(bad) < 100
    told = Event.objects.filter(submission=bad, actor="bake-off").values_list("reason", flat=True)
    assert list(told) == [f"decided after {asked(bad)} prompts"]

    found = report_of(made)
    first, second = found.lines
    assert (first.stopped, second.stopped, second.n, second.of) == (False, True, asked(bad), 200)
    assert second.against is not None and second.against.verdict is not None
    assert second.against.verdict.word == Word.WORSE and second.against.comparison.method == "betting"
    assert second.against.comparison.n == asked(bad), "on what both were asked"
    assert second.against.high <= -5, "the interval alone says so"
    wishes = Wishes(margin=5.0, to=2)
    assert switch(found, wishes).decision.answer == Answer.STAY
    turned = report_of(made, base=2).lines[0]
    assert turned.against is not None and turned.against.verdict is not None
    assert turned.against.verdict.word == Word.BETTER


def test_answers_side_by_side_are_those_that_both_gave_in_the_workloads_order(
    owner: Owner, worker_token: WorkerToken, files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = begun(owner, "org/good", "org/bad")
    _, bad = measured(worker_token, monkeypatch)
    found = report_of(made)
    page = sides(found, {"show": "first"}, page=1)
    assert page.counts["all"] == asked(bad)
    assert page.counts["first"] == len(range(0, asked(bad), 3))
    numbers = [one.number for one in page.items]
    assert numbers == sorted(numbers)
    assert all(one.item.key == f"q{one.number - 1}" and one.second.text == "no" for one in page.items)
    for row in found.tags:
        within = sides(found, {"tag": row.tag, "show": "all"}, page=1).counts["all"]
        assert 0 < within <= row.n
    assert sum(sides(found, {"tag": row.tag, "show": "all"}, page=1).counts["all"] for row in found.tags) == asked(bad)


def test_what_is_not_decided_is_asked_to_the_end(
    owner: Owner, worker_token: WorkerToken, files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = begun(owner, "org/good", "org/twin", n=60, margin=2.0)
    assert [asked(row) for row in measured(worker_token, monkeypatch)] == [60, 60]
    _, twin = report_of(made).lines
    assert not twin.stopped and twin.against is not None and twin.against.verdict is not None
    assert twin.against.verdict.word == Word.UNDECIDED


def test_a_twin_is_equivalent_and_stopped_too(
    owner: Owner, worker_token: WorkerToken, files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = begun(owner, "org/good", "org/twin", n=200, margin=10.0)
    _, twin = measured(worker_token, monkeypatch)
    assert asked(twin) < 200
    found = report_of(made).lines[1].against
    assert found is not None and found.verdict is not None and found.verdict.word == Word.EQUIVALENT


def test_without_the_wish_nobody_is_stopped_and_the_order_is_kept(
    owner: Owner, worker_token: WorkerToken, files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = begun(owner, "org/good", "org/bad", stops=False)
    assert [asked(row) for row in measured(worker_token, monkeypatch)] == [200, 200]
    against = report_of(made).lines[1].against
    assert against is not None and against.comparison.method == "McNemar"
    assert not EarlyLook.objects.exists()


def claims(token: WorkerToken, monkeypatch: pytest.MonkeyPatch) -> dict[str, JobSpec]:
    """Every job at once, as of several workers."""
    bakeoffs.queued(monkeypatch)
    found = {}
    while (spec := lease.claim(token=token, request=bakeoffs.REQUEST)) is not None:
        found[spec.model.name] = spec
    return found


def look(spec: JobSpec, n: int) -> bool:
    scores = tuple(float(answer(spec.model.name, number) == "yes") for number in range(n))
    return bakeoffs.looked(spec, scores)


def test_side_by_side_each_waits_for_the_other_and_the_baseline_for_all(
    owner: Owner, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(owner, "org/good", "org/bad", "org/twin", margin=5.0)
    jobs = claims(worker_token, monkeypatch)
    assert not look(jobs["org/bad"], 100), "the baseline has nothing yet"
    assert not look(jobs["org/good"], 20), "twenty are too few"
    assert not look(jobs["org/good"], 102), "the worse one is decided, of the twin is nothing known"
    assert look(jobs["org/bad"], 150), "on the 102 that both have"
    assert not look(jobs["org/twin"], 60)
    assert not look(jobs["org/good"], 153)
    assert look(jobs["org/twin"], 153), "equal in 153 prompts: surely within 5 points"
    assert look(jobs["org/good"], 199)


def test_a_model_that_failed_keeps_nobody_waiting(
    owner: Owner, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(owner, "org/good", "org/bad", "org/twin")
    jobs = claims(worker_token, monkeypatch)
    assert not look(jobs["org/bad"], 102) and not look(jobs["org/good"], 102)
    Submission.everything.filter(requested_model="org/twin").update(state="failed")
    assert look(jobs["org/good"], 153)
    Submission.everything.filter(requested_model="org/good").update(state="failed")
    assert not look(jobs["org/bad"], 153), "there is nothing left to compare it with"


def test_a_run_of_two_bakeoffs_goes_on_until_both_are_decided(
    owner: Owner, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = begun(owner, "org/good", "org/bad", margin=5.0)
    bakeoffs.begun(first.version, "org/good", "org/bad", margin=33.0, stops=True)
    assert Submission.everything.count() == 2, "what is under way is shared"
    jobs = claims(worker_token, monkeypatch)
    look(jobs["org/good"], 153)
    assert not look(jobs["org/bad"], 153), "whether it is worse by 33 points is open"


def test_a_run_that_was_stopped_is_no_measurement_of_all_items(
    owner: Owner, worker_token: WorkerToken, files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = begun(owner, "org/good", "org/bad")
    measured(worker_token, monkeypatch)
    models = [Weights("org/good", "f" * 40), Weights("org/bad", "f" * 40)]
    again = begin_bakeoff(
        owner=owner, maker=owner.user, workload=made.version.workload_id, candidates=models, stops=True
    )
    states = dict(again.entries.values_list("submission__requested_model", "submission__state"))
    assert states == {"org/good": "succeeded", "org/bad": "validating"}


def test_the_order_is_drawn_once_and_holds_every_item_once(owner: Owner) -> None:
    version = bakeoffs.kept(owner, 50)
    plain, suite = private_suite(version=version), private_suite(version=version, shuffled=True)
    assert private_suite(version=version, shuffled=True) == suite != plain
    told = WorkloadSuite.objects.get(suite=suite)
    places = np.frombuffer(told.places, dtype="<i4").tolist()
    assert sorted(places) == list(range(50)) != places
    lines = bundle.read(bytes(Bundle.objects.get(pk=suite.definition["bundle"]).data))[workload.FILE].splitlines()[1:]
    assert [f"What is {place} + 1?".encode() in line for place, line in zip(places, lines, strict=True)] == [True] * 50
    assert {places[at] for at in told.tags["third"]} == set(range(0, 50, 3)), "tags go with their items"


def test_a_worker_of_an_older_edition_is_asked_for_no_looks(
    owner: Owner, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(owner, "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    old = lease.claim(token=worker_token, request=replace(bakeoffs.REQUEST, edition=7))
    new = lease.claim(token=worker_token, request=bakeoffs.REQUEST)
    assert old is not None and old.looks == ()
    assert new is not None and new.looks == lease.looks(200)


@pytest.mark.parametrize(
    ("scores", "words"),
    [((), "1 to 200 items"), ((1.0,) * 201, "not of 201"), ((0.5, 1.5), "fractions"), ((float("nan"),), "fractions")],
)
def test_a_look_that_cannot_be_is_refused(
    owner: Owner, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch, scores: Any, words: str
) -> None:
    begun(owner, "org/good", "org/bad")
    spec = claims(worker_token, monkeypatch)["org/good"]
    with pytest.raises(Refused, match=words):
        bakeoffs.looked(spec, scores)
    assert not EarlyLook.objects.exists()


def test_only_who_holds_the_job_shows_anything_and_only_where_it_is_asked_for(
    owner: Owner, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(owner, "org/good", "org/bad", stops=False)
    spec = claims(worker_token, monkeypatch)["org/good"]
    with pytest.raises(Refused, match="measured to its end"):
        look(spec, 20)
    with pytest.raises(Conflict, match="does not hold"):
        bakeoffs.take_look(job=spec.job, token="another", look=EarlyScores(attempt=1, scores=(1.0,)))
