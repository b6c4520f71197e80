"""Responses at the site: what an attempt leaves for others of its job or submission, and what a job scores anew."""

from typing import Annotated

import msgspec

from evaluator.contract.base import Count, Wire

Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
"""A SHA-256."""

PART_BYTES = 8 * 2**20
"""Of journal lines in a part, before compression; a longer line is a part of its own."""


class Shard(Wire, frozen=True):
    """Which of a submission's requests an attempt asks: shard `index` of `of`, counted from 0, of the requests as
    lm-eval builds them. Shard 0 asks its own first and then what nobody has answered yet, and scores all of them; the
    others leave what they were answered at the site, and score nothing. `job`: the one that is shard 0."""

    index: Count
    of: Count
    job: Count

    @property
    def helps(self) -> bool:
        """Whether another attempt scores what this one is answered."""
        return self.index > 0


class Part(Wire, frozen=True, omit_defaults=True):
    """Whole lines of the journal named `identity`, gzip; `digest` is that of the body as sent, `size` its bytes. `job`:
    which other job of the submission has left it; 0: this one."""

    attempt: Count
    sequence: Count
    identity: Hex
    digest: Hex
    size: Count
    job: Count = 0


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
