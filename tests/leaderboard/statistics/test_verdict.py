import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from leaderboard.statistics.mcnemar import mcnemar, score_statistic, tango
from leaderboard.statistics.paired import Answers, DifferentItems, paired_difference
from leaderboard.statistics.verdict import Comparison, Word, compare, compare_suites, family, tost, verdict

ITEMS = "a" * 64


def answers(scores: object) -> Answers:
    return Answers(ITEMS, np.asarray(scores, dtype=float))


def zero_one(both: int, first: int, second: int, neither: int) -> tuple[Answers, Answers]:
    a = [1] * both + [1] * first + [0] * second + [0] * neither
    b = [1] * both + [0] * first + [1] * second + [0] * neither
    return answers(a), answers(b)


@pytest.mark.parametrize(
    ("table", "margin", "word"),
    [
        ((500, 80, 30, 390), 0.02, Word.BETTER),
        ((500, 30, 80, 390), 0.02, Word.WORSE),
        ((500, 20, 20, 460), 0.02, Word.EQUIVALENT),
        ((500, 20, 20, 460), 0.005, Word.UNDECIDED),
        ((50, 5, 4, 41), 0.02, Word.UNDECIDED),
        # Sure and small at once: what is sure is named.
        ((50_000, 700, 500, 48_800), 0.02, Word.BETTER),
        # Copies: equivalent where there are items enough to say so, and never on a handful.
        ((500, 0, 0, 500), 0.02, Word.EQUIVALENT),
        ((5, 0, 0, 5), 0.02, Word.UNDECIDED),
    ],
)
def test_words_for_right_or_wrong_items(table: tuple[int, int, int, int], margin: float, word: Word) -> None:
    found = verdict(*zero_one(*table), margin=margin)
    assert found.word == word
    assert found.comparison.method == "McNemar"


def test_the_numbers_that_led_to_a_word() -> None:
    found = compare(*zero_one(500, 80, 30, 390), margin=0.02)
    assert (found.n, found.wins, found.losses, found.margin, found.alpha) == (1000, 80, 30, 0.02, 0.05)
    assert found.difference == pytest.approx(0.05)
    assert (found.low, found.high) == pytest.approx(tango(80, 30, 1000))
    assert found.p_unequal == pytest.approx(mcnemar(80, 30))


@settings(max_examples=50)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 300), st.floats(0, 0.2))
def test_equivalent_is_the_inner_interval_within_the_margin(b: int, c: int, same: int, margin: float) -> None:
    """TOST at alpha = 5 % and the 90 % interval are one decision."""
    if b + c + same < 2:
        return
    found = compare(*zero_one(same, b, c, 0), margin=margin)
    low, high = tango(b, c, b + c + same, level=0.9)
    if min(abs(low + margin), abs(high - margin)) > 1e-9:
        assert (found.p_equivalent <= 0.05) == (-margin < low and high < margin)


@settings(max_examples=60)
@given(st.integers(2, 80), st.integers(0, 2**32 - 1), st.booleans(), st.floats(0, 0.3))
def test_turning_the_pair_turns_the_word(n: int, seed: int, whole: bool, margin: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.random((2, n))
    a, b = (answers(np.round(x) if whole else x), answers(np.round(y) if whole else y))
    one, other = verdict(a, b, margin=margin), verdict(b, a, margin=margin)
    turned = {Word.BETTER: Word.WORSE, Word.WORSE: Word.BETTER}
    # A bootstrap p-value has its own noise; it decides alike wherever it is not at the edge.
    if whole or min(abs(one.p_unequal - 0.05), abs(one.p_equivalent - 0.05)) > 0.02:
        assert other.word == turned.get(one.word, one.word)
    assert (one.word == Word.BETTER) <= (one.comparison.difference > 0)
    c = one.comparison
    assert c.low <= c.difference + 1e-9 and c.difference - 1e-9 <= c.high
    assert 0 <= c.p_unequal <= 1 and 0 <= c.p_equivalent <= 1


def test_tost_is_statsmodels() -> None:
    rng = np.random.default_rng(1)
    for shift, margin in ((0.0, 0.05), (0.02, 0.05), (0.3, 0.1)):
        a, b = rng.random(80) + shift, rng.random(80)
        expected = ttost_paired(a, b, -margin, margin)[0]
        assert tost(paired_difference(a, b), margin) == pytest.approx(expected)


def test_the_method_follows_the_scores() -> None:
    rng = np.random.default_rng(2)

    def method(n: int, **more: object) -> str:
        return compare(answers(rng.random(n)), answers(rng.random(n)), margin=0.02, **more).method  # type: ignore[arg-type]

    assert method(20) == "t"
    assert method(200) == "bootstrap"
    assert method(3000) == "t"
    assert method(200, clusters=np.arange(200) // 4) == "clustered t"
    a, b = zero_one(100, 20, 5, 75)
    assert compare(a, b, margin=0.02, clusters=np.arange(200) // 4).method == "clustered t"
    assert compare(answers([0.3] * 9), answers([0.3] * 9), margin=0.02).method == "all equal"


def test_the_methods_agree_where_they_overlap() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.beta(2, 2, 1999), rng.beta(2, 2, 1999)
    drawn = compare(answers(x), answers(y), margin=0.02)
    whole = compare(answers(x), answers(y), margin=0.02, clusters=np.arange(1999))
    assert (drawn.method, whole.method) == ("bootstrap", "clustered t")
    assert (drawn.low, drawn.high) == pytest.approx((whole.low, whole.high), abs=0.03 * (whole.high - whole.low))
    assert drawn.p_unequal == pytest.approx(whole.p_unequal, abs=0.02)
    assert drawn.p_equivalent == pytest.approx(whole.p_equivalent, abs=0.02)


def test_equal_answers_are_worth_their_number() -> None:
    """Copies on scores that are not 0 or 1 are as sure as copies on 0 and 1."""
    for n in (10, 100, 1000):
        graded = compare(answers([0.3] * n), answers([0.3] * n), margin=0.02)
        whole = compare(*zero_one(n, 0, 0, 0), margin=0.02)
        assert (graded.low, graded.high) == pytest.approx((whole.low, whole.high))
        assert graded.p_equivalent == pytest.approx(whole.p_equivalent)
        assert graded.p_unequal == 1
    apart = compare(answers([0.8] * 8), answers([0.3] * 8), margin=0.02)
    assert apart.p_unequal == pytest.approx(2 / 2**8) and apart.p_equivalent == 1
    assert apart.low < 0.5 < apart.high
    # Clusters are the units then: three passages are three.
    few = compare(answers([0.3] * 300), answers([0.3] * 300), margin=0.02, clusters=[0, 1, 2] * 100)
    assert few.p_equivalent > 0.05


def test_other_items_and_impossible_input_are_refused() -> None:
    a = answers([1, 0, 1])
    with pytest.raises(DifferentItems):
        verdict(a, Answers("b" * 64, [1, 0, 1]), margin=0.02)
    with pytest.raises(DifferentItems):
        compare_suites([(a, Answers("b" * 64, [1, 0, 1]))], margin=0.02)
    for margin in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match="margin"):
            verdict(a, a, margin=margin)
    with pytest.raises(ValueError, match="alpha"):
        verdict(a, a, margin=0.1, alpha=0.5)
    with pytest.raises(ValueError, match="fractions"):
        verdict(answers([70, 80]), answers([60, 10]), margin=0.1)
    with pytest.raises(ValueError, match="at least 2"):
        verdict(answers([1]), answers([0]), margin=0.1)
    with pytest.raises(ValueError, match="at least one task"):
        compare_suites([], margin=0.1)


def test_nothing_is_as_far_apart_as_a_whole_margin() -> None:
    assert compare(*zero_one(10, 3, 1, 0), margin=1.0).p_equivalent == 0
    assert compare(answers([0.3] * 9), answers([0.3] * 9), margin=1.0).p_equivalent == 0
    assert compare(*zero_one(10, 3, 1, 0), margin=0.0).p_equivalent >= 0.5


def test_suites_are_compared_task_by_task() -> None:
    rng = np.random.default_rng(4)
    tasks = [zero_one(200, 60, 20, 100), zero_one(50, 10, 10, 40)]
    found = compare_suites(tasks, margin=0.02)
    assert found.difference == pytest.approx((40 / 380 + 0) / 2)
    assert (found.n, found.wins, found.losses, found.method) == (490, 70, 30, "suite t")
    assert family([found])[0].word == Word.BETTER
    halved = compare_suites(tasks, margin=0.02, weights=[0.25, 0.25])
    assert (halved.difference, halved.p_unequal) == pytest.approx((found.difference / 2, found.p_unequal))
    wide = compare_suites(tasks, margin=0.02, clusters=[np.repeat(np.arange(38), 10), None])
    assert wide.difference == pytest.approx(found.difference) and wide.stderr > found.stderr
    shuffled = [(Answers(ITEMS, rng.permutation(a.scores)), b) for a, b in tasks]
    assert compare_suites(shuffled, margin=0.02).stderr > found.stderr


def comparison(p_unequal: float, p_equivalent: float, difference: float = 0.01) -> Comparison:
    return Comparison(100, 6, 5, difference, 0.01, -0.01, 0.03, p_unequal, p_equivalent, 0.02, 0.05, "McNemar")


def test_a_family_asks_for_more_than_a_single_comparison() -> None:
    alone = family([comparison(0.04, 0.9)])[0]
    assert (alone.word, alone.p_unequal) == (Word.BETTER, 0.04)
    both = family([comparison(0.04, 0.9), comparison(0.9, 0.04)])
    assert [one.word for one in both] == [Word.UNDECIDED, Word.UNDECIDED]
    assert both[0].p_unequal == pytest.approx(0.08) and both[1].p_equivalent == pytest.approx(0.08)
    sure = family([comparison(0.001, 0.9, -0.01), comparison(0.9, 0.001), comparison(0.5, 0.5)])
    assert [one.word for one in sure] == [Word.WORSE, Word.EQUIVALENT, Word.UNDECIDED]
    assert family([]) == []


def test_words_are_wrong_no_more_often_than_promised() -> None:
    """Families of 10 pairs: half of them truly equal, half exactly the margin apart, the worst case of both tests."""
    rng, margin, n, runs = np.random.default_rng(5), 0.1, 400, 500
    equal = rng.multinomial(n, [0.1, 0.1, 0.8], (runs, 5))
    apart = rng.multinomial(n, [0.15, 0.05, 0.8], (runs, 5))
    won, lost, _ = np.moveaxis(np.concatenate([equal, apart], axis=1), -1, 0)
    p_unequal = mcnemar(won, lost)
    above, below = score_statistic(won, lost, n, -margin), score_statistic(won, lost, n, margin)
    p_equivalent = stats.norm.cdf(np.maximum(-above, below))
    wrong = []
    for run in range(runs):
        rows = zip(p_unequal[run], p_equivalent[run], (won - lost)[run] / n, strict=True)
        words = [one.word for one in family([comparison(*row) for row in rows])]
        lies = [word in (Word.BETTER, Word.WORSE) for word in words[:5]]
        wrong.append(any(lies) or Word.EQUIVALENT in words[5:] or Word.WORSE in words[5:])
    assert 0.01 < np.mean(wrong) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


def test_single_words_keep_their_level() -> None:
    """Equal models, each way of testing: about one word in twenty is a false better or worse."""
    rng, sure = np.random.default_rng(6), (Word.BETTER, Word.WORSE)
    for n, runs, whole in ((30, 600, False), (100, 60, False), (300, 300, True)):
        x = rng.beta(2, 1, (2, runs, n))
        x = np.round(x) if whole else x
        words = [
            verdict(answers(a), answers(b), margin=0.05, seed=run).word
            for run, (a, b) in enumerate(zip(*x, strict=True))
        ]
        assert sum(word in sure for word in words) <= stats.binom.ppf(0.999, runs, 0.055)
