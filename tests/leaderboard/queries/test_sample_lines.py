"""Samples are found by their lines as they would be found by decoding every one."""

import string
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.contract import Sample, decode_sample, encode_sample
from leaderboard import chunks
from leaderboard.actions.accounts import create_person
from leaderboard.actions.hide_texts import hide_texts
from leaderboard.models import Result, SampleChunk, Submission, WorkerToken
from leaderboard.queries.hidden import concealed
from leaderboard.queries.sample_filters import Wanted, holds
from leaderboard.queries.sample_lines import Line, chosen, found, lines_of, may_hold, needle_of
from tests.leaderboard.pages import made

TEXTS = st.text(st.characters(), max_size=30) | st.text(string.printable, max_size=30)
ODD = ("K\u212aelvin", "\u0130stanbul", "\ud800 alone", "😀", 'a "quoted" \\ text', "tab\tline\nend", "a/b", "straße")


def sample(prompt: str = "", response: str = "", **changed: Any) -> Sample:
    given: dict[str, Any] = {
        "task": "alpha", "doc_id": 1, "item_hash": "a" * 64, "target": "t", "prompts": (prompt,),
        "responses": (response,), "answers": {}, "scores": {"none": {"acc": 1.0}}, **changed,
    }  # fmt: skip
    return Sample(**given)


@given(TEXTS, TEXTS, TEXTS)
def test_no_line_is_passed_over_that_holds_the_text(prompt: str, response: str, text: str) -> None:
    one = sample(prompt, response)
    assert may_hold(encode_sample(one), needle_of(text)) or not holds(one, text.lower())


@pytest.mark.parametrize("odd", ODD)
def test_texts_with_several_spellings_are_looked_into(odd: str) -> None:
    one = sample(odd)
    for spelled in (encode_sample(one), encode_sample(one).replace(b"/", b"\\/")):
        for text in (odd, odd.lower(), odd.upper(), odd[1:4]):
            assert may_hold(spelled, needle_of(text)) or not holds(decode_sample(spelled), text.lower()), text
    assert not may_hold(encode_sample(sample("nothing of the kind")), needle_of("needle"))


def test_an_outline_says_what_the_whole_says() -> None:
    one = sample("p", "r", suite_task="group", thinking=("x",), answers={"f": "1"}, scores={"f": {"acc": 0.5}})
    lone = msgspec.structs.replace(one, responses=("\ud800",))
    for whole in (one, lone):
        told = Line(SampleChunk(), encode_sample(whole), {}).outline()
        for name in ("task", "item_hash", "responses", "answers", "scores", "suite_task", "thinking", "counts_for"):
            assert getattr(told, name) == getattr(whole, name)


SCORES = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0]
CHANGES: dict[int, dict[str, Any]] = {
    1: {"responses": ("Needle and thread. " * 9,), "answers": {"none": "[invalid]"}},
    2: {"prompts": ("A NEEDLE in the prompt",), "thinking": ("x" * 90,)},
    4: {"responses": ("\ud800 needle",)},
    6: {"target": "İ needle", "answers": {"none": ""}},
    7: {"scores": {"none": {"acc": 0.0}, "strict": {"acc": 1.0}}},
}
ASKED = (
    Wanted(text="needle"), Wanted(text='"'), Wanted(text="Needle", show="wrong"), Wanted(answered="no"),
    Wanted(longer=50), Wanted(shorter=5), Wanted(filter="strict", show="right"), Wanted(text="i̇"), Wanted(text="zzz"),
    Wanted(longer=1, answered="yes", show="right"),
)  # fmt: skip


@pytest.fixture
def measured(make_submission: made.Make, worker_token: WorkerToken, files: Path) -> Submission:
    return made.measure(make_submission("org/model"), worker_token, SCORES, CHANGES, each=5)


def parts(row: Submission) -> tuple[Result, list[SampleChunk], list[Sample]]:
    kept = list(chunks.kept(row))
    every = [one for one in concealed(chunks.stored(kept)) if one.counts_for == "alpha"]
    return row.results.get(task__task="alpha"), kept, every


@pytest.mark.django_db
@pytest.mark.parametrize("wanted", ASKED, ids=repr)
@pytest.mark.parametrize("after", [0, 3, 5, 11])
def test_a_search_finds_what_decoding_everything_finds(measured: Submission, wanted: Wanted, after: int) -> None:
    result, kept, every = parts(measured)
    expected = [one for one in every[after:] if wanted.fits(one, result)]
    assert found(result, kept, wanted, after, 20) == (expected, len(SCORES), False)
    first = found(result, kept, wanted, after, 1)
    assert first[0] == expected[:1] and first[2] == (len(expected) > 0 and every[-1] != expected[0])


@pytest.mark.django_db
@pytest.mark.parametrize("show", ["all", "right", "wrong"])
def test_pages_of_a_kind_skip_what_was_shown(measured: Submission, show: str) -> None:
    result, kept, every = parts(measured)
    of_kind = [one for one in every if show == "all" or (one.scores["none"]["acc"] >= 1) == (show == "right")]
    for skip in (0, 2, 5, 6):
        assert list(chosen(result, kept, show, skip)) == of_kind[skip:]


@pytest.mark.django_db
def test_of_hidden_texts_nothing_can_be_asked(measured: Submission) -> None:
    hide_texts(task="alpha", reason="Private.", by=create_person(username="root", password=None, staff=True))
    result, kept, every = parts(measured)
    assert found(result, kept, Wanted(longer=50), 0, 20)[0] == []
    assert [one.responses for one in found(result, kept, Wanted(shorter=50), 0, 20)[0]] == [()] * len(SCORES)
    assert list(chosen(result, kept, "right", 0)) == [one for one in every if one.scores["none"]["acc"] >= 1]


@pytest.mark.django_db
def test_a_damaged_line_is_told_with_its_chunk(measured: Submission) -> None:
    _, kept, _ = parts(measured)
    line = Line(kept[1], b'{"task": 3}', {})
    for read in (line.outline, line.sample):
        with pytest.raises(chunks.Unreadable, match="Chunk 1 of the samples cannot be read any more"):
            read()
    kept[1].path = "samples/gone.jsonl.gz"
    with pytest.raises(chunks.Unreadable, match="Chunk 1"):
        list(lines_of("alpha", kept))
