"""Judges are ordinary runs on private questions: those that were picked, and none on its own answers unnoticed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluator import contract
from evaluator.contract import Price, Spent
from leaderboard.actions import lease
from leaderboard.actions.accounts import create_person, register_worker_token
from leaderboard.actions.begin_bakeoff import Registered, Weights
from leaderboard.actions.begin_judging import Question, add_judge, begin_judging
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.actions.preflight import record_preflight
from leaderboard.actions.share_bakeoff import cancel_bakeoff
from leaderboard.models import Bakeoff, EndpointUse, Judge, Judging, Owner, Submission, Suite, WorkerToken
from leaderboard.statistics.judging import Reply
from tests.leaderboard import bakeoffs, endpoints, judgings

pytestmark = pytest.mark.django_db
N = 12


def says(model: str, number: int) -> str:
    """org/good is right and short; org/bad is wrong, and long now and then."""
    if model == "org/good":
        return str(number + 1)
    return f"{number} is what it comes to" if number % 3 else str(number + 1)


@pytest.fixture
def made(owner: Owner, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch) -> Bakeoff:
    row = bakeoffs.begun(bakeoffs.kept(owner, N), "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, says)
    return row


def test_each_judge_is_asked_each_item_in_either_order(
    made: Bakeoff, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = judgings.begun(made, "sage/judge")
    bakeoffs.queued(monkeypatch)
    spec = lease.claim(token=worker_token, request=bakeoffs.REQUEST)
    assert spec is not None and (spec.model.name, spec.private) == ("sage/judge", True)
    asked = [judgings.parts(one) for one in judgings.asked(spec)]
    assert len(asked) == 2 * N
    for number in range(N):
        straight, swapped = asked[number], asked[N + number]
        assert straight["request"] == f"What is {number} + 1?"
        assert (straight["answer A"], straight["answer B"]) == (says("org/good", number), says("org/bad", number))
        assert (swapped["answer A"], swapped["answer B"]) == (straight["answer B"], straight["answer A"])
    told = str([one.messages for one in judgings.asked(spec)])
    assert "org/good" not in told and "org/bad" not in told and "The right sum wins." in told
    assert row.suite.owner == made.version.workload.owner and row.suite.slug == f"judging.{made.pk}@1"


def test_replies_are_read_when_they_are_scored(
    made: Bakeoff, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = judgings.begun(made, "sage/judge")
    bakeoffs.queued(monkeypatch)
    (done,) = judgings.worked(worker_token, {"sage/judge": judgings.longer})
    assert done.state == "succeeded"
    codes = np.frombuffer(Judge.objects.get(judging=row).codes or b"", dtype=np.uint8)
    assert len(codes) == 2 * N
    for number in range(N):
        same = number % 3 == 0
        assert codes[number] == (Reply.TIE if same else Reply.SECOND)
        assert codes[N + number] == (Reply.TIE if same else Reply.FIRST)


def test_what_cannot_be_read_is_kept_as_that(
    made: Bakeoff, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = judgings.begun(made, "sage/judge", form="grades")
    bakeoffs.queued(monkeypatch)
    (done,) = judgings.worked(worker_token, {"sage/judge": lambda a, _: "GRADE: 5" if " " in a else "Nice."})
    codes = Judge.objects.get(judging=row).codes
    assert codes is not None and done.score == pytest.approx(100 * bytes(codes).count(5) / (2 * N))
    assert set(bytes(codes)) == {0, 5}


def test_as_many_prompts_as_are_wanted(made: Bakeoff) -> None:
    row = judgings.begun(made, "sage/judge", items=5)
    places = np.frombuffer(row.places, dtype="<i4")
    assert (row.n, len(places), len(set(places.tolist()))) == (5, 5, 5)
    assert sorted(places.tolist()) == places.tolist() and places.max() < N
    assert row.suite.definition["tasks"][0]["limit"] == 10


@pytest.mark.parametrize("judge", ["org/good", "ORG/Good", "else/bad-GGUF", "org/third"])
def test_no_judge_judges_its_own_unless_that_is_confirmed(made: Bakeoff, judge: str) -> None:
    with pytest.raises(Refused, match="Judges prefer what is their own") as refusal:
        judgings.begun(made, "sage/judge", judge)
    assert refusal.value.code == "judges_itself" and refusal.value.field == "confirmed"
    assert (Judging.objects.count(), Submission.everything.count()) == (0, 2)
    row = judgings.begun(made, "sage/judge", judge, confirmed=True)
    kin = {one.submission.requested_model: one.kin for one in row.judges.all()}
    assert kin.pop("sage/judge") == [] and all(kin.values())


def test_one_more_judge_is_asked_the_same(
    made: Bakeoff, owner: Owner, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = judgings.begun(made, "sage/judge")
    common: dict[str, Any] = {"owner": owner, "maker": owner.user, "judging": row.pk}
    second = add_judge(**common, judge=Weights("sage/second", "f" * 40))
    assert (second.position, second.submission.suite) == (1, row.suite)
    with pytest.raises(Refused, match="judges this already"):
        add_judge(**common, judge=Weights("sage/judge", "f" * 40))
    with pytest.raises(Refused, match="would judge itself"):
        add_judge(**common, judge=Weights("org/good", "f" * 40))
    bakeoffs.queued(monkeypatch)
    judgings.worked(worker_token, {"sage/judge": judgings.longer, "sage/second": judgings.first_place})
    assert [one.codes is not None for one in row.judges.all()] == [True, True]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"form": "dice"}, "form"), ({"rubric": "  "}, "rubric"), ({"rubric": "x" * 4_001}, "rubric"),
        ({"items": 1}, "items"), ({"pair": (1, 1)}, "second"), ({"pair": (1, 9)}, "second"),
        ({"pair": (0, 2)}, "first"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_begins(made: Bakeoff, changed: dict[str, Any], field: str) -> None:
    suites = Suite.everything.count()
    with pytest.raises(Refused) as refusal:
        judgings.begun(made, "sage/judge", **changed)
    assert refusal.value.field == field
    assert (Judging.objects.count(), Submission.everything.count(), Suite.everything.count()) == (0, 2, suites)


def test_a_judge_that_is_refused_ends_all_of_it(made: Bakeoff) -> None:
    with pytest.raises(Refused) as refusal:
        judgings.begun(made, "sage/judge", "no slash")
    assert refusal.value.field == "judges[1].model"
    with pytest.raises(NotFound):
        judgings.begun(made, candidates=[Registered(9)])
    with pytest.raises(Refused) as twice:
        judgings.begun(made, "sage/judge", "sage/judge")
    assert twice.value.field == "judges[1].model"
    assert (Judging.objects.count(), Submission.everything.count()) == (0, 2)


def test_only_its_owner_has_it_judged(made: Bakeoff) -> None:
    grace = create_person(username="grace", password=None)
    question = Question(1, 2, "pairs", "r")
    with pytest.raises(NotFound):
        begin_judging(owner=grace.owner, maker=grace, bakeoff=made.pk, question=question, judges=[])
    row = judgings.begun(made)
    with pytest.raises(NotFound):
        add_judge(owner=grace.owner, maker=grace, judging=row.pk, judge=Weights("sage/judge"))


def test_questions_reach_nobody_but_the_judges_that_were_picked(
    made: Bakeoff, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No judge, nobody is asked; with one, only jobs of that model, and only for workers that are trusted."""
    judgings.begun(made)
    bakeoffs.queued(monkeypatch)
    assert lease.claim(token=worker_token, request=bakeoffs.REQUEST) is None
    judgings.begun(made, "sage/judge")
    bakeoffs.queued(monkeypatch)
    stranger = register_worker_token(name="stranger", token="x" * 30, trusted=False)
    assert lease.claim(token=stranger, request=bakeoffs.REQUEST) is None
    spec = lease.claim(token=worker_token, request=bakeoffs.REQUEST)
    assert spec is not None and spec.model.name == "sage/judge"
    assert lease.claim(token=worker_token, request=bakeoffs.REQUEST) is None


def test_an_endpoint_judges_within_its_budget_and_is_metered(
    made: Bakeoff, owner: Owner, worker_token: WorkerToken
) -> None:
    access = endpoints.access(price=Price(input=1.0, output=4.0), budget_dollars=0.5)
    row = judgings.begun(made, candidates=[access])
    use = EndpointUse.objects.get(submission__judge__judging=row)
    assert (use.endpoint.served, use.budget_dollars, bool(use.sealed_key)) == ("gpt-5", 0.5, True)
    look = endpoints.claim(worker_token, edition=contract.EDITION)
    assert look is not None
    record_preflight(job=look.job, token=look.token, found=endpoints.found(look))
    spec = endpoints.claim(worker_token, edition=contract.EDITION)
    assert spec is not None and spec.endpoint is not None
    assert (spec.endpoint.base_url, spec.endpoint.budget_dollars, spec.private) == (endpoints.URL, 0.5, True)
    endpoints.beat(spec, Spent(requests=3, input_tokens=900, output_tokens=60, dollars=0.4))
    endpoints.fail(spec, "budget", code="budget", message="The budget is used up.")
    assert Submission.everything.get(judge__judging=row).state == "paused"


def test_cancelling_the_bake_off_cancels_its_judges(made: Bakeoff, owner: Owner) -> None:
    judgings.begun(made, "sage/judge", "sage/second")
    assert cancel_bakeoff(owner=owner, bakeoff=made.pk) == 2
    assert set(Submission.everything.filter(judge__isnull=False).values_list("state", flat=True)) == {"cancelled"}
