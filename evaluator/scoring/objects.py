"""Answers in JSON: found in what a model said, held to a schema, compared field by field.

Schemas are people's own: references out of them are refused, none is fetched, and their patterns are RE2's.
"""

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import jsonschema
from jsonschema import Draft202012Validator, validators
from referencing import Registry

from evaluator.scoring import patterns

MOST_BYTES, DEPTH = 100_000, 60
STEPS = 200_000
"""Rules that are looked at for one answer: references within a schema may double the work at each of its levels."""
_FENCED = re.compile(r"```(?:json|JSON)?[^\S\n]*\n(.*?)```", re.DOTALL)
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class Work(threading.local):
    """Rules that were looked at so far, for the answer that this thread holds to a schema."""

    steps = 0


_work = Work()


class TooMuch(Exception):
    """A schema asks for more work than any answer is worth."""


class BadSchema(ValueError):
    """No schema that answers can be held to; the message says why, and where."""


def read(text: str) -> Any:
    """The JSON that an answer is, alone or in a fence; raises ValueError."""
    fenced = _FENCED.search(text)
    try:
        return json.loads(fenced[1] if fenced else text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("It is nested too deeply.") from None


def refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON.")


def held_to(schema: dict[str, Any]) -> Draft202012Validator:
    """What tells whether a value is as `schema` says; raises BadSchema."""
    if len(json.dumps(schema)) > MOST_BYTES:
        raise BadSchema(f"It has more than {MOST_BYTES:,} characters.")
    for path, key, value in walk(schema):
        where = "/".join(map(str, (*path, key)))
        if key in REFERENCES and not (isinstance(value, str) and value.startswith("#")):
            raise BadSchema(
                f"{where} refers to {str(value)[:80]!r}. Only references within the schema (#/...) are followed."
            )
        if key in ("$id", "$schema") and path:
            raise BadSchema(f"{where}: only the outermost schema may have it.")
        if key == "pattern" and isinstance(value, str):
            checked(where, value)
        if key == "patternProperties" and isinstance(value, dict):
            for pattern in value:
                checked(where, pattern)
    try:
        Draft202012Validator.check_schema(schema)
    except (jsonschema.SchemaError, RecursionError) as error:
        said = error.message if isinstance(error, jsonschema.SchemaError) else "it is nested too deeply"
        raise BadSchema(f"It is no JSON schema: {said[:200]}.") from None
    return Safe(schema, registry=Registry())  # an empty registry: nothing is fetched


def checked(where: str, pattern: str) -> None:
    try:
        patterns.check(pattern)
    except patterns.BadPattern as error:
        raise BadSchema(f"{where}: {error}") from None


def walk(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str, Any]]:
    """Every member of every object in a schema; raises BadSchema where it is too deep."""
    if len(path) > DEPTH:
        raise BadSchema(f"It is nested more than {DEPTH} deep.")
    if isinstance(value, dict):
        for key, inner in value.items():
            yield path, key, inner
            yield from walk(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from walk(inner, (*path, place))


def pattern_keyword(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if validator.is_type(instance, "string") and not patterns.found(pattern, instance):
        yield jsonschema.ValidationError(f"{instance[:60]!r} does not match {pattern[:60]!r}")


def pattern_properties(validator: Any, rules: Any, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, inner in rules.items():
        for key, value in instance.items():
            if patterns.found(pattern, key):
                yield from validator.descend(value, inner, path=key, schema_path=pattern)


def unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if wanted and validator.is_type(instance, "array") and len({frozen(one) for one in instance}) < len(instance):
        yield jsonschema.ValidationError("it has an element twice")


def frozen(value: Any) -> Any:
    """A value of JSON that is equal to others as `same` says, and has a hash."""
    if isinstance(value, dict):
        return ("object", frozenset((key, frozen(inner)) for key, inner in value.items()))
    if isinstance(value, list):
        return ("list", tuple(map(frozen, value)))
    return (isinstance(value, bool), value)


def counted(rule: Any) -> Any:
    """A rule that counts as work."""

    def counting(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
        _work.steps += 1
        if _work.steps > STEPS:
            raise TooMuch
        yield from rule(validator, value, instance, schema) or ()

    return counting


OWN = {"pattern": pattern_keyword, "patternProperties": pattern_properties, "uniqueItems": unique_items}
RULES = {name: counted(rule) for name, rule in (Draft202012Validator.VALIDATORS | OWN).items()}
Safe: Any = validators.extend(Draft202012Validator, RULES)
"""Python's own regular expressions may be kept busy for ever by a pattern and a text, and so may schemas."""


def misfit(validator: Any, value: Any) -> str:
    """The first thing that is not as the schema says, "" where all is."""
    _work.steps = 0
    try:
        error = next(validator.iter_errors(value), None)
    except TooMuch:
        return f"It takes more than {STEPS:,} steps to hold this answer to the schema."
    except RecursionError:
        return "The schema refers to itself without an end."
    return "" if error is None else f"{error.json_path}: {error.message[:200]}"


def at(value: Any, field: str) -> tuple[bool, Any]:
    """Whether there is a field, such as `address.city` or `items.0.name`, and what is in it."""
    for part in field.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return False, None
    return True, value


def same(first: Any, second: Any) -> bool:
    """Equal as JSON: 1 and 1.0 are, true and 1 are not."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, int | float) and isinstance(second, int | float):
        return first == second
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return type(first) is type(second) and bool(first == second)
