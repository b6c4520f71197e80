"""Reads the answer out of what a model wrote: a letter, a number, one of a few words, a list of words, brackets. Pure.

Prompts of `evaluator.engines.core` ask for a last line "Answer: X". Models also write **Answer:** X, \\boxed{X},
#### X, "the answer is X" behind a dozen lines of thought, or X alone. What is read is compared by the caller. None:
nothing readable is there, or more than one answer; that is counted apart from wrong answers.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

THOUGHT = "</think>"
MARK = re.compile(r"(?:####|\banswer\s*(?:is\b\s*:?|:|=|-(?=\s)|\n))[ \t]*(?P<said>[^\n]*)", re.IGNORECASE)
BOXED = re.compile(r"\\boxed\s*\{(?P<said>(?:[^{}]|\{[^{}]*\})*)\}")
WRAPPED = re.compile(r"\\(?:text|textbf|mathrm|mathbf|boxed)\s*\{([^{}]*)\}")
DECORATION = re.compile(r"\*+|`+|\\[()\[\],!;]|\$|^#+ (?=\D)", re.MULTILINE)
NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[-+]?\.\d+")
LETTER = re.compile(r"[(\[{]?\s*(?P<letter>[A-Za-z])\s*(?P<rest>$|[)\]}.:,;\s].*)", re.DOTALL)
BEFORE_LETTER = re.compile(r"^(?:(?:the|correct|right|option|choice|letter)\s+)+", re.IGNORECASE)
NAMED = re.compile(r"\b(?:option|choice)(?:\s+is)?\s*:?\s*\(?([A-Z])\)?(?![\w'])", re.IGNORECASE)
ANOTHER = re.compile(r"^[)\]}.:,;\s]*(?:or|and|/|&)\s*[(\[]?[A-Z]\b", re.IGNORECASE)
BRACKETS = "[](){}<>"


def letter(text: str, options: Mapping[str, str]) -> str | None:
    """The letter that a text chooses among `options`: capital letters and their texts, which a model may repeat."""
    for said in marked(text):
        chosen = named_letter(said, options)
        if chosen is not None:
            return chosen
    lines = [line.strip() for line in cleaned(text).splitlines() if line.strip()]
    for line in dict.fromkeys([*lines[-1:], *lines[:1]]):
        if re.match(r"[(\[]?[A-Z](?:[)\].:]|$)", line):  # "B", "B) Paris", but not "A city"
            chosen = named_letter(line, options)
            if chosen is not None:
                return chosen
    named = {one.upper() for one in NAMED.findall(lines[-1] if lines else "")} & set(options)
    return named.pop() if len(named) == 1 else None


def named_letter(said: str, options: Mapping[str, str]) -> str | None:
    """The option that an answer names by its letter, or by its whole text."""
    bare = BEFORE_LETTER.sub("", said)
    by_text = [one for one, option in options.items() if spelled(option) == spelled(bare) != ""]
    if len(by_text) == 1:
        return by_text[0]
    found = LETTER.match(bare)
    if found is None or ANOTHER.match(found["rest"]):
        return None
    name = found["letter"].upper()
    return name if name in options else None


def spelled(text: str) -> str:
    """A text without case, spare spaces and a full stop."""
    return " ".join(text.split()).rstrip(".").casefold()


def number(text: str) -> str | None:
    """The number that a text arrives at, in plain digits ("$1,234.50" is "1234.5"); without a mark, the last line's."""
    for said in marked(text):
        found = NUMBER.findall(said.rpartition("=")[2])
        if found:
            return plain(found[0])
    found = NUMBER.findall(last_line(text))
    return plain(found[-1]) if found else None


def plain(digits: str) -> str:
    """One spelling for equal numbers."""
    value = Decimal(digits.replace(",", ""))
    return f"{value.normalize():f}" if value else "0"


def word(text: str, known: Iterable[str]) -> str | None:
    """The only one of a few words that the answer says, in lower case; behind a "not" it says none of them."""
    wanted = {one.casefold() for one in known}
    for said in [*marked(text), last_line(text)]:
        spoken = re.findall(r"[a-z']+", said.casefold())
        places = [place for place, one in enumerate(spoken) if one in wanted]
        if places:
            clear = len({spoken[place] for place in places}) == 1 and "not" not in spoken[: places[0]]
            return spoken[places[0]] if clear else None
    return None


def words(text: str) -> str | None:
    """The words of a marked answer in lower case with a space between them, however they are separated or numbered."""
    for said in marked(text, paragraph=True):
        parts = re.split(r"[\s,;]+|->", re.sub(r"(?m)^\s*(?:\d+[.)]|[-•])\s+", "", said.casefold()))
        found = [part for part in (one.strip(".:'\"[]()") for one in parts) if part]
        if found:
            return " ".join(found)
    return None


def brackets(text: str) -> str | None:
    """The brackets of the answer, with a space between them."""
    for said in [*marked(text), last_line(text)]:
        found = [one for one in said if one in BRACKETS]
        if found:
            return " ".join(found)
    return None


def marked(text: str, *, paragraph: bool = False) -> list[str]:
    """What stands behind each mark of an answer and in each box, the last first: a line, or the whole paragraph."""
    body = cleaned(text)
    found = [(one.start(), unwrapped(one["said"])) for one in BOXED.finditer(body)]
    for mark in MARK.finditer(body):
        behind = body[mark.start("said") :].lstrip()
        said = behind.partition("\n\n" if paragraph else "\n")[0]
        found.append((mark.start(), unwrapped(said)))
    return [said for _, said in sorted(found, reverse=True) if said]


def cleaned(text: str) -> str:
    """A text without what was thought aloud before it, and without emphasis and the marks of formulas."""
    body = text.rpartition(THOUGHT)[2].replace("−", "-").replace("{,}", ",")
    return DECORATION.sub("", body)


def unwrapped(said: str) -> str:
    """\\boxed{\\text{B}} as B."""
    while (plainer := WRAPPED.sub(r"\1", said)) != said:
        said = plainer
    return said.strip()


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in cleaned(text).splitlines() if line.strip()]
    return lines[-1] if lines else ""
