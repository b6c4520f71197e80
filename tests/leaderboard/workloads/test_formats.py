"""JSON lines, CSV, chat logs, promptfoo: what is read, and what is told with its line and field."""

import json
from typing import Any

import pytest

from leaderboard.workloads.formats import format_of
from leaderboard.workloads.records import Mapping, Message
from tests.leaderboard.workloads.read import jsonl, problem, read

ROWS = [
    {"id": f"r{n}", "prompt": f"What is {n} + {n}?", "answer": str(2 * n), "tags": ["sum"]} for n in range(1, 1_001)
]


def test_json_lines_with_all_that_an_item_has() -> None:
    row = {
        "id": "a", "prompt": "Which?", "reference": ["x", "y"], "tags": "one, two", "completion": "z",
        "system": "Be short.", "choices": ["x", "z"], "settings": {"temperature": 0.5, "max_tokens": 20, "seed": 1},
    }  # fmt: skip
    (item,), report = read(jsonl([row]))
    assert report.good
    assert item.messages == (Message("system", "Be short."), Message("user", "Which?"))
    assert (item.key, item.references, item.tags, item.production) == ("a", ("x", "y"), ("one", "two"), "z")
    assert (item.choices, item.settings) == (("x", "z"), {"temperature": 0.5, "max_tokens": 20})
    assert report.mapping["production"] == "completion"


def test_broken_json_on_line_731_is_told_and_no_other() -> None:
    lines = jsonl(ROWS).splitlines(keepends=True)
    lines[730] = lines[730].replace('"answer"', "answer")
    line, field, code, message = problem("".join(lines))
    assert (line, field, code) == (731, "", "bad_json")
    assert "byte" in message or "char" in message or "malformed" in message


def test_every_problem_is_told_up_to_a_hundred() -> None:
    rows: list[Any] = list(ROWS[:20])
    rows[3] = {"id": "r4", "prompt": "   "}
    rows[7] = {"id": "r8", "prompt": {"text": "x"}}
    rows[9] = {"id": "r2", "prompt": "again"}
    rows[12] = [1]
    items, report = read(jsonl(rows))
    assert [(one.line, one.field, one.code) for one in report.problems] == [
        (4, "prompt", "empty_prompt"), (8, "prompt", "not_text"), (10, "id", "id_twice"), (13, "", "not_object"),
    ]  # fmt: skip
    assert str(report.problems[2]) == "Line 10, id: 'r2' is the id of line 2 too. Ids are there once."
    assert len(items) == 16 and not report.good
    _, report = read("{\n" * 500)
    assert (len(report.problems), report.stopped) == (100, True)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('[{"prompt": "a"}]', "not_object"),
        ('[\n{"prompt": "a"}\n]', "bad_json"),
        ("[" * 100_000, "bad_json"),
        ('{"prompt": "\\ud800"}', "bad_json"),
        ('{"prompt": NaN}', "bad_json"),
        ("\n\n\n{}", "no_prompt_field"),
    ],
)
def test_odd_json_is_told(body: str, code: str) -> None:
    _, report = read(body, form="jsonl")
    assert report.problems[0].code == code
    assert "brackets" in report.problems[0].message or not body.startswith("[{")


def test_an_unknown_mapping_names_the_fields_there_are() -> None:
    _, field, code, message = problem(jsonl(ROWS), mapping=Mapping(prompt="frage"))
    assert (field, code) == ("frage", "no_such_field")
    assert "answer, id, prompt, tags" in message


def test_fields_that_are_not_used_are_told_once() -> None:
    _, report = read(jsonl([row | {"colour": "red"} for row in ROWS[:9]]))
    assert [(one.field, one.code) for one in report.notes] == [("colour", "unused")]
    assert "9 items" in report.notes[0].message


def test_a_prompt_may_be_made_of_fields_and_nothing_is_run_in_it() -> None:
    rows = [{"text": "{{secret}} {{7*7}}", "lang": "French", "secret": "no"}]
    (item,), report = read(jsonl(rows), mapping=Mapping(template="Translate to {{ lang }}: {{text}}", system="Hi."))
    assert report.good
    assert item.messages == (Message("system", "Hi."), Message("user", "Translate to French: {{secret}} {{7*7}}"))
    assert problem(jsonl(rows), mapping=Mapping(template="{{nothing}}"))[2] == "no_such_field"


# CSV


def test_csv_with_quotes_line_ends_and_another_separator() -> None:
    body = 'id;prompt;expected\n1;"Say ""hi""; then\nleave";hi\n2;Plain;x\n'
    items, report = read(body, name="prompts.csv")
    assert report.good
    assert [(item.line, item.key, item.prompt) for item in items] == [
        (2, "1", 'Say "hi"; then\nleave'), (4, "2", "Plain"),
    ]  # fmt: skip
    assert items[0].references == ("hi",)


@pytest.mark.parametrize(
    ("body", "line", "code"),
    [
        ("prompt,a\nx,1\ny\n", 3, "wrong_fields"),
        ("prompt,a\nx,1\n\ny,1,2\n", 4, "wrong_fields"),
        ('prompt,a\nx,1\n"y,1\nz,2\n', 3, "bad_csv"),
        ('prompt,a\n"x"y,1\n', 2, "bad_csv"),
        ("prompt,prompt\nx,y\n", 1, "column_twice"),
        ("prompt,\nx,y\n", 1, "no_header"),
        (",\nx,y\n", 1, "no_header"),
        ("a,b\nx,y\n", 2, "no_prompt_field"),
    ],
)
def test_odd_csv_is_told(body: str, line: int, code: str) -> None:
    found = problem(body, form="csv")
    assert (found[0], found[2]) == (line, code)


def test_formulas_html_and_bidi_are_texts_like_any() -> None:
    cells = ["=HYPERLINK(1)", "<script>alert(1)</script>", "abc\u202edef", "{{ cycler.__init__ }}", "{% for %}"]
    body = "prompt\n" + "".join(f'"{cell}"\n' for cell in cells)
    items, report = read(body, form="csv")
    assert report.good
    assert [item.prompt for item in items] == cells


# Chat logs


TALK = [
    {"role": "developer", "content": "Be kind."},
    {"role": "user", "content": [{"type": "text", "text": "Hello"}, {"type": "text", "text": "there"}]},
    {"role": "assistant", "content": "Hi!"},
]
ANSWER = {"choices": [{"message": {"content": "Hi!"}}]}


@pytest.mark.parametrize(
    "row",
    [
        {"messages": TALK, "custom_id": "a"},
        {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m", "messages": TALK}},
        {"id": "a", "request": {"messages": TALK[:2]}, "response": ANSWER},
        {"id": "a", "messages": TALK[:2], "choices": [{"message": {"role": "assistant", "content": "Hi!"}}]},
        {"id": "a", "body": {"messages": TALK[:2]}, "response": {"body": ANSWER}},
    ],
)  # fmt: skip
def test_chat_logs_ask_what_was_asked_and_keep_what_was_answered(row: dict[str, Any]) -> None:
    (item,), report = read(jsonl([row]), form="openai")
    assert report.good, report.problems
    assert item.messages == (Message("system", "Be kind."), Message("user", "Hello\nthere"))
    assert (item.key, item.production) == ("a", "Hi!")


def test_metadata_become_tags_and_parameters_settings() -> None:
    row = {"body": {"messages": TALK[:2], "temperature": 0, "n": 3}, "metadata": {"team": "sales", "n": 1}}
    (item,), _ = read(jsonl([row]))
    assert (item.tags, item.settings) == (("team=sales",), {"temperature": 0})


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ({"custom_id": "a", "response": {"body": {}}}, "messages", "no_messages"),
        ({"messages": []}, "messages", "bad_messages"),
        ({"messages": "Hello"}, "messages", "bad_messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role", "bad_role"),
        ({"messages": ["x"]}, "messages[0]", "bad_message"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
         "messages[0].content[0]", "not_text"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages", "empty_prompt"),
        ({"messages": [{"role": "user", "content": "x"}] * 201}, "messages", "many_messages"),
    ],
)  # fmt: skip
def test_odd_chats_are_told(row: dict[str, Any], field: str, code: str) -> None:
    found = problem(jsonl([row]), form="openai")
    assert found[:3] == (1, field, code)


# promptfoo


SUITE = """
description: Support
prompts:
  - "Answer in {{language}}: {{question}}"
  - |
    [{"role": "system", "content": "Speak {{language}}"}, {"role": "user", "content": "{{question}}"}]
tests:
  - description: greeting
    vars: {language: French, question: "How are you?"}
    assert:
      - {type: equals, value: Ça va}
      - {type: llm-rubric, value: is polite}
  - vars:
      language: German
      question: Who?
    assert:
      - type: contains-any
        value: [ich, du]
"""


def test_promptfoos_tests_are_each_prompt_with_each_tests_variables() -> None:
    items, report = read(SUITE, name="promptfooconfig.yaml")
    assert report.good, report.problems
    assert [item.prompt for item in items] == [
        "Answer in French: How are you?", "Speak French\nHow are you?",
        "Answer in German: Who?", "Speak German\nWho?",
    ]  # fmt: skip
    assert items[1].messages[0] == Message("system", "Speak French")
    assert [item.references for item in items[::2]] == [("Ça va",), ("ich", "du")]
    assert (items[0].tags, items[0].line, items[2].line) == (("greeting", "prompt 1"), 8, 13)


def test_promptfoos_json_is_read_too() -> None:
    body = json.dumps({"prompts": ["Say {{x}}"], "tests": [{"vars": {"x": n}} for n in range(3)]}, indent=1)
    items, report = read(body, name="config.json")
    assert report.good
    assert [item.prompt for item in items] == ["Say 0", "Say 1", "Say 2"]


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ("prompts: [a]\ntests: file://tests.csv\n", "tests", "no_tests"),
        ("prompts: ['file://prompt.txt']\ntests: [{vars: {}}]\n", "prompts[0]", "elsewhere"),
        ("prompts: [prompt.txt]\ntests: [{vars: {}}]\n", "prompts[0]", "elsewhere"),
        ("prompts: ['{% for x in y %}']\ntests: [{vars: {}}]\n", "prompts[0]", "template"),
        ("prompts: ['{{ x | upper }} {{ {{y}} }}']\ntests: [{vars: {}}]\n", "prompts[0]", "template"),
        ("prompts: ['{{x}}']\ntests: [{vars: {x: 'file:///etc/passwd'}}]\n", "vars.x", "elsewhere"),
        ("prompts: ['{{x}}']\ntests: [{vars: {y: 1}}]\n", "vars.x", "no_such_field"),
        ("prompts: [a]\ntests: []\n", "tests", "no_tests"),
        ("prompts: []\ntests: [{}]\n", "prompts[0]", "no_prompt"),
        ("prompts: &a [x]\ntests: [*a, *a]\n", "", "alias"),
        ("prompts: !!python/object/apply:os.system ['id']\ntests: [{}]\n", "", "bad_yaml"),
        ("prompts: [a\n", "", "bad_yaml"),
        ("tests: " + "[" * 5_000, "", "bad_yaml"),
    ],
)
def test_odd_suites_are_told_and_nothing_is_fetched_or_run(body: str, field: str, code: str) -> None:
    found = problem(body, form="promptfoo")
    assert (found[1], found[2]) == (field, code)


def test_aliases_that_would_fill_all_memory_are_refused() -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert problem(laughs, form="promptfoo")[2] == "alias"


@pytest.mark.parametrize(
    ("name", "begin", "form"),
    [
        ("a.jsonl", '{"prompt": "x"}', "jsonl"),
        ("a.csv", "prompt,answer\n", "csv"),
        ("a.txt", "prompt\tanswer\n", "csv"),
        ("a.jsonl", '{"custom_id": "1", "body": {"messages": []}}', "openai"),
        ("a.jsonl", '{"messages": []}', "jsonl"),
        ("promptfooconfig.yaml", "x", "promptfoo"),
        ("", "prompts:\n", "promptfoo"),
        ("a.json", '{\n "prompts": []', "promptfoo"),
    ],
)
def test_formats_are_guessed(name: str, begin: str, form: str) -> None:
    assert format_of(name, begin) == form
