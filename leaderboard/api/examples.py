"""The schema's examples, from examples.json: real replies of a site, shortened. A test holds each to its own schema.

`operations` has by operation its `request` and its `response`, or several of either under a name each; `problems` has
what is wrong by status.
"""

import json
from pathlib import Path
from typing import Any

from drf_spectacular.utils import OpenApiExample

EXAMPLES: dict[str, Any] = json.loads((Path(__file__).parent / "examples.json").read_text(encoding="utf-8"))


def of(operation: str) -> list[OpenApiExample]:
    """The examples of one operation, by its ID."""
    kept = EXAMPLES["operations"].get(operation, {})
    return [
        OpenApiExample(
            one["name"], value=one["value"], media_type=one.get("media_type", "application/json"),
            request_only=direction == "request", response_only=direction == "response", status_codes=["200", "201"],
        )
        for direction in ("request", "response")
        for one in kept.get(direction, [])
    ]  # fmt: skip


def problem(status: str) -> dict[str, Any]:
    """As a response has them: {name: {value}}; {} where there is none for this status."""
    found = EXAMPLES["problems"].get(status)
    return {found["code"].replace("_", " ").capitalize(): {"value": found}} if found else {}
