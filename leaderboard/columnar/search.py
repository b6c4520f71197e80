"""The search language: `license:apache size:<10 qwen -merge "exact words"`.

A search is a list of terms that must all hold. A bare word is looked for in the model's name, or a revision begins with
it. `field:text` holds where a fact's value contains the text; `field:<10`, `>=7`, `7..70`, `=7` compare numbers in the
fact's unit (sizes in billions, context in thousands) and dates (2025-01-31, 2025-01 or 2025). `-` before a term turns
it round. There are no patterns, so no search can be slow.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from leaderboard.columnar.facts import BY_NAME, Fact

MAX_LENGTH, MAX_TERMS = 500, 20
TOLD = 12
"""Tasks that are named to whoever asked for a field that is none; a board may have hundreds."""

TERM = re.compile(r'(-?)(?:([A-Za-z_][\w.-]*):)?(?:"([^"]*)"|(\S+))')
NUMBER = r"-?\d{1,18}(?:\.\d{1,18})?"
DAY = r"\d{4}(?:-\d{2}(?:-\d{2})?)?"
COMPARED = re.compile(rf"(<=|>=|<|>|=)?({DAY}|{NUMBER})", re.ASCII)
BETWEEN = re.compile(rf"({DAY}|{NUMBER})\.\.({DAY}|{NUMBER})", re.ASCII)


class BadSearch(ValueError):
    """A search that does not make sense; the message says which part and what would."""


@dataclass(frozen=True)
class Word:
    """Rows whose model's name contains `text`, or whose revision begins with it."""

    text: str
    negated: bool = False


@dataclass(frozen=True)
class Value:
    """Rows whose `fact`, or task, has a value that contains `text` (lower case)."""

    fact: str
    text: str
    negated: bool = False


@dataclass(frozen=True)
class Range:
    """Rows whose number lies in [low, high), or (low, high] and so on as `ends` says ("[)")."""

    fact: str
    low: float
    high: float
    ends: str
    negated: bool = False


Term = Word | Value | Range


def parse(text: str, tasks: Mapping[str, float]) -> tuple[Term, ...]:
    """The terms of a search; `tasks` are the board's, which can be compared too (`gsm8k:>50`), with their units.

    Raises BadSearch.
    """
    if len(text) > MAX_LENGTH:
        raise BadSearch(f"A search has at most {MAX_LENGTH} characters.")
    if "\x00" in text:
        raise BadSearch("A search cannot hold the character NUL.")
    terms: list[Term] = []
    for found in TERM.finditer(text):
        minus, name, quoted, bare = found.groups()
        body = bare if quoted is None else quoted
        terms.append(term(name, body, bool(minus), quoted is not None, tasks))
    if len(terms) > MAX_TERMS:
        raise BadSearch(f"A search has at most {MAX_TERMS} terms.")
    return tuple(terms)


def term(name: str | None, body: str, negated: bool, quoted: bool, tasks: Mapping[str, float]) -> Term:
    if name is None:
        return Word(body.lower(), negated)
    if name in tasks:
        return compared(name, body, tasks[name], negated, f"score:{name}", dates=False)
    fact = BY_NAME.get(name.lower())
    if fact is None:
        if quoted or "/" in body:
            return Word(f"{name}:{body}".lower(), negated)
        raise BadSearch(f"There is no field {name[:40]!r}. Fields: {', '.join(fields())}{listed(tasks)}.")
    if fact.kind in {"choice", "flag"}:
        return Value(fact.name, body.lower(), negated)
    return compared(name, body, fact.unit, negated, fact.name, dates=fact.kind == "date")


def listed(tasks: Iterable[str]) -> str:
    """The tasks of a board as the end of a list of fields: another suite's are the likeliest mistake."""
    names = list(tasks)
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return f"; tasks: {', '.join(names[:TOLD])}{more}" if names else ""


def fields() -> list[str]:
    """One name of each fact: the alias where there is one, as it is shorter."""
    return [fact.aliases[0] if fact.aliases else fact.name for fact in unique()]


def unique() -> list[Fact]:
    return list(dict.fromkeys(BY_NAME.values()))


def compared(name: str, body: str, unit: float, negated: bool, column: str, *, dates: bool) -> Range:
    """A comparison of numbers or dates; raises BadSearch."""
    example = f"{name}:>=2025-01" if dates else f"{name}:<10 or {name}:7..70"
    problem = BadSearch(f"{name} is a {'date' if dates else 'number'}: write {example}, not {body[:40]!r}.")
    span = BETWEEN.fullmatch(body)
    if span:
        low, high = (bounds(part, unit, dates, problem) for part in span.groups())
        return Range(column, low[0], high[1], "[)" if dates else "[]", negated)
    single = COMPARED.fullmatch(body)
    if single is None:
        raise problem
    first, after = bounds(single[2], unit, dates, problem)
    infinity = float("inf")
    match single[1] or "=":
        case "<":
            return Range(column, -infinity, first, "[)", negated)
        case "<=":
            return Range(column, -infinity, after, "[)" if dates else "[]", negated)
        case ">":
            return Range(column, after, infinity, "[]" if dates else "(]", negated)
        case ">=":
            return Range(column, first, infinity, "[]", negated)
        case _:
            return Range(column, first, after, "[)" if dates else "[]", negated)


def bounds(text: str, unit: float, dates: bool, problem: BadSearch) -> tuple[float, float]:
    """A number twice, or a date, month or year as its first day and the day after its last; raises `problem`."""
    if not dates:
        exact = float(Decimal(text) * Decimal(str(unit)))  # 70 % of a task is 0.7, as it is stored
        return exact, exact
    try:
        year, month, day = [*map(int, text.split("-")), 0, 0][:3]
        first = date(year, month or 1, day or 1)
        if day:
            after = date.fromordinal(first.toordinal() + 1)
        else:
            after = date(year + (month in {0, 12}), month % 12 + 1 if month else 1, 1)
    except (ValueError, OverflowError):
        raise problem from None
    epoch = date(1970, 1, 1).toordinal()
    return float(first.toordinal() - epoch), float(after.toordinal() - epoch)
