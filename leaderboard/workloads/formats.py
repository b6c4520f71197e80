"""What an upload is written in: JSON lines, CSV, or a log of OpenAI's chats; each a stream of rows with their lines."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from leaderboard.workloads.lines import Line
from leaderboard.workloads.records import LINE_BYTES, Problem, Unreadable, Wrong

NAMES = {
    "jsonl": "JSON lines",
    "csv": "CSV",
    "openai": "OpenAI chat log",
    "promptfoo": "promptfoo tests",
}
SEPARATORS = ",;\t|"
DEPTH = "It is nested too deeply."
csv.field_size_limit(LINE_BYTES)


class Row(NamedTuple):
    """The fields of an item that begins on `line`; `end`: bytes read so far."""

    line: int
    fields: dict[str, Any]
    end: int


Told = Callable[[Problem], None]
"""Takes a problem of one line, so that the others are read all the same; may raise to stop."""


def format_of(name: str, begin: str) -> str:
    """What a file is likely to be, by its name and its beginning."""
    ending = name.lower().rpartition(".")[2]
    if ending in {"yaml", "yml"} or begin.lstrip().startswith(("prompts:", "tests:", "description:", "providers:")):
        return "promptfoo"
    first = begin.lstrip().split("\n", 1)[0].strip()
    if not first.startswith(("{", "[")):
        return "csv"
    if ending == "json" and ('"prompts"' in begin or '"tests"' in begin):
        return "promptfoo"
    if first.startswith("{") and any(word in first for word in ('"body"', '"request"')) and '"messages"' in first:
        return "openai"
    return "jsonl"


def json_lines(lines: Iterable[Line], told: Told) -> Iterator[Row]:
    """An object a line; empty lines are none."""
    for line in lines:
        text = line.text.strip()
        if not text:
            continue
        try:
            value = parsed(text, line.number)
        except Wrong as wrong:
            told(wrong.problem)
            continue
        yield Row(line.number, value, line.end)


def parsed(text: str, number: int) -> dict[str, Any]:
    """The object on a line; raises Wrong."""
    try:
        value = msgspec.json.decode(text)
    except RecursionError:
        raise Wrong(number, "", "bad_json", DEPTH) from None
    except msgspec.DecodeError as error:
        hint = ""
        if number == 1 and text.startswith("["):
            hint = " JSON lines have an object on each line, without brackets around all of them."
        raise Wrong(number, "", "bad_json", f"It is no JSON: {str(error).rstrip('.')}.{hint}") from None
    if isinstance(value, list) and number == 1:
        message = "It is a list. JSON lines have an object on each line, without brackets around all of them."
        raise Wrong(number, "", "not_object", message)
    if not isinstance(value, dict):
        raise Wrong(number, "", "not_object", f"It is {msgspec.json.encode(value)[:40].decode()}, not an object.")
    return value


def table(lines: Iterable[Line], told: Told) -> Iterator[Row]:
    """A line a row, under a header; comma, semicolon, tab or bar between fields, whichever the header has most."""
    source = Counted(lines)
    header_line = next(source, "")
    separator = max(SEPARATORS, key=header_line.count)
    try:
        names = [name.strip() for name in next(csv.reader(io.StringIO(header_line), delimiter=separator), [])]
    except csv.Error as error:
        raise Unreadable(1, "", "bad_csv", csv_words(str(error))) from None
    if not any(names):
        raise Unreadable(1, "", "no_header", "The first line of a CSV names its columns; this one is empty.")
    for place, name in enumerate(names):
        if not name:
            raise Unreadable(1, f"column {place + 1}", "no_header", "It has no name.")
        if name in names[:place]:
            raise Unreadable(1, name[:60], "column_twice", "Two columns have this name.")
    reader = csv.reader(source, delimiter=separator, strict=True)
    begin = source.number + 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise Unreadable(begin, "", "bad_csv", csv_words(str(error))) from None
        if cells is None:
            return
        begin, after = source.number + 1, begin
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            message = f"It has {len(cells)} fields; the header names {len(names)} ({separator!r} lies between them)."
            told(Problem(after, "", "wrong_fields", message))
            continue
        yield Row(after, dict(zip(names, cells, strict=True)), source.end)


def csv_words(said: str) -> str:
    if "field larger" in said or "unexpected end" in said:
        return "A quotation mark is opened here and never closed."
    if "expected after" in said:
        return "After a closing quotation mark comes something else than a separator. Marks within fields are doubled."
    return f"It is no CSV: {said}."


class Counted:
    """Lines as csv reads them, counted: a field may go on over several."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines, self.number, self.end = iter(lines), 0, 0

    def __iter__(self) -> "Counted":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number, self.end = line.number, line.end
        return line.text


def chats(rows: Iterable[Row], told: Told) -> Iterator[Row]:
    """OpenAI's exports as rows with messages: fine-tuning files, inputs of batches, stored completions."""
    for row in rows:
        try:
            yield Row(row.line, chat_of(row.fields, row.line), row.end)
        except Wrong as wrong:
            told(wrong.problem)


def chat_of(fields: dict[str, Any], line: int) -> dict[str, Any]:
    holders = (fields.get(name) for name in ("body", "request"))
    inner: dict[str, Any] = next((one for one in holders if isinstance(one, dict)), {})
    asked = fields if "messages" in fields else inner
    if "messages" not in asked:
        answered = "choices" in fields or "response" in fields
        message = (
            "It has answers and no prompts. Upload what was asked, such as the batch’s input file."
            if answered
            else "It has no messages, neither by itself nor in body or request."
        )
        raise Wrong(line, "messages", "no_messages", message)
    kept = ("custom_id", "id", "tags", "metadata", "reference")
    found: dict[str, Any] = {name: fields[name] for name in kept if name in fields}
    found["messages"] = asked["messages"]
    found["settings"] = {name: asked[name] for name in ("temperature", "top_p", "max_tokens") if name in asked}
    if isinstance(fields.get("metadata"), dict) and "tags" not in found:
        found["tags"] = [f"{name}={value}" for name, value in fields["metadata"].items() if isinstance(value, str)]
    answer = answer_of(fields)
    return found if answer is None else found | {"production": answer}


def answer_of(fields: dict[str, Any]) -> str | None:
    """The first answer of a completion, where the log has one."""
    response = fields.get("response")
    for holder in (fields, response, response.get("body") if isinstance(response, dict) else None):
        choices = holder.get("choices") if isinstance(holder, dict) else None
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            message = choices[0].get("message")
            if isinstance(message, dict) and isinstance(message.get("content"), str):
                return str(message["content"])
    return None
