"""What scoring log-likelihoods computed, and what it saved; the words that both engines' ways of sharing have."""

from collections.abc import Callable
from dataclasses import dataclass

Answer = tuple[float, bool]
"""Log-likelihood (natural logarithm) of a continuation, and whether greedy decoding would give it."""
Progress = Callable[[float], None]
"""Takes the share (0 to 1) that is done."""


@dataclass
class Work:
    """What was computed, in tokens and requests.

    `asked`: of prompts as lm-eval would send them. `computed`: what went through the model. `cached`: what the cache
    gave. `fallbacks`: requests that had to be sent again, lm-eval's way. `truncated`: requests that were too long.
    """

    requests: int = 0
    asked: int = 0
    computed: int = 0
    cached: int = 0
    fallbacks: int = 0
    truncated: int = 0


def part_of(progress: Progress, done: int, size: int, total: int) -> Progress:
    """The progress of `size` tokens out of `total`, after `done` of them."""
    return lambda share: progress((done + size * share) / max(total, 1))
