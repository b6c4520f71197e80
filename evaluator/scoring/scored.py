"""One answer scored, and whether an item can be scored at all."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from evaluator.scoring import calls, objects, overlap, patterns, programs, texts
from evaluator.scoring.spec import (
    Any_,
    Choice,
    Chrf,
    Contains,
    Exact,
    Json,
    Judge,
    Matches,
    Number,
    Rouge,
    ToolCalls,
    UnitTests,
    needs_reference,
)


class Scored(NamedTuple):
    """A fraction, and what was taken for the answer: None where none of the form asked for is there, `why` says so."""

    score: float
    answer: str | None
    why: str = ""


Run = Callable[[str], str]
"""Runs a program behind a wall: why it did not pass, "" where it did."""
NOT_RUN = "Programs are run by workers, and not here."


def unfit(scoring: Any_, references: Sequence[str], choices: Sequence[str] = ()) -> str:
    """Why an item cannot be scored so, "" where it can."""
    if needs_reference(scoring) and not references:
        return "It has no reference, and this way of scoring needs one."
    if isinstance(scoring, Number) and any(texts.last_number(one) is None for one in references):
        return "Its reference has no number."
    if isinstance(scoring, Choice):
        if len(choices) < 2:
            return "It has no choices; a multiple choice has at least two."
        if any(texts.place_of(one, choices) is None for one in references):
            return "Its reference is none of its choices, and no letter or number of one."
    if isinstance(scoring, Matches) and scoring.each:
        return next((said for one in references if (said := pattern_problem(one))), "")
    if isinstance(scoring, Json) and needs_reference(scoring):
        return next((said for one in references if (said := json_problem(scoring, one))), "")
    if isinstance(scoring, ToolCalls):
        return next((said for one in references if (said := calls_problem(one))), "")
    if isinstance(scoring, UnitTests):
        wrong = next((said for one in references if (said := programs.mistake(one))), "")
        return f"Its reference is no Python that could test anything. {wrong}" if wrong else ""
    return ""


def pattern_problem(pattern: str) -> str:
    try:
        patterns.check(pattern)
    except patterns.BadPattern as error:
        return f"Its reference is no pattern. {error}"
    return ""


def json_problem(scoring: Json, reference: str) -> str:
    try:
        value = objects.read(reference)
    except ValueError:
        return "Its reference is no JSON."
    missing = [field for field in scoring.fields if not objects.at(value, field)[0]]
    return f"Its reference has no field {missing[0][:60]!r}." if missing else ""


def calls_problem(reference: str) -> str:
    try:
        calls.read(reference)
    except calls.NoCalls as error:
        return f"Its reference has no calls of tools. {error}"
    return ""


def score(
    scoring: Any_, output: str, references: Sequence[str], choices: Sequence[str] = (), run: Run | None = None
) -> Scored:
    """How good `output` is, for an item that is not `unfit`. Where programs are scored and none can be `run`, it counts
    nothing and says so."""
    if scoring.extract:
        found = patterns.extracted(scoring.extract, output)
        if found is None:
            return Scored(0.0, None, "What the answer is extracted by is not in it.")
        output = found
    if isinstance(scoring, UnitTests):
        return unit_tests(output, references, run)
    return by_kind(scoring, output, references, choices)


def by_kind(scoring: Any_, output: str, references: Sequence[str], choices: Sequence[str]) -> Scored:
    match scoring:
        case Exact():
            options = {"case": scoring.ignore_case, "space": scoring.ignore_space,
                       "punctuation": scoring.ignore_punctuation, "articles": scoring.ignore_articles}  # fmt: skip
            said = texts.normal(output, **options)
            return Scored(float(any(said == texts.normal(one, **options) for one in references)), output)
        case Contains():
            inside = [plain(one, scoring) in plain(output, scoring) for one in references]
            return Scored(float(all(inside) if scoring.all else any(inside)), output)
        case Matches():
            wanted = references if scoring.each else [scoring.pattern]
            return Scored(float(any(patterns.found(one, output) for one in wanted)), output)
        case Number():
            return number(scoring, output, references)
        case Json():
            return json_value(scoring, output, references)
        case Choice():
            return choice(output, references, choices)
        case Rouge():
            return Scored(max(overlap.rouge(output, one, scoring.variant) for one in references), output)
        case Chrf():
            return Scored(max(overlap.chrf(output, one) for one in references), output)
        case ToolCalls():
            return tool_calls(scoring, output, references)
        case Judge():
            return Scored(1.0, output) if output.strip() else Scored(0.0, None, "It said nothing.")
        case UnitTests():
            return unit_tests(output, references, None)


def plain(text: str, scoring: Contains) -> str:
    return texts.normal(text, case=scoring.ignore_case, space=True, punctuation=False)


def unit_tests(output: str, references: Sequence[str], run: Run | None) -> Scored:
    code = programs.code_in(output)
    if not code:
        return Scored(0.0, None, "There is no program in it.")
    why = run(programs.program(code, references)) if run else NOT_RUN
    return Scored(float(not why), code, why)


def number(scoring: Number, output: str, references: Sequence[str]) -> Scored:
    value = texts.last_number(output)
    if value is None:
        return Scored(0.0, None, "There is no number in it.")
    wanted = [found for one in references if (found := texts.last_number(one)) is not None]
    near = any(texts.near(value, one, absolute=scoring.absolute, relative=scoring.relative) for one in wanted)
    return Scored(float(near), f"{value:.12g}")


def choice(output: str, references: Sequence[str], choices: Sequence[str]) -> Scored:
    place = texts.chosen(output, choices)
    if place is None:
        return Scored(0.0, None, "It names none of the choices, or several.")
    return Scored(float(place in {texts.place_of(one, choices) for one in references}), choices[place])


def tool_calls(scoring: ToolCalls, output: str, references: Sequence[str]) -> Scored:
    wanted = [calls.read(one) for one in references]
    try:
        said = calls.read(output)
    except calls.NoCalls as error:
        if [] in wanted:
            return Scored(1.0, "")
        return Scored(0.0, None, f"It calls no tool. {error}")
    options = {"arguments": scoring.arguments, "ordered": scoring.ordered, "ignore": scoring.ignore}
    differences = [calls.alike(said, one, **options) for one in wanted]  # type: ignore[arg-type]
    written = json.dumps([one._asdict() for one in said], ensure_ascii=False)
    return Scored(1.0, written) if "" in differences else Scored(0.0, written, differences[0])


def json_value(scoring: Json, output: str, references: Sequence[str]) -> Scored:
    try:
        value = objects.read(output)
    except ValueError as error:
        return Scored(0.0, None, f"It is no JSON: {str(error)[:120]}")
    if scoring.schema is not None:
        said = objects.misfit(held_to(msgspec.json.encode(scoring.schema)), value)
        if said:
            return Scored(0.0, None, f"It is not as the schema says. {said}")
    if not needs_reference(scoring):
        return Scored(1.0, output)
    return Scored(max(alike(scoring, value, objects.read(one)) for one in references), output)


@lru_cache(maxsize=64)
def held_to(schema: bytes) -> Any:
    """A schema's validator, made once for all answers."""
    return objects.held_to(msgspec.json.decode(schema))


def alike(scoring: Json, value: Any, wanted: Any) -> float:
    """The share of the fields that are equal, or whether all of it is."""
    if not scoring.fields:
        return float(objects.same(value, wanted))
    equal = [objects.at(value, field)[0] and objects.same(objects.at(value, field)[1], objects.at(wanted, field)[1])
             for field in scoring.fields]  # fmt: skip
    return sum(equal) / len(equal)
