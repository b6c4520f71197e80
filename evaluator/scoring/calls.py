"""Calls of tools in what a model said: found in the ways in which models write them, and compared. No call is made.

A call is a name with arguments: `{"name": "lookup", "arguments": {"city": "Oslo"}}`, OpenAI's `tool_calls` (whose
arguments are JSON in a text), Anthropic's `input`, Llama's `parameters`; alone, in a list, in a fence, in
`<tool_call>` tags as Hermes and Qwen write them, or behind Mistral's `[TOOL_CALLS]`.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from evaluator.scoring import objects

MOST_CALLS = 50
ARGUMENTS = ("arguments", "parameters", "input", "args")
OPENED, CLOSED = "<tool_call>", "</tool_call>"
_MARK = "[TOOL_CALLS]"


class NoCalls(ValueError):
    """No calls can be read; the message says why."""


class Call(NamedTuple):
    name: str
    arguments: dict[str, Any]


def read(text: str) -> list[Call]:
    """The calls in an answer, or in a reference, in their order; [] where it says that none is made. Raises NoCalls."""
    tagged = between(text)
    if tagged:
        return limited([call for one in tagged for call in calls_of(value_of(one))])
    _, mark, after = text.partition(_MARK)
    return limited(calls_of(value_of(after if mark else text)))


def between(text: str) -> list[str]:
    """What stands between tags. A regular expression would look for the end once from each beginning."""
    found: list[str] = []
    begin = text.find(OPENED)
    while begin >= 0:
        end = text.find(CLOSED, begin)
        if end < 0:
            break
        found.append(text[begin + len(OPENED) : end])
        begin = text.find(OPENED, end)
    return found


def limited(calls: list[Call]) -> list[Call]:
    if len(calls) > MOST_CALLS:
        raise NoCalls(f"It has {len(calls)} calls; at most {MOST_CALLS} are compared.")
    return calls


def value_of(text: str) -> Any:
    try:
        return objects.read(text.strip())
    except ValueError as error:
        raise NoCalls(f"It is no JSON: {str(error)[:120]}") from None


def calls_of(value: Any) -> list[Call]:
    """The calls that a value holds: a list of them, an object with `tool_calls`, or a single one."""
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    return [call_of(one) for one in (value if isinstance(value, list) else [value])]


def call_of(value: Any) -> Call:
    inner = value.get("function") if isinstance(value, dict) else None
    found = inner if isinstance(inner, dict) else value
    name = found.get("name") if isinstance(found, dict) else None
    if not isinstance(name, str) or not name:
        raise NoCalls("It is JSON and no call of a tool: that has a name and arguments.")
    arguments: Any = next((found[key] for key in ARGUMENTS if found.get(key) is not None), {})
    if isinstance(arguments, str):
        arguments = value_of(arguments or "{}")
    if not isinstance(arguments, dict):
        raise NoCalls(f"The arguments of {name[:60]!r} are no object.")
    return Call(name, arguments)


def alike(said: Sequence[Call], wanted: Sequence[Call], *, arguments: str, ordered: bool, ignore: Sequence[str]) -> str:
    """ "" where the calls are the wanted ones, else the first thing that is not. Each wanted call is matched by one.

    `arguments`: "equal", all of them are the same; "given", those of the wanted call are, and there may be more; "any",
    only names count. `ignore`: arguments that do not count.
    """
    if len(said) != len(wanted):
        return f"It makes {many(said)}, and {many(wanted)} wanted."
    left = list(said)
    for place, one in enumerate(wanted):
        candidates = [said[place]] if ordered else left
        match = next((call for call in candidates if not differs(call, one, arguments, ignore)), None)
        if match is None:
            named = next((call for call in candidates if call.name == one.name), candidates[0])
            return differs(named, one, arguments, ignore)
        left.remove(match)
    return ""


def many(calls: Sequence[Call]) -> str:
    return {0: "no call", 1: "1 call"}.get(len(calls), f"{len(calls)} calls")


def differs(call: Call, wanted: Call, arguments: str, ignore: Sequence[str]) -> str:
    """What is not as wanted, "" where all is."""
    if call.name != wanted.name:
        return f"It calls {call.name[:60]!r}, not {wanted.name[:60]!r}."
    if arguments == "any":
        return ""
    for name, value in wanted.arguments.items():
        if name in ignore:
            continue
        if name not in call.arguments:
            return f"The call of {call.name[:60]!r} lacks {name[:60]!r}."
        if not objects.same(call.arguments[name], value):
            found = json.dumps(call.arguments[name], ensure_ascii=False)[:60]
            return f"In the call of {call.name[:60]!r}, {name[:60]!r} is {found}."
    more = [name for name in call.arguments if name not in wanted.arguments and name not in ignore]
    return f"The call of {call.name[:60]!r} has {more[0][:60]!r} too." if more and arguments == "equal" else ""
