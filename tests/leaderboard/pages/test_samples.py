"""The page of a task's samples, and the export: what was asked and answered, as it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client

from evaluator.contract import Sample, decode_sample, encode_sample
from leaderboard import chunks
from leaderboard.actions.score import score
from leaderboard.models import SampleChunk, Submission, WorkerToken
from tests import samples
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
ODD = "a\x00b\ud800\\ud800\u202ec\r\n\td<script>alert(1)</script>⟨U+0000⟩"


Finished = Callable[..., Submission]


@pytest.fixture
def finished(make_submission: made.Make, worker_token: WorkerToken, files: Path) -> Finished:
    """A scored submission whose task alpha has these scores, its samples changed as said, `each` to a chunk."""

    def finish(scores: list[float], changes: dict[int, dict[str, Any]] | None = None, each: int = 7) -> Submission:
        return made.measure(make_submission(), worker_token, scores, changes, each=each)

    return finish


def page(client: Client, row: Submission, query: str = "", task: str = "alpha") -> Element:
    reply = client.get(f"/submissions/{row.pk}/samples/{task}{query}")
    assert reply.status_code == 200
    return tree(reply)


def documents(found: Element) -> list[int]:
    return [int(one.one("h2").text.removeprefix("Document ")) for one in found.all("article")]


def test_a_sample_shows_what_was_asked_and_answered_and_how_it_counts(client: Client, finished: Finished) -> None:
    row = finished([1.0, 0.0, 0.25])
    found = page(client, row)
    assert found.one("title").text == "Samples of Alpha · org/model · Parity"
    first, second, third = found.all("article")
    prompt, response = first.all("pre")
    assert (prompt.text, response.raw.strip("\n")) == ("2 + 2 =", " 4")
    assert [(said.one("dt").text, said.one("dd").text) for said in first.one("dl").all("div")] == [
        ("Answer", "4"),
        ("Target", "4"),
    ]
    assert [one.one("span", "grade").text for one in (first, second, third)] == ["Right", "Wrong", "0.25"]
    assert first.one("p", "scores").text == "acc 1"


def test_the_submissions_results_lead_there(client: Client, finished: Finished) -> None:
    row = finished([1.0])
    links = tree(client.get(f"/submissions/{row.pk}")).links()
    assert links["Alpha"] == f"/submissions/{row.pk}/samples/alpha"
    assert links["Download all samples"] == f"/api/v1/submissions/{row.pk}/samples/"
    assert page(client, row).links()["Download JSON lines"] == f"/api/v1/submissions/{row.pk}/samples/?task=alpha"
    assert page(client, row).links()["Beta"] == f"/submissions/{row.pk}/samples/beta"


def test_pages_of_all_right_and_wrong_ones(client: Client, finished: Finished) -> None:
    scores = [1.0 if number % 3 else 0.0 for number in range(50)]  # 17 wrong, 33 right
    row = finished(scores)
    right, wrong = [n for n in range(50) if n % 3], [n for n in range(50) if not n % 3]
    assert documents(page(client, row)) == list(range(20))
    assert documents(page(client, row, "?page=2")) == list(range(20, 40))
    assert documents(page(client, row, "?page=3")) == list(range(40, 50))
    assert documents(page(client, row, "?show=right")) == right[:20]
    assert documents(page(client, row, "?show=right&page=2")) == right[20:]
    assert documents(page(client, row, "?show=wrong")) == wrong
    assert documents(page(client, row, task="beta")) == [0, 1]
    tabs = page(client, row, "?show=right&page=2").one("nav", aria_label="Which samples").links()
    assert list(tabs) == ["All 50", "Right 33", "Wrong 17"]
    links = page(client, row, "?show=right").one("nav", "pager").links()
    assert links == {"Next": "?show=right&page=2"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?page=0", 404), ("?page=4", 404), ("?page=x", 400), ("?page=-1", 400), ("?page=" + "9" * 30, 400),
        ("?show=none", 400), ("?show=wrong&page=2", 404),
    ],
)  # fmt: skip
def test_pages_that_are_not_there(client: Client, finished: Finished, query: str, status: int) -> None:
    row = finished([1.0] * 45)
    reply = client.get(f"/submissions/{row.pk}/samples/alpha{query}")
    assert reply.status_code == status
    assert tree(reply).one("p", "lede").text


@pytest.mark.parametrize("task", ["gamma", "a%00b", "a/b", "%ED%A0%80", "x" * 500])
def test_a_task_that_is_not_there_is_404(client: Client, finished: Finished, task: str) -> None:
    row = finished([1.0])
    assert client.get(f"/submissions/{row.pk}/samples/{task}").status_code == 404
    assert client.get(f"/api/v1/submissions/{row.pk}/samples/?task={task}").status_code == 404


def test_nothing_hides_in_a_text_and_no_text_looks_like_another(client: Client, finished: Finished) -> None:
    row = finished([1.0], {0: {"prompts": (ODD,), "target": "\ud800", "answers": {"\x00": "", "none": r"\ud800"}}})
    reply = client.get(f"/submissions/{row.pk}/samples/alpha")
    found = tree(reply)
    prompt = found.all("pre")[0]
    assert prompt.raw.removeprefix("\n") == ("aU+0000bU+D800\\ud800U+202EcU+000D\n\td<script>alert(1)</script>⟨U+0000⟩")
    assert [mark.text for mark in prompt.all("i")] == ["U+0000", "U+D800", "U+202E", "U+000D"]
    assert [said.one("dd").text for said in found.one("dl").all("div")] == ["", "\\ud800", "U+D800"]
    assert not set(reply.content.decode()) & set("\x00\r\u202e")
    assert b"<script>alert" not in reply.content


def test_a_text_begins_where_it_begins(client: Client, finished: Finished) -> None:
    """A browser drops the first line end inside <pre>: the page sends one of its own."""
    row = finished([1.0], {0: {"prompts": ("\n\nQ",)}})
    assert page(client, row).all("pre")[0].raw == "\n\n\nQ"


def test_long_texts_are_cut_in_the_middle_and_say_so(client: Client, finished: Finished) -> None:
    row = finished([1.0], {0: {"prompts": ("start" + "x" * 100_000 + "end",)}})
    shown = page(client, row).all("pre")[0].text
    assert shown.startswith("startx") and shown.endswith("xend")
    assert "… 92,008 characters left out …" in shown
    assert len(shown) < 9_000


def test_choices_have_their_likelihoods_and_marks(client: Client, finished: Finished) -> None:
    prompts = ("Context\u202e␟ yes", "Context\u202e␟ <b>no", "Context\u202e␟ maybe")
    responses = ("(-2.5, False)", "(-0.25, True)", "(-inf, False)")
    row = finished([0.0], {0: {"prompts": prompts, "responses": responses, "target": "0"}})
    found = page(client, row).one("article")
    assert found.one("pre").text == "ContextU+202E"
    lines = [
        (line.one("span", "text").text, line.one("td").text, [tag.text for tag in line.all("span", "tag")])
        for line in found.one("tbody").all("tr")
    ]
    assert lines == [("yes", "-2.500", ["right"]), ("<b>no", "-0.250", ["likeliest"]), ("maybe", "-inf", [])]


def test_choices_with_a_context_each_are_shown_whole(client: Client, finished: Finished) -> None:
    row = finished([0.0], {0: {"prompts": ("A␟ x", "B␟ x"), "responses": ("(-2.5, False)", "(-0.25, True)")}})
    found = page(client, row).one("article")
    assert [line.one("th").text for line in found.one("tbody").all("tr")] == ["A → x", "B → x"]
    assert found.one("dd").text == "4"


def test_a_program_that_did_not_pass_says_why(client: Client, finished: Finished) -> None:
    reasons = {"none": "It did not end within 30 s.", "<b>": "Wrong answer\u202e"}
    row = finished([0.0, 1.0], {0: {"reasons": reasons}})
    failed, passed = page(client, row).all("article")
    told = [(one.one("dt").text, one.one("dd").text) for one in failed.one("dl").all("div")[2:]]
    assert told == [
        ("Why it did not pass", "It did not end within 30 s."),
        ("Why it did not pass <b>", "Wrong answerU+202E"),
    ]
    assert "Why" not in passed.text
    assert exported(client, row)[0].reasons == reasons


def test_a_part_of_a_group_is_named(client: Client, finished: Finished) -> None:
    row = finished([1.0, 0.0], {0: {"task": "leaf", "suite_task": "alpha"}})
    found = page(client, row)
    assert documents(found) == [0, 1]
    assert found.all("article")[0].one("span", "slug").text == "leaf"


@pytest.mark.parametrize("state", ["validating", "queued", "running", "scoring", "failed", "rejected", "cancelled"])
def test_before_there_are_results_there_are_no_samples(
    client: Client, make_submission: made.Make, worker_token: WorkerToken, state: str
) -> None:
    row = made.in_state(state, make_submission, worker_token)
    for path in (f"/submissions/{row.pk}/samples/alpha", f"/api/v1/submissions/{row.pk}/samples/"):
        assert client.get(path).status_code == 404
    assert f"/submissions/{row.pk}/samples/" not in client.get(f"/submissions/{row.pk}").content.decode()


def test_what_is_quarantined_shows_why_and_its_samples(client: Client, finished: Finished) -> None:
    row = finished([1.0, 1.0], {1: {"scores": {"none": {"acc": 0.0}}}})
    assert row.state == "quarantined"
    said = "Alpha: item 2 has the score 1 in the results, 0 in the samples."
    status = tree(client.get(f"/submissions/{row.pk}")).one("section", "status")
    assert [reason.text for reason in status.all("p", "reason")] == [said]
    assert page(client, row).one("p", "notice").text == said
    assert documents(page(client, row)) == [0, 1]


def test_only_the_last_attempt_counts(
    client: Client, make_submission: made.Make, worker_token: WorkerToken, files: Path
) -> None:
    row = make_submission()
    first = made.claim(worker_token)
    samples.post(first, samples.packed([samples.sample("alpha", 99)]))
    row.jobs.update(state="queued", lease_expires_at=None)
    alpha = samples.measured("alpha", [1.0])
    samples.finish(made.claim(worker_token), [alpha, samples.BETA])
    score(submission=row.pk)
    assert SampleChunk.objects.count() == 2
    assert documents(page(client, row)) == [0]
    assert len(exported(client, row)) == 3


def test_lost_samples_are_told(client: Client, finished: Finished, files: Path) -> None:
    row = finished([1.0])
    (files / SampleChunk.objects.get().path).unlink()
    assert "Chunk 0 of the samples cannot be read any more." in page(client, row).one("div", "empty").text


def test_a_page_reads_no_chunk_that_it_does_not_show(
    client: Client, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = finished([1.0] * 100, each=10)
    opened: list[str] = []
    stock = chunks.default_storage.open
    monkeypatch.setattr(chunks.default_storage, "open", lambda path: (opened.append(path), stock(path))[1])
    assert documents(page(client, row, "?page=4")) == list(range(60, 80))
    assert len(opened) == 2
    opened.clear()
    assert documents(page(client, row, task="beta")) == [0, 1]
    assert len(opened) == 1


def test_chunks_from_before_they_were_counted_are_read(client: Client, finished: Finished) -> None:
    row = finished([1.0] * 45)
    SampleChunk.objects.update(samples=0, tasks={})
    assert documents(page(client, row, "?page=3")) == list(range(40, 45))
    assert len(exported(client, row, "?task=beta")) == 2


# Export


def exported(client: Client, row: Submission, query: str = "") -> list[Sample]:
    reply = client.get(f"/api/v1/submissions/{row.pk}/samples/{query}")
    assert (reply.status_code, reply["Content-Type"]) == (200, "application/x-ndjson")
    body = b"".join(reply)  # type: ignore[call-overload]
    assert body.isascii()
    return [decode_sample(line) for line in body.splitlines()]


def test_the_export_is_what_the_worker_sent(client: Client, finished: Finished) -> None:
    row = finished([1.0, 0.0, 1.0], {1: {"prompts": (ODD,), "answers": {"\ud800\x00": ODD}}}, each=2)
    found = exported(client, row)
    assert [(sample.task, sample.doc_id) for sample in found] == [
        ("alpha", 0), ("alpha", 1), ("alpha", 2), ("beta", 0), ("beta", 1),
    ]  # fmt: skip
    assert (found[1].prompts, found[1].answers) == ((ODD,), {"\ud800\x00": ODD})
    assert exported(client, row, "?task=alpha") == found[:3]


def test_what_another_worker_wrote_in_utf_8_is_exported_in_ascii(
    client: Client, make_submission: made.Make, worker_token: WorkerToken, files: Path
) -> None:
    row = make_submission()
    alpha = samples.measured("alpha", [1.0])
    found = msgspec.structs.replace(samples.agreeing([alpha])[0], target="naïve 😀")
    plain = json.dumps(json.loads(encode_sample(found)), ensure_ascii=False).encode()
    assert not plain.isascii()
    assert decode_sample(plain) == found
    samples.finish(made.claim(worker_token), [alpha, samples.BETA], [found, *samples.agreeing([samples.BETA])])
    score(submission=row.pk)
    assert exported(client, row, "?task=alpha") == [found]


@pytest.mark.parametrize(("accept", "status"), [("*/*", 200), ("application/x-ndjson", 200), ("text/html", 406)])
def test_the_export_can_be_asked_for_by_its_type(client: Client, finished: Finished, accept: str, status: int) -> None:
    row = finished([1.0])
    assert client.get(f"/api/v1/submissions/{row.pk}/samples/", headers={"accept": accept}).status_code == status


def test_an_unknown_submission_has_no_samples(client: Client, db: None) -> None:
    assert client.get("/submissions/999/samples/alpha").status_code == 404
    reply = client.get("/api/v1/submissions/999/samples/")
    assert (reply.status_code, reply.json()["code"]) == (404, "unknown_submission")


def test_tokens_the_end_and_the_thinking_are_shown(client: Client, finished: Finished) -> None:
    told = {"tokens_in": 1234, "tokens_out": 56, "finish": ("length",), "thinking": ("Two and two ...",)}
    first, second = page(client, finished([1.0, 0.0], {0: told})).all("article")
    assert first.one("p", "scores").text == "acc 1tokens in 1,234out 56cut at its limit"
    assert [one.text for one in first.all("h3")] == ["Prompt", "Thinking", "Response"]
    assert first.all("pre")[1].text == "Two and two ..."
    assert second.one("p", "scores").text == "acc 0"
    assert [one.text for one in second.all("h3")] == ["Prompt", "Response"]
