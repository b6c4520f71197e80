"""Whether an engine failed because memory ran out: engines say it in many ways, and some only in their log."""

import torch

WORDS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "no available memory for the cache blocks",
    "larger than the available kv cache memory",
    "less than desired gpu memory utilization",
    "less than desired cpu memory utilization",
    "less than requested memory for kv",
)
"""Of torch (CUDA and CPU) and of vLLM 0.32, in small letters."""
ELSEWHERE = ("root cause", "root cause above")
"""In vLLM's error where one of its own processes failed: what happened is in the log before it."""


class OutOfMemory(Exception):
    """The engine does not fit into this host's memory by its plan."""


def ran_out(error: BaseException, log: str) -> bool:
    """Whether `error` comes of a lack of memory; `log` is the newest of what the engine printed."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error).lower()
    if any(word in said for word in ELSEWHERE):
        said += log.lower()
    return any(word in said for word in WORDS)
