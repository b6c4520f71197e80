"""IFEval's own judgement of answers, by lm-eval's code, without the network and the same in every run.

That code downloads nltk's punkt_tab as it is imported; the items that need it are not asked (`items.NEEDS_NLTK`), so
nothing is downloaded here. It guesses languages with langdetect, which draws lots unless it is given a seed.
"""

import importlib
from typing import Any
from unittest.mock import patch

import langdetect
import nltk

with patch.object(nltk, "download", return_value=False):
    ifeval = importlib.import_module("lm_eval.tasks.ifeval.utils")

langdetect.DetectorFactory.seed = 0


def judged(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Whether every instruction of the prompt was followed, strictly and loosely."""
    found = ifeval.process_results(doc, results)
    return {name: float(found[name]) for name in ("prompt_level_strict_acc", "prompt_level_loose_acc")}
