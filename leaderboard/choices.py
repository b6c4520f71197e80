"""Multiple choice as a sample records it: one prompt and one log-likelihood for each choice."""

import re
from dataclasses import dataclass

from evaluator.contract import SEPARATOR, Sample

LIKELIHOOD = re.compile(r"\((-?(?:[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|inf)), (True|False)\)")
"""How the pair (log-likelihood, is_greedy) is written; one without a number is not one."""


@dataclass(frozen=True)
class Choice:
    """A continuation of `context`; `greedy`: the model would have written it by itself."""

    context: str
    text: str
    likelihood: float
    greedy: bool


def choices(sample: Sample) -> list[Choice]:
    """The choices of an item in order; none where the sample is of another kind."""
    found = []
    if len(sample.prompts) != len(sample.responses):
        return []
    for prompt, response in zip(sample.prompts, sample.responses, strict=True):
        context, apart, text = prompt.partition(SEPARATOR)
        pair = LIKELIHOOD.fullmatch(response)
        if not apart or SEPARATOR in text or pair is None:
            return []
        found.append(Choice(context, text, float(pair[1]), pair[2] == "True"))
    return found


def right_choice(sample: Sample) -> tuple[int, int] | None:
    """The numbers of the likeliest and of the right choice, counted from 0; None where the record does not tell.

    It tells when two or more choices, all different, continue one context, and when the target names one of them only:
    by its number or by its text. Of equals the first is the likeliest, as in lm-eval.
    """
    found = choices(sample)
    texts = [choice.text.strip() for choice in found]
    if len(found) < 2 or len({choice.context for choice in found}) > 1 or len(set(texts)) < len(texts):
        return None
    target = sample.target.strip()
    named = {number for number, text in enumerate(texts) if text == target}
    if target.isascii() and target.isdigit() and len(target) < 4 and int(target) < len(texts):
        named.add(int(target))
    if len(named) != 1:
        return None
    likelihoods = [choice.likelihood for choice in found]
    return likelihoods.index(max(likelihoods)), named.pop()
