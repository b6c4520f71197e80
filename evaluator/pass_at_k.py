"""pass@k: the chance that at least one of k answers to a problem passes its tests. Pure."""

from math import comb


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """The unbiased estimate from `samples` answers of which `passed` passed: 1 - C(n - c, k) / C(n, k).

    Source: Chen et al., "Evaluating Large Language Models Trained on Code", arXiv 2107.03374, equation 1. Whole numbers
    all the way, so that nothing overflows or cancels. Raises ValueError where k answers cannot be drawn.
    """
    if not (0 <= passed <= samples and 1 <= k <= samples):
        raise ValueError(f"pass@{k} of {samples} answers, {passed} of them passed, is not defined.")
    return 1 - comb(samples - passed, k) / comb(samples, k)
