"""What an item of a workload is, what may be wrong with one, and the limits."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

MOST_BYTES = 128 * 2**20
"""Of an upload."""
MOST_ITEMS = 200_000
LINE_BYTES = 2**20
TEXT = 400_000
"""Characters of one text."""
KEY, TAG, TAGS, REFERENCES, CHOICES, MESSAGES = 200, 60, 20, 20, 26, 200
MOST_PROBLEMS = 100
"""More of them help nobody; reading stops there."""
MOST_NOTES = 200
MENDABLE = frozenset({
    "no_prompt_field", "no_such_field", "empty_prompt", "not_text", "long_text", "bad_messages", "bad_message",
    "bad_role", "long_id", "id_twice", "many", "many_messages", "bad_tags", "bad_settings",
})  # fmt: skip
"""Codes of problems that may go away when other fields are taken."""
ROLES = ("system", "user", "assistant", "tool")


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One prompt. `line` is where it stood in the upload, `key` its own id, or its number where it has none.

    `references`: answers that are right, any of them; one that was no text is its JSON. `production`: what is answered
    today. `choices`: of a multiple choice, whose reference is one of them, or its letter or number from 0.
    """

    line: int
    key: str
    messages: tuple[Message, ...]
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    production: str | None = None
    choices: tuple[str, ...] = ()
    settings: dict[str, float | int | str] = {}

    @property
    def prompt(self) -> str:
        """What is asked, roles aside."""
        return "\n".join(one.content for one in self.messages)


class Problem(msgspec.Struct, frozen=True):
    """What is wrong, or worth knowing, at a line (from 1; 0: of the whole) and in a field ("": of the whole line)."""

    line: int
    field: str
    code: str
    message: str

    @property
    def mendable(self) -> bool:
        """Whether it lies in what a field was taken for, not in the file."""
        return self.code in MENDABLE

    def __str__(self) -> str:
        place = f"Line {self.line:,}" if self.line else "The upload"
        return f"{place}{f', {self.field}' if self.field else ''}: {self.message}"


class Wrong(Exception):
    """A line that is no item; reading goes on with the next one."""

    def __init__(self, line: int, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, field, code, message)


class Unreadable(Wrong):
    """Nothing after this can be read either."""


@dataclass(frozen=True)
class Mapping:
    """Which field of a row is what; "" where none is. `template`: a prompt made of fields, such as "Sum up: {{text}}";
    `system`: said before every prompt that has no such message of its own."""

    prompt: str = ""
    messages: str = ""
    system_field: str = ""
    reference: str = ""
    key: str = ""
    tags: str = ""
    production: str = ""
    choices: str = ""
    settings: str = ""
    template: str = ""
    system: str = ""

    def said(self) -> dict[str, str]:
        """What it says, by name."""
        return {name: value for name, value in vars(self).items() if value}


@dataclass
class Report:
    """What was found. `problems` stop an upload, `notes` do not; `counts` has all notes by their code.

    `fields`: how many items have a field; `samples`: the beginning of what a field says first.
    """

    items: int = 0
    lines: int = 0
    problems: list[Problem] = field(default_factory=list)
    stopped: bool = False
    notes: list[Problem] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    fields: dict[str, int] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    mapping: dict[str, str] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    with_reference: int = 0
    with_production: int = 0
    longest: int = 0
    first: list[dict[str, Any]] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.items > 0 and not self.problems

    @property
    def mendable(self) -> bool:
        """Whether its rows could be read, so that another choice of fields may make it good."""
        return bool(self.fields) and all(one.mendable for one in self.problems)

    def note(self, line: int, field: str, code: str, message: str) -> None:
        self.counts[code] = self.counts.get(code, 0) + 1
        if len(self.notes) < MOST_NOTES:
            self.notes.append(Problem(line, field, code, message))
