"""Samples on the wire: any text that a model or data set may hold arrives as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.contract import SAMPLE_TEXTS, ContractError, Sample, decode_sample, encode_sample
from evaluator.records import text

anything = st.text(st.characters(), max_size=30)
"""Surrogates and NUL included."""
finite = st.floats(allow_nan=False, allow_infinity=False)


def utf16(value: str) -> str:
    """The same text with a high surrogate and a low one after it as the one character that they are."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


texts = anything.map(utf16)

samples = st.builds(
    Sample,
    task=texts,
    suite_task=texts,
    doc_id=st.integers(0, 2**53),
    item_hash=st.just("0" * 64),
    target=texts,
    prompts=st.lists(texts, max_size=3).map(tuple),
    responses=st.lists(texts, max_size=3).map(tuple),
    answers=st.dictionaries(texts, texts, max_size=3),
    scores=st.dictionaries(texts, st.dictionaries(texts, finite, max_size=3), max_size=3),
)


@given(samples)
def test_every_text_survives_the_wire(sample: Sample) -> None:
    line = encode_sample(sample)
    assert decode_sample(line) == sample
    assert line.isascii() and b"\n" not in line and b"\x00" not in line


def one(target: str) -> Sample:
    return Sample(task="t", doc_id=0, item_hash="", target=target, prompts=(), responses=(), answers={}, scores={})


@given(anything)
def test_a_text_is_kept_as_it_is(value: str) -> None:
    assert text(value) == text([value]) == value
    assert decode_sample(encode_sample(one(value))).target == utf16(value)


def test_an_escape_and_what_looks_like_one_are_two_texts() -> None:
    real, written = "\ud800", r"\ud800"
    assert [decode_sample(encode_sample(one(text(value)))).target for value in (real, written)] == [real, written]
    assert encode_sample(one(real)) != encode_sample(one(written))


BODY = {"task": "t", "doc_id": 0, "item_hash": "", "target": "", "prompts": [], "responses": [], "answers": {}}
WHOLE = json.dumps({**BODY, "scores": {}})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "truncated"),
        ("[]", "array"),
        ("{}", "task"),
        (WHOLE + "x", "trailing"),
        ("[" * 100_000, "array"),
        (WHOLE.replace('"scores": {}', '"scores": {"a": ' + "[" * 100_000), "object"),
        (WHOLE.replace('"t"', '"\\ud800"').replace('"scores": {}', '"scores": [[]]'), "array"),
        (WHOLE.replace("{}}", '{"a": {"b": NaN}}}'), "malformed"),
        (WHOLE.replace("{}}", '{"a": {"b": 1e999}}}'), "range"),
        (WHOLE.replace("{}}", '{}, "colour": 1}'), "colour"),
        (WHOLE.replace('"doc_id": 0', '"doc_id": "0"'), "doc_id"),
        (WHOLE.replace("[]", json.dumps([""] * (SAMPLE_TEXTS + 1)), 1), "texts"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_sample_is_refused_in_words(line: str, said: str) -> None:
    with pytest.raises(ContractError, match=rf"(?i){said}"):
        decode_sample(line.encode())


@pytest.mark.parametrize("line", [b"\xff", WHOLE.encode("utf-16"), b"\xef\xbb\xbf" + WHOLE.encode()])
def test_only_utf_8_is_read(line: bytes) -> None:
    with pytest.raises(ContractError):
        decode_sample(line)


def test_reasons_travel_and_samples_of_older_workers_have_none() -> None:
    told = Sample(**{**BODY, "prompts": (), "responses": (), "scores": {}, "reasons": {"f": "Wrong answer"}})
    assert decode_sample(encode_sample(told)) == told
    assert b"reasons" not in encode_sample(one(""))
    assert decode_sample(WHOLE.encode()).reasons == {}


def test_a_part_of_a_group_names_the_group() -> None:
    assert one("").counts_for == "t"
    assert b"suite_task" not in encode_sample(one(""))
    member = json.dumps({**BODY, "scores": {}, "suite_task": "group"})
    assert decode_sample(member.encode()).counts_for == "group"
