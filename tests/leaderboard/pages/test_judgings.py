"""Judged answers in the browser: estimated, followed, graded blind, told with agreement and what sways a judge."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from evaluator import contract
from leaderboard.actions.preflight import record_preflight
from leaderboard.judging.blind import first_left
from leaderboard.models import Bakeoff, Grade, Judging, Owner, Submission, User, WorkerToken
from leaderboard.statistics.judging import Outcome
from tests.leaderboard import bakeoffs, endpoints, judgings

pytestmark = pytest.mark.django_db
N = 40


def says(model: str, number: int) -> str:
    """org/good is right and says much; org/bad is right half the time and says little."""
    if model == "org/good":
        return f"It comes to {number + 1}, I am sure"
    return str(number + number % 2)


@pytest.fixture
def ada(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def made(owner: Owner, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch) -> Bakeoff:
    row = bakeoffs.begun(bakeoffs.kept(owner, N, word="secretword"), "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, says)
    return row


@pytest.fixture
def judging(made: Bakeoff, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch) -> Judging:
    """Judged by one that likes what is long, and one that looks at places."""
    row = judgings.begun(made, "sage/judge", "sage/placed")
    bakeoffs.queued(monkeypatch)
    judgings.worked(worker_token, {"sage/judge": judgings.longer, "sage/placed": judgings.first_place})
    return row


def address(made: Bakeoff, name: str, **more: Any) -> str:
    named = {"pk": made.pk} if "pk" not in more else {"bakeoff": made.pk}
    return reverse(name, kwargs={"workload": made.version.workload_id, **named, **more})


def of(judging: Judging, name: str = "judging") -> str:
    return address(judging.bakeoff, name, pk=judging.pk)


def plain(reply: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


FORM = {"one": "1", "other": "2", "form": "pairs", "rubric": "The right sum wins.", "items": "200", "dtype": "auto"}


def test_the_estimate_comes_first_with_the_question_itself(ada: Client, made: Bakeoff) -> None:
    path = address(made, "judging-new")
    assert "Have answers judged" in plain(ada.get(path))
    behind = {
        "base_url": endpoints.URL, "served": "gpt-5", "protocol": "openai-chat", "api_key": endpoints.CANARY,
        "budget_dollars": "1", "input_price": "1", "output_price": "4",
    }  # fmt: skip
    shown = ada.post(path, FORM | behind | {"models": "sage/judge", "estimate": "1"})
    text = plain(shown)
    assert shown.status_code == 200 and (Judging.objects.count(), Submission.everything.count()) == (0, 2)
    assert "The first of 80 questions" in text and "VERDICT: TIE" in text and "The right sum wins." in text
    assert "sage/judge 80" in text and "gpt-5 80" in text and "baseline" not in text
    assert endpoints.CANARY not in shown.content.decode()
    begun = ada.post(path, FORM | behind | {"models": "sage/judge", "begin": "1"})
    row = Judging.objects.get()
    assert begun["Location"] == of(row)
    asked = list(row.judges.order_by("position").values_list("submission__requested_model", flat=True))
    assert asked == ["sage/judge", "api.example.org:443/gpt-5"]
    page = plain(ada.get(of(row)))
    assert "No judge has ended yet." in page and "Grade blind" in page


def test_its_own_judge_is_refused_loudly_and_marked_for_good(
    ada: Client, made: Bakeoff, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = address(made, "judging-new")
    asked = FORM | {"models": "org/good"}
    assert "A judge would judge its own." in plain(ada.post(path, asked | {"estimate": "1"}))
    refused = ada.post(path, asked | {"begin": "1"})
    assert refused.status_code == 400 and "org/good would judge itself" in plain(refused)
    assert not Judging.objects.exists()
    ada.post(path, asked | {"begin": "1", "confirmed": "on"})
    row = Judging.objects.get()
    bakeoffs.queued(monkeypatch)
    judgings.worked(worker_token, {"org/good": judgings.longer})
    for page in (of(row), address(made, "bakeoff")):
        assert "A judge judges its own. org/good would judge itself" in plain(ada.get(page))
    told = ada.get(address(made, "bakeoff-json")).json()["judgings"][0]
    assert "org/good would judge itself" in told["judges_its_own"][0]
    assert "org/good would judge itself" in ada.get(of(row, "judging-csv")).content.decode()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rubric": " "}, "This field is required."), ({"items": "1"}, "greater than or equal to 2"),
        ({"other": "1"}, "A model is not compared with itself."), ({"form": "dice"}, "Select a valid choice"),
        ({"models": "a\nb\nc\nd\ne"}, "These are 5".lower()), ({"models": "no slash"}, "is not the name of a model"),
        ({"base_url": endpoints.URL}, "An endpoint has a base URL and a model."),
        ({"base_url": endpoints.URL, "served": "x", "protocol": "openai-chat"}, "Say what may be spent at most"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_its_field(
    ada: Client, made: Bakeoff, changed: dict[str, str], words: str
) -> None:
    reply = ada.post(address(made, "judging-new"), FORM | {"models": "sage/judge"} | changed | {"begin": "1"})
    assert reply.status_code == 400 and words in plain(reply), plain(reply)
    assert not Judging.objects.exists()


def test_the_report_says_wins_the_sway_of_the_order_and_who_agrees(
    ada: Client, made: Bakeoff, judging: Judging
) -> None:
    told = ada.get(address(made, "bakeoff-json")).json()["judgings"][0]
    judge, placed = told["raters"]
    assert (judge["first_won"], judge["tied"], judge["second_won"], judge["unreadable"]) == (N, 0, 0, 0)
    assert (judge["verdict"], judge["difference"], judge["order"]["turned_with_order"]) == ("better", 100.0, 0)
    assert (placed["first_won"], placed["tied"], placed["verdict"]) == (0, N, "undecided")
    assert placed["order"]["leant_to_first_place"] == N and placed["order"]["p"] < 0.001
    assert told["agreement"][0]["alike"] == 0.0
    for page in (of(judging), address(made, "bakeoff")):
        text = plain(ada.get(page))
        assert f"{N} won, 0 tied, 0 lost" in text and "the order sways it" in text
        assert "Nobody has checked these verdicts." in text
    lines = ada.get(of(judging, "judging-csv")).content.decode().splitlines()
    assert len(lines) == 3 and all(line.count(",") == lines[0].count(",") for line in lines)
    assert "sage/judge,False,40,40,0,0,0,100" in lines[1].replace("100.0", "100")


def test_a_shared_report_has_the_numbers_and_nobodys_name(
    ada: Client, client: Client, made: Bakeoff, judging: Judging, owner: Owner
) -> None:
    Grade.objects.create(judging=judging, number=0, grader=owner.user, outcome=Outcome.FIRST, first_left=True)
    assert "ada" in plain(ada.get(address(made, "bakeoff")))
    link = re.search(r"/shared/share_[0-9a-f]+", ada.post(address(made, "bakeoff-share")).content.decode())
    assert link is not None
    shared = client.get(link[0])
    text = plain(shared)
    assert f"{N} won, 0 tied, 0 lost" in text and "a person" in text
    assert "The right sum wins." not in text and "secretword" not in text and "Grade blind" not in text
    assert not re.search(r"\bada\b", text)


# Grading


def shown_item(ada: Client, judging: Judging) -> tuple[int, str, str, str]:
    """Number, left, right, and all of the page."""
    text = ada.get(of(judging, "judging-grade")).content.decode()
    number = re.search(r'name="number" value="(\d+)"', text)
    left, right = re.findall(r'aria-label="(?:Left|Right) answer"><pre class="text">\n(.*?)</pre>', text, re.DOTALL)
    assert number is not None
    return int(number[1]), left, right, text


def test_a_person_grades_without_knowing_whose_answers_they_are(ada: Client, judging: Judging, person: User) -> None:
    sides = set()
    for _ in range(N):
        number, left, right, text = shown_item(ada, judging)
        assert not [word for word in ("org/good", "org/bad", "good", "bad", "sage/") if word in text]
        assert "won" not in text and "Verdict" not in text, "nothing that anybody said of it"
        long_left = left.startswith("It comes to")
        assert long_left == first_left(judging.salt, number) and long_left != right.startswith("It comes to")
        sides.add(long_left)
        reply = ada.post(of(judging, "judging-grade"), {"number": number, "choice": "left" if long_left else "right"})
        assert reply["Location"] == of(judging, "judging-grade")
    assert sides == {True, False}
    assert "All 40 prompts are graded" in plain(ada.get(of(judging, "judging-grade")))
    assert set(Grade.objects.values_list("outcome", flat=True)) == {Outcome.FIRST}
    told = ada.get(address(judging.bakeoff, "bakeoff-json")).json()["judgings"][0]
    assert told["graded_by_persons"] == N
    agreement = {(one["first"], one["second"]): one for one in told["agreement"]}
    assert agreement["sage/judge", "ada"]["alike"] == 1.0 and agreement["sage/judge", "ada"]["kappa"] is None
    assert agreement["sage/placed", "ada"]["alike"] == 0.0
    page = plain(ada.get(of(judging)))
    assert "ada a person, blind" in page and "Nobody has checked" not in page


def test_a_grade_is_taken_back_and_its_item_shown_again(ada: Client, judging: Judging) -> None:
    number, *_ = shown_item(ada, judging)
    ada.post(of(judging, "judging-grade"), {"number": number, "choice": "pass"})
    assert shown_item(ada, judging)[0] != number
    again = ada.post(of(judging, "judging-grade"), {"choice": "back"}, follow=True)
    assert f'name="number" value="{number}"' in again.content.decode() and not Grade.objects.exists()
    nothing = ada.post(of(judging, "judging-grade"), {"choice": "back"}, follow=True)
    assert f'name="number" value="{number}"' in nothing.content.decode(), "it is the first that has no grade"
    for query, status in (("item=99", 404), ("item=x", 400)):
        assert ada.get(f"{of(judging, 'judging-grade')}?{query}").status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"number": "x", "choice": "left"}, 400), ({"choice": "left"}, 400), ({"number": "999", "choice": "left"}, 404),
        ({"number": "0", "choice": "first"}, 400), ({"number": "0"}, 400),
    ],
)  # fmt: skip
def test_what_is_no_grade_is_said(ada: Client, judging: Judging, body: dict[str, str], status: int) -> None:
    assert ada.post(of(judging, "judging-grade"), body).status_code == status
    assert not Grade.objects.exists()


def test_few_grades_are_called_few_and_chance_is_called_chance(ada: Client, judging: Judging, owner: Owner) -> None:
    for number in range(12):
        outcome = (Outcome.FIRST, Outcome.SECOND, Outcome.TIE)[number % 3]
        Grade.objects.create(judging=judging, number=number, grader=owner.user, outcome=outcome, first_left=True)
    text = plain(ada.get(of(judging)))
    assert "Only 12 prompts were graded by a person" in text and "no better than chance" in text


# Others


def test_for_anybody_else_there_is_none(judging: Judging, other: Client) -> None:
    for name in ("judging", "judging-more", "judging-grade", "judging-csv"):
        assert other.get(of(judging, name)).status_code == 404, name
    assert other.post(of(judging, "judging-grade"), {"number": "0", "choice": "tie"}).status_code == 404
    new = other.post(address(judging.bakeoff, "judging-new"), FORM | {"models": "sage/third", "begin": "1"})
    assert new.status_code == 404 and Judging.objects.count() == 1


@pytest.fixture
def other(person: User) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("grace"))
    return client


def test_another_judge_joins_by_its_form(ada: Client, judging: Judging) -> None:
    path = of(judging, "judging-more")
    assert "Another judge" in plain(ada.get(path))
    assert ada.post(path, {"models": "", "dtype": "auto"}).status_code == 400
    assert "would judge itself" in plain(ada.post(path, {"models": "org/bad", "dtype": "auto"}))
    assert ada.post(path, {"models": "sage/third", "dtype": "auto"})["Location"] == of(judging)
    assert judging.judges.count() == 3


def test_a_paused_judge_goes_on_by_its_owners_word(ada: Client, made: Bakeoff, worker_token: WorkerToken) -> None:
    row = judgings.begun(made, candidates=[endpoints.access(hold=True)])
    look = endpoints.claim(worker_token, edition=contract.EDITION)
    assert look is not None
    record_preflight(job=look.job, token=look.token, found=endpoints.found(look))
    submission = Submission.everything.get(judge__judging=row)
    assert submission.state == "paused"
    assert "waits for you" in plain(ada.get(of(row)))
    path = address(made, "bakeoff-resume", submission=submission.pk)
    assert ada.post(path, {"budget_tokens": "2000000"}).status_code == 302
    submission.refresh_from_db()
    assert submission.state == "queued"


def test_grades_from_one_to_five(
    ada: Client, made: Bakeoff, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = judgings.begun(made, "sage/judge", form="grades")
    bakeoffs.queued(monkeypatch)
    judgings.worked(worker_token, {"sage/judge": lambda a, _: f"Well.\nGRADE: {4 if 'sure' in a else 2 + len(a) % 2}"})
    told = ada.get(address(made, "bakeoff-json")).json()["judgings"][0]["raters"][0]
    assert (told["first_won"], told["verdict"], told["order"], told["mean_grades"][0]) == (N, "better", None, 4.0)
    assert told["difference"] == pytest.approx(25 * (4.0 - told["mean_grades"][1]))
    assert "mean grades 4.00 and" in plain(ada.get(of(row)))


def test_the_json_is_the_pages_own(ada: Client, made: Bakeoff, judging: Judging) -> None:
    text = json.dumps(ada.get(address(made, "bakeoff-json")).json())
    assert judging.salt not in text and "The right sum wins." in text
