"""RULER's items at one length, by lm-eval's makers: the same ones whenever the tokenizer is the same.

lm-eval draws them from generators that nobody seeds when a task is built, makes 500 of each kind whatever is asked, and
runs code that a tokenizer's repository brings along.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import datasets
import numpy as np
from lm_eval.tasks.ruler import common_utils, cwe_utils, fwe_utils, niah_utils, vt_utils
from transformers import AutoTokenizer

SEED = 42
"""As in lm-eval's files."""

Items = dict[str, datasets.Dataset]
MAKERS: dict[str, Callable[..., Items]] = {
    "niah_single_1": niah_utils.niah_single_1,
    "niah_multikey_2": niah_utils.niah_multikey_2,
    "niah_multikey_3": niah_utils.niah_multikey_3,
    "ruler_vt": vt_utils.get_vt_dataset,
    "ruler_cwe": cwe_utils.get_cw_dataset,
    "ruler_fwe": fwe_utils.fwe_download,
}
COUNTED = {
    niah_utils: "generate_samples",
    vt_utils: "sys_vartrack_w_noise_random",
    cwe_utils: "sys_word_pair_random",
    fwe_utils: "sys_kwext",
}
"""Where the makers say how many."""


def items(*, part: str, length: int, items: int, tokenizer: str, **_: Any) -> Items:
    """The first `items` of a part's items, `length` tokens long with room for the answer; `tokenizer`: a folder."""
    random.seed(SEED)
    np.random.seed(SEED)  # the generator that lm-eval draws from
    cwe_utils.RNG.seed(SEED)
    with mended(items):
        return MAKERS[part](tokenizer=tokenizer, max_seq_lengths=[length])


@contextmanager
def mended(many: int) -> Iterator[None]:
    """The makers stop after `many`, and load tokenizers without running a repository's own code, which lm-eval does."""
    patches = [patch.object(module, name, counted(getattr(module, name), many)) for module, name in COUNTED.items()]
    patches += [patch.object(module, "get_tokenizer", tokenizer_in) for module in COUNTED]
    with ExitStack() as stack:
        for one in patches:
            stack.enter_context(one)
        yield


def tokenizer_in(folder: str) -> Any:
    """The tokenizer in a model's folder."""
    return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


def counted(make: Callable[..., list[Any]], many: int) -> Callable[..., list[Any]]:
    def made(*arguments: Any, num_samples: int = 500, **named: Any) -> list[Any]:
        return make(*arguments, num_samples=min(num_samples, many), **named)

    return made


def judged(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """The share of what was asked for that the answer has, under the length as its metric's name."""
    length = str(doc["max_length"])
    return {length: common_utils.process_results(doc, results)[length]}
