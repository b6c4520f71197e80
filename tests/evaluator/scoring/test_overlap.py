"""ROUGE and chrF against the packages that define them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import sentence_chrf

from evaluator.scoring.overlap import chrf, longest_common, rouge

WORDS = st.lists(st.sampled_from(["the", "cat", "sat", "on", "mat", "a", "Dog", "ran.", "x1"]), max_size=25).map(
    " ".join
)
VARIANTS = ["rouge1", "rouge2", "rougeL"]
SCORER = RougeScorer(VARIANTS, use_stemmer=False)


def test_rouge_by_hand() -> None:
    """ "the cat sat" against "the cat on the mat": two of 3 and 5 words in common, and one of 2 and 4 pairs."""
    assert rouge("the cat sat", "the cat on the mat", "rouge1") == pytest.approx(2 * 2 / 8)
    assert rouge("the cat sat", "the cat on the mat", "rouge2") == pytest.approx(2 * 1 / 6)
    assert longest_common("abcbdab", "bdcaba") == 4


@given(WORDS, WORDS)
def test_rouge_is_the_packages(answer: str, reference: str) -> None:
    theirs = SCORER.score(reference, answer)
    for variant in VARIANTS:
        assert rouge(answer, reference, variant) == pytest.approx(theirs[variant].fmeasure)


@given(WORDS | st.text(alphabet="abc é你\n", max_size=40), WORDS | st.text(alphabet="abc é你\n", max_size=40))
def test_chrf_is_sacrebleus(answer: str, reference: str) -> None:
    assert chrf(answer, reference) == pytest.approx(sentence_chrf(answer, [reference]).score / 100, abs=1e-6)


@given(st.text(min_size=1, max_size=50).filter(lambda text: bool(text.strip())))
def test_a_text_is_itself(text: str) -> None:
    assert chrf(text, text) == pytest.approx(1.0)
