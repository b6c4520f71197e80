import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.scoring.objects import BadSchema, held_to, misfit, same
from evaluator.scoring.scored import Scored, score, unfit
from evaluator.scoring.spec import KINDS, BadScoring, needs_reference, scoring_of

PERSON = {
    "type": "object",
    "required": ["name", "age"],
    "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "age": {"$ref": "#/$defs/age"}},
    "$defs": {"age": {"type": "integer", "minimum": 0}},
}
GOOD: list[dict[str, Any]] = [
    {"kind": "exact"}, {"kind": "exact", "ignore_case": False, "extract": r"#### (.*)"}, {"kind": "contains"},
    {"kind": "regex", "pattern": r"^\d+$"}, {"kind": "regex", "each": True}, {"kind": "number", "relative": 0.01},
    {"kind": "json", "schema": PERSON}, {"kind": "json", "fields": ["name", "age"]}, {"kind": "json"},
    {"kind": "choice"}, {"kind": "rouge", "variant": "rouge2"}, {"kind": "chrf"},
    {"kind": "tool_calls"}, {"kind": "tool_calls", "arguments": "given", "ordered": True, "ignore": ["id"]},
    {"kind": "unit_tests"},
    {"kind": "judge", "rubric": "Short wins."},
]  # fmt: skip


def scored(spec: dict[str, Any], output: str, *references: str, choices: tuple[str, ...] = ()) -> Scored:
    way = scoring_of(spec)
    assert unfit(way, references, choices) == ""
    return score(way, output, references, choices)


@pytest.mark.parametrize(
    ("spec", "output", "references", "value"),
    [
        ({"kind": "exact"}, " Yes ", ("no", "yes"), 1),
        ({"kind": "exact", "ignore_case": False}, "Yes", ("yes",), 0),
        ({"kind": "exact", "ignore_punctuation": True, "ignore_articles": True}, "The cat.", ("cat",), 1),
        ({"kind": "exact", "extract": r"####\s*(.*)"}, "so\n#### 72", ("72",), 1),
        ({"kind": "contains"}, "It is PARIS, France", ("Paris", "Rome"), 1),
        ({"kind": "contains", "all": True}, "It is PARIS, France", ("Paris", "Rome"), 0),
        ({"kind": "regex", "pattern": r"^\d{3}$"}, "123", (), 1),
        ({"kind": "regex", "each": True}, "colour", ("colou?r",), 1),
        ({"kind": "number"}, "The total is 1,234.", ("1234.0",), 1),
        ({"kind": "number", "absolute": 0.5}, "3.6", ("3",), 0),
        ({"kind": "json", "schema": PERSON}, '```json\n{"name": "Ada", "age": 36}\n```', (), 1),
        ({"kind": "json", "schema": PERSON}, '{"name": "ada", "age": 36}', (), 0),
        ({"kind": "json", "fields": ["a", "b.0"]}, '{"a": "A", "b": ["x"]}', ('{"a": "B", "b": ["x"]}',), 0.5),
        ({"kind": "json"}, '{"b": 1.0, "a": [true]}', ('{"a": [true], "b": 1}',), 1),
        ({"kind": "json"}, '{"a": 1}', ('{"a": true}',), 0),
    ],
)  # fmt: skip
def test_answers_worked_by_hand(spec: dict[str, Any], output: str, references: tuple[str, ...], value: float) -> None:
    assert scored(spec, output, *references).score == value


@pytest.mark.parametrize(
    ("spec", "output", "references"),
    [
        ({"kind": "exact", "extract": "#### (.*)"}, "no mark", ("1",)),
        ({"kind": "number"}, "many", ("1",)),
        ({"kind": "json", "schema": PERSON}, "Sure! Here it is.", ()),
        ({"kind": "json", "schema": PERSON}, '{"name": "Ada"}', ()),
        ({"kind": "json", "schema": PERSON}, '{"name": "Ada", "age": NaN}', ()),
        ({"kind": "json"}, "[" * 100_000, ("1",)),
    ],
)
def test_an_answer_of_the_wrong_form_is_none_and_says_why(
    spec: dict[str, Any], output: str, references: tuple[str, ...]
) -> None:
    found = scored(spec, output, *references)
    assert (found.score, found.answer) == (0.0, None)
    assert found.why


def test_choices() -> None:
    assert scored({"kind": "choice"}, "I would say (B).", "Berlin", choices=("Paris", "Berlin")).score == 1
    assert scored({"kind": "choice"}, "Paris", "1", choices=("Paris", "Berlin")) == Scored(0.0, "Paris")
    assert scored({"kind": "choice"}, "Both", "1", choices=("Paris", "Berlin")).answer is None


@pytest.mark.parametrize(
    ("spec", "references", "choices", "words"),
    [
        ({"kind": "exact"}, (), (), "no reference"),
        ({"kind": "number"}, ("many",), (), "no number"),
        ({"kind": "choice"}, ("x",), (), "no choices"),
        ({"kind": "choice"}, ("x",), ("a", "b"), "none of its choices"),
        ({"kind": "regex", "each": True}, ("(",), (), "no pattern"),
        ({"kind": "json"}, ("x",), (), "no JSON"),
        ({"kind": "json", "fields": ["a.b"]}, ('{"a": 1}',), (), "no field 'a.b'"),
    ],
)
def test_items_that_cannot_be_scored_so_are_told(
    spec: dict[str, Any], references: tuple[str, ...], choices: tuple[str, ...], words: str
) -> None:
    assert words in unfit(scoring_of(spec), references, choices)


def test_only_what_compares_needs_a_reference() -> None:
    needing = [needs_reference(scoring_of(spec)) for spec in GOOD]
    assert [spec["kind"] for spec, needs in zip(GOOD, needing, strict=True) if not needs] == ["regex", "json", "judge"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "kind"), ({"kind": "magic"}, "kind"), ({"kind": "exact", "pattern": "x"}, "pattern"), ("exact", "kind"),
        ({"kind": "exact", "extract": "("}, "extract"), ({"kind": "exact", "ignore_case": "yes"}, "ignore_case"),
        ({"kind": "regex"}, "pattern"), ({"kind": "regex", "pattern": "(?=a)"}, "pattern"),
        ({"kind": "regex", "pattern": "a", "each": True}, "pattern"),
        ({"kind": "number", "absolute": -1}, "absolute"), ({"kind": "number", "relative": float("inf")}, "absolute"),
        ({"kind": "rouge", "variant": "rouge9"}, "variant"), ({"kind": "json", "schema": []}, "schema"),
        ({"kind": "json", "schema": {"type": "nothing"}}, "schema"),
    ],
)  # fmt: skip
def test_ways_that_cannot_be_name_the_option(spec: Any, field: str) -> None:
    with pytest.raises(BadScoring) as refused:
        scoring_of(spec)
    assert refused.value.field == field, refused.value.message
    assert refused.value.message.endswith(".") or refused.value.message.endswith(")")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.org/schema.json"},
        {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
        {"properties": {"a": {"$id": "https://example.org/"}}},
        {"allOf": [{"$dynamicRef": "other.json"}]},
        {"pattern": "(a+)+\\1"},
        {"patternProperties": {"(?=a)": {}}},
        {"minimum": "x"},
        {"enum": ["x" * 200_000]},
    ],
)
def test_schemas_refer_to_nothing_outside_and_have_patterns_that_end(schema: dict[str, Any]) -> None:
    with pytest.raises(BadSchema):
        held_to(schema)


def test_schemas_without_an_end_and_deep_ones_are_told() -> None:
    assert "without an end" in misfit(held_to({"$ref": "#"}), 1)
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"items": deep}
    with pytest.raises(BadSchema):
        held_to(deep)


def test_a_schemas_pattern_keeps_nobody_busy() -> None:
    begun = time.thread_time()
    validator = held_to({"pattern": "^(a+)+$", "patternProperties": {"(x+x+)+y": {"type": "string"}}})
    assert misfit(validator, "a" * 50_000 + "!")
    assert misfit(validator, {"x" * 50_000 + "y": 1})
    assert misfit(validator, {"x" * 50_000: 1}) == ""
    assert time.thread_time() - begun < 2


PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3)


@given(
    st.recursive(PLAIN, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=2), one, max_size=3))
)
def test_json_is_the_same_as_itself_however_it_is_spaced(value: Any) -> None:
    assert same(value, json.loads(json.dumps(value, indent=3)))


@pytest.mark.parametrize("spec", GOOD, ids=lambda spec: spec["kind"])
@given(output=st.text(max_size=80) | st.from_regex(r"[\[{\"0-9,:}\]]{0,40}", fullmatch=True))
def test_any_answer_has_a_score(spec: dict[str, Any], output: str) -> None:
    usual = {"json": '{"name": "A", "age": 1}', "tool_calls": '{"name": "a"}', "number": "3"}
    references = (usual.get(spec["kind"], "a"),)
    found = score(scoring_of(spec), output, references, ("a", "b"))
    assert 0 <= found.score <= 1
    assert found.answer is not None or (found.score == 0 and found.why)


def test_every_way_is_tried_here() -> None:
    assert {spec["kind"] for spec in GOOD} == set(KINDS)


def quick(work: Any) -> Any:
    """What `work` returns, within seconds of this thread: without its limit each takes minutes or for ever."""
    begun = time.thread_time()
    found = work()
    assert time.thread_time() - begun < 6
    return found


def test_a_schema_that_doubles_its_work_at_each_level_is_told_so() -> None:
    levels = {f"l{n}": {"allOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 2} for n in range(60)} | {"l60": {"type": "integer"}}
    way = scoring_of({"kind": "json", "schema": {"$ref": "#/$defs/l0", "$defs": levels}})
    found = quick(lambda: score(way, "3", ()))
    assert (found.score, "more than 200,000 steps" in found.why) == (0.0, True)


def test_elements_that_are_there_twice_are_found_at_once() -> None:
    validator = held_to({"type": "array", "uniqueItems": True})
    assert quick(lambda: misfit(validator, [{"a": n} if n % 2 else n for n in range(20_000)])) == ""
    assert misfit(validator, [1, True, {"a": 1}, [1]]) == ""
    for twice in ([1, 1.0], [{"a": 1, "b": 2}, {"b": 2, "a": 1}], [[True], [True]]):
        assert "twice" in misfit(validator, twice)


@pytest.mark.parametrize(
    ("spec", "output"),
    [
        ({"kind": "json"}, "```" + "\n" * 200_000),
        ({"kind": "json"}, "```json\n" * 50_000),
        ({"kind": "tool_calls"}, "<tool_call>" * 30_000),
        ({"kind": "rouge"}, "a b " * 50_000),
        ({"kind": "regex", "pattern": "(a+)+$"}, "a" * 50_000 + "b"),
        ({"kind": "number"}, "1,111" * 40_000),
    ],
)
def test_no_answer_keeps_a_scorer_busy(spec: dict[str, Any], output: str) -> None:
    usual = {"json": "{}", "tool_calls": '{"name": "a"}', "number": "3", "rouge": "b a " * 5_000}
    assert quick(lambda: score(scoring_of(spec), output, (usual.get(spec["kind"], "a"),))).score < 1
