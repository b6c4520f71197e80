"""What building a task depends on beside its files: seeds, the model's window, and words for what cannot be built."""

import random
from pathlib import Path

import langdetect
import numpy as np

from evaluator import run
from evaluator.model_facts import context_length, parse_json

ABSENT = ("couldn't reach", "doesn't exist on the hub", "couldn't find", "offline", "connection")
"""What the library says of a data set that is not to be had."""


def seed(python: int, array: int) -> None:
    """Before each task: some draw as they are built (GPQA the order of its choices), and its items must not depend on
    the run, nor on which tasks came before. IFEval's langdetect draws lots as it judges, unless it has a seed."""
    random.seed(python)
    np.random.seed(array)  # the generator that lm-eval's tasks draw from
    langdetect.DetectorFactory.seed = 0


def window_of(spec: run.RunSpec) -> int | None:
    """The most tokens of a text that the model can read here; None where nothing says."""
    config = Path(spec.model_path) / "config.json"
    declared = context_length(parse_json(config.read_bytes(), str(config))) if config.is_file() else None
    return spec.settings.max_length or declared


def why_missing(error: Exception) -> str:
    """Why a task cannot be built, in a sentence: gated and absent data in plain words, anything else as it was said."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
    lower = said.lower()
    if "gated" in lower:
        return (
            f"Its data is gated: whoever asks has to agree to its terms on the Hub, and an evaluation has no "
            f"token. Put a copy that you may use into a folder of PARITY_HUB_MIRROR. ({said})"
        )
    if any(words in lower for words in ABSENT):
        return f"Its data is in none of this host's mirrors, and the Hub does not give it. ({said})"
    return f"Its data or code could not be loaded: {said}"
