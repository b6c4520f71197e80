"""How much of a reference an answer has: ROUGE-1, -2 and -L as the package rouge_score computes them (its stemmer
aside), and chrF as sacrebleu does for one sentence. Fractions; tests hold both to their packages."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

_WORDS = re.compile(r"[a-z0-9]+")
ORDER, BETA = 6, 2.0
MOST_WORDS = 2_000
"""Words that are compared of a text."""


def rouge(answer: str, reference: str, variant: str) -> float:
    """F1 of common runs of one or two words, or of the longest common subsequence. Source: Lin 2004."""
    first, second = (_WORDS.findall(text.lower())[:MOST_WORDS] for text in (reference, answer))
    if variant == "rougeL":
        return f_score(longest_common(first, second), len(first), len(second))
    n = {"rouge1": 1, "rouge2": 2}[variant]
    one, other = grams(first, n), grams(second, n)
    return f_score((one & other).total(), one.total(), other.total())


def grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[place : place + n]) for place in range(len(words) - n + 1))


def f_score(common: int, wanted: int, said: int) -> float:
    return 2 * common / (wanted + said) if common else 0.0


def longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest common subsequence, a whole row of its table in one number. Source: Hyyrö 2004."""
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    every = row = (1 << len(first)) - 1
    for word in second:
        met = row & places.get(word, 0)
        row = (row + met | row - met) & every
    return len(first) - row.bit_count()


def chrf(answer: str, reference: str) -> float:
    """F2 of common runs of 1 to 6 characters, spaces left out, over the orders that either text has.
    Source: Popović 2015, with sacrebleu's effective order."""
    said, wanted = ("".join(text.split()) for text in (answer, reference))
    scores = []
    for n in range(1, ORDER + 1):
        one, other = runs(wanted, n), runs(said, n)
        if not one or not other:
            continue
        common = (one & other).total()
        scores.append((common / other.total(), common / one.total()))
    if not scores:
        return 0.0
    precision, recall = (sum(column) / len(scores) for column in zip(*scores, strict=True))
    weighed = BETA**2 * precision + recall
    return (1 + BETA**2) * precision * recall / weighed if weighed else 0.0


def runs(text: str, n: int) -> Counter[str]:
    places: Iterable[int] = range(len(text) - n + 1)
    return Counter(text[place : place + n] for place in places)
