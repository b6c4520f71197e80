"""What the column `Submission.settings` holds: a contract.Settings, and of an endpoint also how it is asked.

    {"engine": "endpoint", ..., "protocol": "openai-chat", "sampling": {"temperature": 0.0, ...}}

All of it counts for whether two submissions are the same.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from evaluator.contract import Protocol, Sampling, Settings, canonical_json, spelled

ASKED = frozenset({"protocol", "sampling"})
"""Keys that only endpoints have."""


def of_endpoint(protocol: Protocol, sampling: Sampling) -> dict[str, Any]:
    """The column of a submission of an endpoint; sampling in full, so that it says what was not sent too."""
    return {
        **spelled(Settings(engine="endpoint")),
        "protocol": protocol,
        "sampling": msgspec.structs.asdict(sampling),
    }


def engine_settings(column: Mapping[str, Any]) -> Settings:
    """The contract's part; raises msgspec.ValidationError for what this version does not know."""
    return msgspec.convert({key: value for key, value in column.items() if key not in ASKED}, Settings)


def sampling_of(column: Mapping[str, Any]) -> Sampling:
    """How an endpoint is asked; raises msgspec.ValidationError."""
    return msgspec.convert(column.get("sampling", {}), Sampling)


def digest(column: Mapping[str, Any]) -> str:
    """SHA-256 (hex), equal for equal settings; without an endpoint the same as contract.settings_digest."""
    return hashlib.sha256(canonical_json(column)).hexdigest()
