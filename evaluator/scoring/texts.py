"""Texts against texts: equal, contained, a number within a tolerance, a choice."""

import math
import re
import string
import unicodedata
from collections.abc import Sequence

_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3}(?![0-9]))?"
    r"|(?<![\w.])[-+−]?\.[0-9]+"
    r"|[0-9]+(?:\.[0-9]+)?"
)
"""A number that stands alone, with thousands, a fraction or an exponent; else the digits within what is none."""
_PUNCTUATION = str.maketrans("", "", string.punctuation + "“”‘’„…–—¿¡。、，！？：；「」")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
LETTERS = string.ascii_uppercase
_LETTER = re.compile(r"\b([A-Z])\b")
_FIRST = re.compile(r"\s*\(?([A-Z])(?:[).:,]|\s*$)")
DIGITS = 400
"""Characters that a number may have."""


def normal(text: str, *, case: bool, space: bool, punctuation: bool, articles: bool = False) -> str:
    """The text without what does not count: case, spaces, punctuation, articles; composed letters are always alike."""
    text = unicodedata.normalize("NFC", text)
    text = text.lower() if case else text
    text = text.translate(_PUNCTUATION) if punctuation else text
    text = _ARTICLES.sub(" ", text) if articles else text
    return _SPACE.sub(" ", text).strip() if space else text


def last_number(text: str) -> float | None:
    """The last number in a text, thousands separated by commas or not; None without one that is finite."""
    for found in reversed(_NUMBER.findall(text)):
        value = float(found.replace(",", "").replace("−", "-")) if len(found) <= DIGITS else math.inf
        if math.isfinite(value):
            return value
    return None


def near(value: float, wanted: float, *, absolute: float, relative: float) -> bool:
    """|value - wanted| is at most `absolute`, or at most `relative` times |wanted|, and rounding."""
    rounding = 1e-12 * abs(wanted)
    return abs(value - wanted) <= max(absolute, relative * abs(wanted)) + rounding


def chosen(output: str, choices: Sequence[str]) -> int | None:
    """The place of the choice that an answer names: by its text alone, by its letter, or by the only text in it."""
    plain = [simple(one) for one in choices]
    said = simple(output)
    if said in plain:
        return plain.index(said)
    letters = LETTERS[: len(choices)]
    first = _FIRST.match(output)
    if first and first[1] in letters:
        return letters.index(first[1])
    inside = [place for place, one in enumerate(plain) if one and one in said]
    if len(inside) == 1:
        return inside[0]
    named = {one for one in _LETTER.findall(output) if one in letters}
    return letters.index(named.pop()) if len(named) == 1 else None


def simple(text: str) -> str:
    return normal(text, case=True, space=True, punctuation=True)


def place_of(reference: str, choices: Sequence[str]) -> int | None:
    """The place of the right choice: its text, its letter, or its number from 0."""
    plain = [simple(one) for one in choices]
    if simple(reference) in plain:
        return plain.index(simple(reference))
    if len(reference.strip()) == 1 and reference.strip().upper() in LETTERS[: len(choices)]:
        return LETTERS.index(reference.strip().upper())
    if reference.strip().isascii() and reference.strip().isdigit() and int(reference) < len(choices):
        return int(reference)
    return None
