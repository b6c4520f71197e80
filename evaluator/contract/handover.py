"""Responses that an attempt leaves at the site, for another one of the same job on another host."""

from typing import Annotated

import msgspec

from evaluator.contract.base import Count, Wire

Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
"""A SHA-256."""

PART_BYTES = 8 * 2**20
"""Of journal lines in a part, before compression; a longer line is a part of its own."""


class Part(Wire, frozen=True):
    """Whole lines of the journal named `identity`, gzip; `digest` is that of the body as sent, `size` its bytes."""

    attempt: Count
    sequence: Count
    identity: Hex
    digest: Hex
    size: Count


class Parts(Wire, frozen=True):
    """What earlier attempts of a job have left, in the order in which it was measured."""

    parts: tuple[Part, ...] = ()
