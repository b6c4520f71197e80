"""Texts from outside as PostgreSQL can hold them: it refuses NUL and lone surrogates in any text, and so in JSON."""

from typing import Any

SHOWN_NUL = "␀"


def newest(text: str, limit: int) -> str:
    """The last `limit` characters of a log or message, storable."""
    return str(storable(text[-limit:]))


def storable(value: Any) -> Any:
    """`value` with NUL shown as ␀ and lone surrogates escaped, in every text inside, keys of mappings included."""
    if isinstance(value, str):
        return value.replace("\x00", SHOWN_NUL).encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    return value
