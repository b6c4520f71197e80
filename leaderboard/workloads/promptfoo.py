"""promptfoo's test files as rows: each prompt with each test's variables. Read as data: no reference is followed, no
template is rendered but for plain names in double braces, and a file that repeats itself by aliases is refused."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from leaderboard.workloads.fields import SLOT, kind
from leaderboard.workloads.formats import Row, Told
from leaderboard.workloads.records import MOST_ITEMS, Problem, Unreadable, Wrong

MOST_BYTES = 8 * 2**20
ANSWERS = {"equals", "contains", "icontains", "contains-any", "starts-with"}
"""Assertions whose value is an answer that would be right."""
OUTSIDE = ("file://", "https://", "http://", "package:", "huggingface://", "exec:", "python:")


class Loader(yaml.SafeLoader):
    """Mappings keep the line on which they begin, under LINE."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            message = "It has an alias (*name). Write out what it stands for: aliases can blow up a small file."
            raise Unreadable(mark.line + 1, "", "alias", message)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        found = super().construct_mapping(node, deep=True)
        return {**found, LINE: node.start_mark.line + 1}


LINE = "\x00line"


def rows(text: str, told: Told) -> Iterator[Row]:
    """The items of a test file, JSON or YAML; raises Unreadable."""
    if len(text) > MOST_BYTES:
        raise Unreadable(0, "", "too_large", f"A test file has at most {MOST_BYTES // 2**20} MB.")
    whole = loaded(text)
    prompts = prompts_of(whole, told)
    tests = whole.get("tests")
    if not isinstance(tests, list) or not tests:
        message = f"It is {kind(tests)}; a list of tests is needed, each with vars."
        if isinstance(tests, str) and tests.startswith(OUTSIDE):
            message = f"It refers to {tests[:60]!r}. Only what is in the file itself is read: upload that file."
        raise Unreadable(whole[LINE], "tests", "no_tests", message)
    if len(prompts) * len(tests) > MOST_ITEMS:
        raise Unreadable(0, "tests", "too_many", f"Prompts times tests are more than {MOST_ITEMS:,} items.")
    usual = whole.get("defaultTest")
    for test in tests:
        if not isinstance(test, dict):
            told(Problem(whole[LINE], "tests", "not_object", f"A test is {kind(test)}, not an object with vars."))
            continue
        for number, prompt in enumerate(prompts, start=1):
            try:
                yield Row(test[LINE], row_of(test, usual, prompt, number if len(prompts) > 1 else 0), 0)
            except Wrong as wrong:
                told(wrong.problem)


def loaded(text: str) -> dict[Any, Any]:
    try:
        whole = yaml.load(text, Loader)  # noqa: S506  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise Unreadable(line, "", "bad_yaml", f"It is neither JSON nor YAML: {error.problem or error}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(0, "", "bad_yaml", f"It is neither JSON nor YAML: {str(error)[:200]}") from None
    if not isinstance(whole, dict):
        raise Unreadable(1, "", "not_object", f"It is {kind(whole)}, not an object with prompts and tests.")
    return whole


def prompts_of(whole: dict[Any, Any], told: Told) -> list[str]:
    """The texts of its prompts; what is elsewhere is refused by name."""
    found = []
    given = whole.get("prompts")
    for place, one in enumerate(given if isinstance(given, list) and given else [given]):
        text = one.get("raw") if isinstance(one, dict) else one
        if not isinstance(text, str) or not text.strip():
            raise Unreadable(whole[LINE], f"prompts[{place}]", "no_prompt", f"It is {kind(text)}, not a text.")
        if text.startswith(OUTSIDE) or (
            text.rsplit(".", 1)[-1] in {"txt", "json", "py", "js", "md"} and "\n" not in text
        ):
            message = f"It refers to {text[:60]!r}. Only what is in the file itself is read: paste the prompt’s text."
            raise Unreadable(whole[LINE], f"prompts[{place}]", "elsewhere", message)
        if "{%" in text or "{{" in SLOT.sub("", text):
            message = "It has more than plain names in double braces, and is not run here. Write the prompts out."
            raise Unreadable(whole[LINE], f"prompts[{place}]", "template", message)
        found.append(text)
    return found


def row_of(test: dict[Any, Any], usual: Any, prompt: str, number: int) -> dict[str, Any]:
    """Fields as `guessed` knows them."""
    line, known = test[LINE], variables(usual) | variables(test)
    if prompt.lstrip().startswith("[") and '"role"' in prompt:
        try:
            asked: dict[str, Any] = {"messages": filled_messages(json.loads(prompt), known, line)}
        except ValueError:
            raise Wrong(
                line, "prompts", "bad_messages", "A prompt begins like a list of messages and is none."
            ) from None
    else:
        asked = {"messages": [{"role": "user", "content": filled(prompt, known, line)}]}
    tags = [test["description"][:60]] if isinstance(test.get("description"), str) else []
    tags += [f"prompt {number}"] if number else []
    return asked | {"reference": answers(test, usual), "tags": [tag.replace(",", " ") for tag in tags]}


def variables(test: Any) -> dict[str, Any]:
    found = test.get("vars") if isinstance(test, dict) else None
    return {name: value for name, value in found.items() if name != LINE} if isinstance(found, dict) else {}


def filled(prompt: str, known: dict[str, Any], line: int) -> str:
    def value(slot: Any) -> str:
        name = slot[1]
        if name not in known:
            raise Wrong(
                line, f"vars.{name}"[:60], "no_such_field", "The prompt names it, and the test has no such variable."
            )
        found = known[name]
        if isinstance(found, str) and found.startswith(OUTSIDE[:1]):
            raise Wrong(line, f"vars.{name}"[:60], "elsewhere", f"It refers to {found[:60]!r}; paste what is in it.")
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)

    return SLOT.sub(value, prompt)


def filled_messages(messages: Any, known: dict[str, Any], line: int) -> Any:
    if not isinstance(messages, list):
        return messages
    return [
        {**one, "content": filled(one["content"], known, line)}
        if isinstance(one, dict) and isinstance(one.get("content"), str)
        else one
        for one in messages
    ]


def answers(test: dict[Any, Any], usual: Any) -> list[str]:
    """The values of assertions that name a right answer."""
    found: list[str] = []
    for holder in (usual, test):
        given = holder.get("assert") if isinstance(holder, dict) else None
        for one in given if isinstance(given, list) else []:
            if isinstance(one, dict) and one.get("type") in ANSWERS:
                values = one.get("value")
                found += [
                    str(value) for value in (values if isinstance(values, list) else [values]) if value is not None
                ]
    return found
