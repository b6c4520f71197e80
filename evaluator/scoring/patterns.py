"""Regular expressions in RE2's way, which take time in proportion to the text, whatever the pattern. By pyarrow."""

import re
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute

LONGEST = 1_000
_SAID = re.compile(r"Invalid regular expression: |Rewrite schema requests.*")


class BadPattern(ValueError):
    """RE2 does not know it; the message says what it stumbles over."""


@lru_cache(maxsize=256)
def check(pattern: str) -> int:
    """How many groups a pattern has, 0 or 1 (as far as anybody needs to know); raises BadPattern."""
    if len(pattern) > LONGEST:
        raise BadPattern(f"It has {len(pattern):,} characters; at most {LONGEST:,} are taken.")
    if "\x00" in pattern:
        raise BadPattern("It has a NUL character.")
    try:
        compute.match_substring_regex(one(""), pattern=pattern)
    except pa.ArrowInvalid as error:
        said = _SAID.sub("", str(error)).rstrip(".")
        raise BadPattern(f"RE2 does not take it: {said}. (It has no backreferences and no look-around.)") from None
    try:
        compute.replace_substring_regex(one("x"), pattern=around(pattern), replacement=r"\1")
    except pa.ArrowInvalid:
        return 0
    return 1


def found(pattern: str, text: str) -> bool:
    """Whether the pattern is anywhere in the text; raises BadPattern."""
    check(pattern)
    return bool(compute.match_substring_regex(one(text), pattern=pattern)[0].as_py())


def extracted(pattern: str, text: str) -> str | None:
    """The first group of the first match, or all of it where the pattern has no group; None without a match."""
    groups = check(pattern)
    if not found(pattern, text):
        return None
    inner = pattern if groups else f"({pattern})"
    return str(compute.replace_substring_regex(one(text), pattern=around(inner), replacement=r"\1")[0].as_py())


def around(pattern: str) -> str:
    """All of a text, with the first match in it."""
    return rf"(?s)\A.*?(?:{pattern}).*\z"


def one(text: str) -> Any:
    """A text as pyarrow takes it: lone surrogates, which it cannot hold, are marks."""
    return pa.array([text.encode("utf-8", "replace").decode()], type=pa.string())
