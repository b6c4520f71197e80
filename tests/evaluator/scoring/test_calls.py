import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.scoring import calls
from evaluator.scoring.calls import Call, NoCalls
from evaluator.scoring.scored import Scored, score, unfit
from evaluator.scoring.spec import scoring_of

OSLO = {"name": "weather", "arguments": {"city": "Oslo", "days": 2}}
OPENAI = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": json.dumps(OSLO["arguments"])},
}
ROME = {"name": "weather", "arguments": {"city": "Rome"}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(OSLO),
        json.dumps([OSLO]),
        json.dumps([OPENAI]),
        json.dumps({"role": "assistant", "content": None, "tool_calls": [OPENAI]}),
        json.dumps({"type": "tool_use", "id": "t", "name": "weather", "input": OSLO["arguments"]}),
        json.dumps({"name": "weather", "parameters": OSLO["arguments"]}),
        f"I look it up.\n```json\n{json.dumps(OSLO)}\n```",
        f"I look it up. <tool_call>\n{json.dumps(OSLO)}\n</tool_call>",
        f"[TOOL_CALLS] {json.dumps([OSLO])}",
    ],
)
def test_every_way_of_writing_a_call_is_read(text: str) -> None:
    assert calls.read(text) == [Call("weather", {"city": "Oslo", "days": 2})]


def test_several_calls_keep_their_order() -> None:
    text = "".join(f"<tool_call>{json.dumps(one)}</tool_call>" for one in (OSLO, ROME))
    assert [one.arguments["city"] for one in calls.read(text)] == ["Oslo", "Rome"]
    assert calls.read("[]") == calls.read('{"tool_calls": []}') == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It is sunny.", "no JSON"),
        ('{"city": "Oslo"}', "no call of a tool"),
        ('{"name": "a", "arguments": "Oslo"}', "no JSON"),
        ('{"name": "a", "arguments": [1]}', "no object"),
        (json.dumps([OSLO] * 51), "at most 50"),
        ("[" * 100_000, "nested"),
        ('{"name": "a", "arguments": {"x": NaN}}', "NaN"),
    ],
)
def test_what_is_no_call_says_why(text: str, words: str) -> None:
    with pytest.raises(NoCalls, match=words):
        calls.read(text)


def graded(answer: Any, *wanted: Any, **options: Any) -> Scored:
    way, references = scoring_of({"kind": "tool_calls"} | options), [json.dumps(one) for one in wanted]
    assert unfit(way, references) == ""
    return score(way, answer if isinstance(answer, str) else json.dumps(answer), references)


@pytest.mark.parametrize(
    ("answer", "wanted", "options", "value"),
    [
        (OSLO, OPENAI, {}, 1),
        (OSLO, {"name": "weather", "arguments": {"city": "Oslo", "days": 2.0}}, {}, 1),
        (OSLO, ROME, {}, 0),
        (OSLO, {"name": "Weather", "arguments": OSLO["arguments"]}, {}, 0),
        (OSLO, {"name": "weather", "arguments": {"city": "Oslo"}}, {}, 0),
        (OSLO, {"name": "weather", "arguments": {"city": "Oslo"}}, {"arguments": "given"}, 1),
        (OSLO, {"name": "weather", "arguments": {"city": "Oslo"}}, {"ignore": ["days"]}, 1),
        (ROME, OSLO, {"arguments": "given"}, 0),
        (ROME, OSLO, {"arguments": "any"}, 1),
        ([OSLO, ROME], {"tool_calls": [ROME, OSLO]}, {}, 1),
        ([OSLO, ROME], {"tool_calls": [ROME, OSLO]}, {"ordered": True}, 0),
        ([OSLO, OSLO], {"tool_calls": [OSLO, ROME]}, {}, 0),
        ([OSLO, OSLO], OSLO, {}, 0),
        ("It is sunny.", {"tool_calls": []}, {}, 1),
        (OSLO, {"tool_calls": []}, {}, 0),
    ],
)  # fmt: skip
def test_answers_worked_by_hand(answer: Any, wanted: Any, options: dict[str, Any], value: float) -> None:
    found = graded(answer, wanted, **options)
    assert found.score == value
    assert bool(found.why) == (value == 0)


def test_any_of_several_references_will_do() -> None:
    assert graded(ROME, OSLO, ROME).score == 1
    assert graded(ROME, {"name": "search"}, OSLO).why == "It calls 'weather', not 'search'."


def test_what_is_wrong_with_a_call_is_said() -> None:
    assert graded({"name": "weather", "arguments": {"city": "Rome", "days": 2}}, OSLO).why == (
        "In the call of 'weather', 'city' is \"Rome\"."
    )
    assert graded(ROME, OSLO, arguments="given", ignore=["city"]).why == "The call of 'weather' lacks 'days'."
    assert graded("no", OSLO).answer is None


def test_a_reference_without_calls_cannot_be_scored_so() -> None:
    way = scoring_of({"kind": "tool_calls"})
    assert "no calls of tools" in unfit(way, ["It is sunny."])
    assert "no reference" in unfit(way, [])


@given(st.text() | st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["name", "arguments", "function", "tool_calls", "x"]), inner)).map(json.dumps))  # fmt: skip
def test_any_text_is_read_or_refused_and_equals_itself(text: str) -> None:
    try:
        found = calls.read(text)
    except NoCalls:
        return
    assert calls.alike(found, found, arguments="equal", ordered=True, ignore=()) == ""
