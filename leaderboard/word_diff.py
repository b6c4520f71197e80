"""Two texts word by word: what of each the other does not have. Pure, and quick for any two texts."""

import re
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple

MOST_WORDS, MOST_CHARACTERS = 400, 4_000
"""Of a text that is compared; the time grows with the product of both lengths."""
ALIKE = 0.25
"""Texts with less in common than this share are two texts, and marking all of both would show nothing."""
_ALONE = r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_WORD = re.compile(rf"(?:{_ALONE}|\w+?(?={_ALONE}|\b)|[^\w\s])\s*|\s+")
"""A word, a character of a script without spaces, or a sign, each with the space behind it."""


class Piece(NamedTuple):
    """A part of a text; `own`: the other text does not have it."""

    text: str
    own: bool


def differing(first: str, second: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces that make them up again; none where they are equal, too long, or have little in common."""
    if first == second or max(len(first), len(second)) > MOST_CHARACTERS:
        return [], []
    a, b = words(first), words(second)
    if max(len(a), len(b)) > MOST_WORDS:
        return [], []
    found = SequenceMatcher(None, [one.strip() for one in a], [one.strip() for one in b], autojunk=False)
    if found.ratio() < ALIKE:
        return [], []
    blocks = found.get_matching_blocks()
    common_a = {place for block in blocks for place in range(block.a, block.a + block.size)}
    common_b = {place for block in blocks for place in range(block.b, block.b + block.size)}
    return joined(a, common_a), joined(b, common_b)


def words(text: str) -> list[str]:
    """The text cut behind each word; put together again it is the text."""
    return _WORD.findall(text)


def joined(cut: list[str], common: set[int]) -> list[Piece]:
    runs = groupby(range(len(cut)), key=lambda place: place not in common)
    return [Piece("".join(cut[place] for place in run), own) for own, run in runs]
