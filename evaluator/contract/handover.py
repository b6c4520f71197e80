"""Responses at the site: what an attempt leaves for another one of its job, and what a job scores anew."""

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


class Replies(Wire, frozen=True):
    """The samples of submission `submission` on `suite`, whose responses are scored anew: no model is asked.

    `digests`: of its chunks as they are stored, in order. `max_length`: the context that it was run with, in tokens.
    """

    submission: Count
    suite: str
    digests: tuple[Hex, ...]
    max_length: int | None = None
