"""The schema's examples are what they are examples of: each is held to the schema of its own operation."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from leaderboard.api.examples import EXAMPLES
from leaderboard.api.schema import CHECKED_IN

DOCUMENT = json.loads(CHECKED_IN.read_text())
REGISTRY: Registry[Any] = Registry().with_resource("openapi", Resource(DOCUMENT, DRAFT202012))
JSON = {"application/json", "application/x-ndjson", "application/problem+json"}
Media = tuple[str, dict[str, Any]]


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def bodies() -> Iterator[Media]:
    """Every JSON body of the schema that has a shape, by a name to read."""
    for name, operation in operations():
        for kind, media in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name}, request, {kind}", media
        for status, response in operation["responses"].items():
            for kind, media in response.get("content", {}).items():
                if kind in JSON:
                    yield f"{name}, {status}, {kind}", media


BODIES = dict(bodies())


def local(schema: Any) -> Any:
    """The schema with references that are found from outside the document."""
    if isinstance(schema, dict):
        return {key: f"openapi{value}" if key == "$ref" else local(value) for key, value in schema.items()}
    return [local(one) for one in schema] if isinstance(schema, list) else schema


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def unknown(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Members that the schema does not name, which it would let pass."""
    schema = resolved(schema)
    for one in [*schema.get("oneOf", []), *schema.get("allOf", [])]:
        if resolved(one).get("type") != "null":
            yield from unknown(value, one, path)
    if isinstance(value, dict) and "properties" in schema:
        for key, inner in value.items():
            if key not in schema["properties"]:
                yield f"{path}.{key}"
            else:
                yield from unknown(inner, schema["properties"][key], f"{path}.{key}")
    if isinstance(value, list) and "items" in schema:
        for place, inner in enumerate(value):
            yield from unknown(inner, schema["items"], f"{path}[{place}]")


@pytest.mark.parametrize("name", BODIES)
def test_every_body_has_examples_of_its_own_shape(name: str) -> None:
    media = BODIES[name]
    assert media.get("examples"), f"{name} has no example in examples.json"
    validator = Draft202012Validator(local(media["schema"]), registry=REGISTRY, format_checker=FormatChecker())
    for title, example in media["examples"].items():
        problems = [f"{title}: {error.json_path} {error.message}" for error in validator.iter_errors(example["value"])]
        assert problems == []
        assert list(unknown(example["value"], media["schema"])) == []


def test_an_example_that_is_none_is_found() -> None:
    schema = BODIES["post /api/v1/webhooks/, request, application/json"]["schema"]
    validator = Draft202012Validator(local(schema), registry=REGISTRY)
    assert [error.json_path for error in validator.iter_errors({"url": 1})] == ["$.url"]
    assert list(unknown({"url": "x", "colour": "red"}, schema)) == [".colour"]


def test_examples_are_of_operations_that_are_there() -> None:
    assert set(EXAMPLES["operations"]) <= {operation["operationId"] for _, operation in operations()}
    statuses = {status for _, operation in operations() for status in operation["responses"]}
    assert set(EXAMPLES["problems"]) <= statuses
    assert all(int(status) == one["status"] for status, one in EXAMPLES["problems"].items())


def test_a_too_long_address_is_documented() -> None:
    assert all("414" in operation["responses"] for _, operation in operations())
