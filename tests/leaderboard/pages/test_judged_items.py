"""What judges said, prompt by prompt: filtered by what came of it, with both replies and everybody's word."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from leaderboard.models import Grade, Judging, Owner, User, WorkerToken
from leaderboard.statistics.judging import Outcome
from tests.leaderboard import bakeoffs, judgings

pytestmark = pytest.mark.django_db
N = 24


def says(model: str, number: int) -> str:
    return f"It is {number + 1}" if model == "org/good" else "It is what it is, I say" * (number % 2) + "?"


def half(a: str, b: str) -> str:
    """Looks at places where one answer is very short, and says nothing of what has a 7 in it."""
    if "7" in a + b:
        return "Who knows."
    return "By place.\nVERDICT: A" if min(len(a), len(b)) < 3 else judgings.longer(a, b)


@pytest.fixture
def judging(owner: Owner, worker_token: WorkerToken, files: Path, monkeypatch: pytest.MonkeyPatch) -> Judging:
    made = bakeoffs.begun(bakeoffs.kept(owner, N), "org/good", "org/bad")
    bakeoffs.queued(monkeypatch)
    bakeoffs.worked(worker_token, says)
    row = judgings.begun(made, "sage/judge", "sage/half")
    bakeoffs.queued(monkeypatch)
    judgings.worked(worker_token, {"sage/judge": judgings.longer, "sage/half": half})
    return row


@pytest.fixture
def ada(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def path(judging: Judging) -> str:
    made = judging.bakeoff
    named = {"workload": made.version.workload_id, "bakeoff": made.pk, "pk": judging.pk}
    return reverse("judging-items", kwargs=named)


def plain(reply: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


def counts(text: str) -> dict[str, int]:
    found = re.findall(r"(All|First won|Second won|Tied|Turned with the order|Unreadable|Raters differ) (\d+)", text)
    return {name: int(n) for name, n in found}


def test_prompts_are_found_by_what_came_of_them(ada: Client, judging: Judging) -> None:
    first = counts(plain(ada.get(path(judging))))
    assert first == {
        "All": N, "First won": 12, "Second won": 12, "Tied": 0, "Turned with the order": 0, "Unreadable": 0,
        "Raters differ": first["Raters differ"],
    }  # fmt: skip
    text = plain(ada.get(f"{path(judging)}?by=2&show=turned"))
    second = counts(text)
    assert second["Unreadable"] == 2 and second["Turned with the order"] == second["Tied"] == 10
    assert first["Raters differ"] == second["Raters differ"] == 10
    assert "By place. VERDICT: A" in text and "sage/half" in text
    assert sum(second[name] for name in ("First won", "Second won", "Tied", "Unreadable")) == N
    lost = plain(ada.get(f"{path(judging)}?by=2&show=unreadable"))
    assert "Who knows." in lost and "half could not be read" in lost and "Prompt 7" in lost


def test_a_persons_word_stands_beside_the_judges(ada: Client, judging: Judging, owner: Owner) -> None:
    Grade.objects.create(judging=judging, number=0, grader=owner.user, outcome=Outcome.SECOND, first_left=True)
    text = plain(ada.get(f"{path(judging)}?show=apart"))
    assert "ada says the second" in text and "judge says the first" in text
    assert text.count("ada says") == 1, "what was not graded is not spoken of"


def test_pages_and_what_is_not_there(ada: Client, judging: Judging) -> None:
    assert "11–20 of 24" in plain(ada.get(f"{path(judging)}?page=2"))
    for query, status in (("show=x", 400), ("by=3", 400), ("by=x", 400), ("page=9", 404), ("page=x", 400)):
        assert ada.get(f"{path(judging)}?{query}").status_code == status, query
    none = judgings.begun(judging.bakeoff)
    assert ada.get(path(none)).status_code == 404


def test_grades_have_their_own_words(
    ada: Client, judging: Judging, worker_token: WorkerToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = judgings.begun(judging.bakeoff, "sage/judge", form="grades")
    bakeoffs.queued(monkeypatch)
    judgings.worked(worker_token, {"sage/judge": lambda a, _: f"Fine.\nGRADE: {2 + len(a) % 3}"})
    text = plain(ada.get(path(row)))
    assert "First answer, the judge replied" in text and "Fine. GRADE:" in text
    assert counts(text)["Turned with the order"] == 0
