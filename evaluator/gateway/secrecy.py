"""Keeping the API key out of every text that leaves the gateway. An endpoint may send it back, by mistake or not."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

MASK = "[key]"
SHORTEST = 8
"""Shorter keys are no secrets but fillers such as EMPTY, which models say too."""


class Mask:
    """Replaces the key, plain, percent-encoded or in base64. Shows nothing of it."""

    def __init__(self, key: str) -> None:
        secret = len(key) >= SHORTEST
        spellings = [key, quote(key, safe=""), base64.b64encode(key.encode()).decode().rstrip("=")] if secret else []
        self._spellings = tuple(dict.fromkeys(spellings))

    def text(self, text: str) -> str:
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it masked, names too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        return value
