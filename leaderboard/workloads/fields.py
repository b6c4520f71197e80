"""From the fields of a row to an item, by a mapping, which is guessed from the fields' names where none is given.

A row is what JSON or a CSV's header make of a line: names and values. Nothing of it is a template of ours; a prompt
that is made of fields takes them by their plain names, `{{name}}`, and nothing else is understood in it.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from leaderboard.workloads.records import (
    CHOICES,
    KEY,
    MESSAGES,
    REFERENCES,
    ROLES,
    TAG,
    TAGS,
    TEXT,
    Item,
    Mapping,
    Message,
    Wrong,
)

NAMES = {
    "messages": ("messages", "conversation", "chat"),
    "prompt": ("prompt", "input", "question", "query", "user", "instruction", "text"),
    "system_field": ("system", "system_prompt"),
    "reference": (
        "reference", "references", "expected", "expected_output", "answer", "ideal", "target", "gold", "label",
        "ground_truth", "__expected",
    ),
    "key": ("id", "key", "custom_id", "item_id", "uuid"),
    "tags": ("tags", "tag", "category", "labels", "topic"),
    "production": ("production", "current", "current_output", "completion", "response", "output", "prediction"),
    "choices": ("choices", "options"),
    "settings": ("settings", "parameters"),
}  # fmt: skip
SETTINGS = {"temperature": (0.0, 2.0), "top_p": (0.0, 1.0), "max_tokens": (1.0, 1e6)}
SLOT = re.compile(r"\{\{\s*([^{}]{1,100}?)\s*\}\}")
PREFIX = re.compile(r"(?:equals|contains|icontains):\s*")
SHOWN = 60


def guessed(names: Iterable[str]) -> Mapping:
    """What fields of these names are likely to be; the first name in NAMES that there is."""
    known = {name.strip().lower(): name for name in names}
    found = {role: next((known[one] for one in usual if one in known), "") for role, usual in NAMES.items()}
    if found["messages"]:
        found["prompt"] = ""
    return Mapping(**found)


def check(mapping: Mapping, names: Iterable[str], line: int) -> None:
    """Raise Wrong where the mapping names a field that is not there, or none that is asked."""
    there = set(names)
    for role, name in mapping.said().items():
        if role not in {"template", "system"} and name not in there:
            listed = ", ".join(sorted(there)[:20])
            raise Wrong(line, name[:SHOWN], "no_such_field", f"There is no field {name[:SHOWN]!r}. Fields: {listed}.")
    for name in SLOT.findall(mapping.template):
        if name not in there:
            raise Wrong(line, name[:SHOWN], "no_such_field", f"The template names {name[:SHOWN]!r}, which is no field.")
    if not (mapping.prompt or mapping.messages or mapping.template):
        listed = ", ".join(sorted(there)[:20])
        raise Wrong(line, "prompt", "no_prompt_field", f"Say which field is the prompt. Fields: {listed}.")


def item_of(row: dict[str, Any], mapping: Mapping, *, line: int, number: int) -> Item:
    """The item that a row is; raises Wrong, naming the field."""
    system = text_at(row, mapping.system_field, line) or mapping.system
    if mapping.messages and row.get(mapping.messages) is not None:
        messages = messages_of(row[mapping.messages], mapping.messages, line)
    else:
        field = mapping.prompt or mapping.messages or "prompt"
        text = filled(mapping.template, row, line) if mapping.template else text_at(row, field, line)
        if not text.strip():
            raise Wrong(line, field, "empty_prompt", "It is empty: there is nothing to ask.")
        messages = (Message("user", text),)
    messages, production = split_answer(messages)
    said = text_at(row, mapping.production, line)
    if system and messages[0].role != "system":
        messages = (Message("system", system), *messages)
    return Item(
        line=line, key=key_of(row, mapping.key, line) or str(number), messages=messages,
        references=texts_at(row, mapping.reference, line, REFERENCES), tags=tags_of(row, mapping.tags, line),
        production=said or production, choices=texts_at(row, mapping.choices, line, CHOICES),
        settings=settings_of(row, mapping.settings, line),
    )  # fmt: skip


def text_at(row: dict[str, Any], name: str, line: int) -> str:
    """A field as a text, "" where it is not there; numbers and truths as JSON writes them."""
    value = row.get(name) if name else None
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if not isinstance(value, str):
        raise Wrong(line, name, "not_text", f"It is {kind(value)}, not a text.")
    return checked(value, name, line)


def checked(text: str, name: str, line: int) -> str:
    if len(text) > TEXT:
        raise Wrong(line, name, "long_text", f"It has {len(text):,} characters; at most {TEXT:,} are taken.")
    if "\x00" in text:
        raise Wrong(line, name, "nul", "It has a NUL character (U+0000), which no prompt has.")
    return text


def kind(value: object) -> str:
    return {dict: "an object", list: "a list", type(None): "null"}.get(type(value), f"a {type(value).__name__}")


def filled(template: str, row: dict[str, Any], line: int) -> str:
    """The template with its fields; what stands in a field is not looked at again."""
    return checked(SLOT.sub(lambda slot: text_at(row, slot[1], line), template), "template", line)


def messages_of(value: Any, name: str, line: int) -> tuple[Message, ...]:
    """A conversation; a CSV has it as JSON."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise Wrong(line, name, "bad_messages", "It is a text that is no JSON; messages are a list.") from None
    if not isinstance(value, list) or not value:
        raise Wrong(line, name, "bad_messages", f"It is {kind(value)}; messages are a list with at least one of them.")
    if len(value) > MESSAGES:
        raise Wrong(line, name, "many_messages", f"It has {len(value):,} messages; at most {MESSAGES} are taken.")
    found = tuple(message_of(one, f"{name}[{place}]", line) for place, one in enumerate(value))
    if not any(one.content.strip() for one in found if one.role == "user"):
        raise Wrong(line, name, "empty_prompt", "No message of the user says anything: there is nothing to ask.")
    if sum(len(one.content) for one in found) > TEXT:
        raise Wrong(line, name, "long_text", f"Its messages have more than {TEXT:,} characters together.")
    return found


def message_of(value: Any, name: str, line: int) -> Message:
    if not isinstance(value, dict):
        raise Wrong(line, name, "bad_message", f"It is {kind(value)}; a message is an object with role and content.")
    role = value.get("role")
    role = "system" if role == "developer" else role
    if role not in ROLES:
        raise Wrong(
            line, f"{name}.role", "bad_role", f"A role is one of {', '.join(ROLES)}, not {str(role)[:SHOWN]!r}."
        )
    content = value.get("content")
    if content is None and value.get("tool_calls"):
        content = json.dumps(value["tool_calls"], ensure_ascii=False)
    if isinstance(content, list):
        content = "\n".join(part_of(one, f"{name}.content[{place}]", line) for place, one in enumerate(content))
    if content is None:
        content = ""
    if not isinstance(content, str):
        raise Wrong(line, f"{name}.content", "not_text", f"It is {kind(content)}, not a text.")
    return Message(str(role), checked(content, f"{name}.content", line))


def part_of(value: Any, name: str, line: int) -> str:
    """A part of a message in OpenAI's way; only texts are."""
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return str(value["text"])
    said = value.get("type") if isinstance(value, dict) else kind(value)
    raise Wrong(line, name, "not_text", f"It is {str(said)[:SHOWN]!r}; workloads are texts only.")


def split_answer(messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], str | None]:
    """What is asked, and what was answered: a log ends with the answer of whoever is in production."""
    if len(messages) > 1 and messages[-1].role == "assistant":
        return messages[:-1], messages[-1].content
    return messages, None


def key_of(row: dict[str, Any], name: str, line: int) -> str:
    key = text_at(row, name, line).strip()
    if len(key) > KEY:
        raise Wrong(line, name, "long_id", f"It has {len(key):,} characters; an id has at most {KEY}.")
    return key


def texts_at(row: dict[str, Any], name: str, line: int, most: int) -> tuple[str, ...]:
    """One text or several; an object is its JSON."""
    value = row.get(name) if name else None
    if value is None or value == "":
        return ()
    several = value if isinstance(value, list) else [value]
    if len(several) > most:
        raise Wrong(line, name, "many", f"It has {len(several):,} entries; at most {most} are taken.")
    found = tuple(checked(one if isinstance(one, str) else plain(one), name, line) for one in several)
    return tuple(PREFIX.sub("", one, count=1) for one in found) if name == "__expected" else found


def plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def tags_of(row: dict[str, Any], name: str, line: int) -> tuple[str, ...]:
    """A list, or a text with commas between them."""
    value = row.get(name) if name else None
    several = value if isinstance(value, list) else [] if value is None else str(value).split(",")
    found = tuple(dict.fromkeys(tag for one in several if (tag := str(one).strip())))
    if len(found) > TAGS or any(len(tag) > TAG or "\x00" in tag for tag in found):
        raise Wrong(line, name, "bad_tags", f"An item has at most {TAGS} tags of at most {TAG} characters.")
    return found


def settings_of(row: dict[str, Any], name: str, line: int) -> dict[str, float | int | str]:
    """How it is asked in production: temperature, top_p, max_tokens."""
    value = row.get(name) if name else None
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise Wrong(line, name, "bad_settings", f'It is {kind(value)}, not an object such as {{"temperature": 0}}.')
    found: dict[str, float | int | str] = {}
    for key, (least, most) in SETTINGS.items():
        number = value.get(key)
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number <= most:
            raise Wrong(line, f"{name}.{key}", "bad_settings", f"It is a number from {least:g} to {most:g}.")
        found[key] = number
    return found
