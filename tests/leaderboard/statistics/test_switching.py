"""Switching, worked by hand: the bounds decide, and nothing else does."""

import math

import pytest

from leaderboard.statistics.switching import (
    Answer,
    Check,
    Quality,
    decide,
    limit_check,
    more_prompts,
    one_of_check,
    quality_check,
)

# 400 prompts, 1 point worse, paired standard error 0.5: the interval is -1.98 to -0.02.
SEEN = Quality(difference=-1.0, low=-1.98, high=-0.02, stderr=0.5, n=400)


@pytest.mark.parametrize(
    ("margin", "answer"),
    [
        (2.0, Answer.SWITCH),  # -1.98 > -2
        (1.98, Answer.UNKNOWN),  # the bound itself is not enough
        (1.0, Answer.UNKNOWN),
        (0.02, Answer.STAY),  # -0.02 <= -0.02
        (0.0, Answer.STAY),
    ],
)
def test_the_interval_decides_about_quality(margin: float, answer: Answer) -> None:
    found = decide(SEEN, margin)
    assert found.answer == answer
    assert (found.more is None) == (answer != Answer.UNKNOWN)
    assert [one.name for one in found.deciding] == ["quality"]


def test_the_bound_that_decides_is_named() -> None:
    assert "the lower bound is −2.0" in quality_check(SEEN, 2.0).said
    assert "the upper bound is 0.0" in quality_check(SEEN, 0.0).said
    assert quality_check(SEEN, 1.0).said == "The interval still holds −1: −2.0 to 0.0 points at 95 %."


def test_how_many_more_prompts_by_hand() -> None:
    """sd = 0.5 sqrt(400) = 10 points. With a margin of 2 less the difference of 1 there is 1 point to show:
    n = ((1.959964 + 0.841621) 10 / 1)^2 = 784.9, so 785 in all and 385 more. With 1.5 points to show (margin 2.5)
    (28.01585 / 1.5)^2 = 348.8: 400 are more than enough, and at least one more is said."""
    assert more_prompts(SEEN, 2.0) == 385
    assert more_prompts(SEEN, 2.5) == 1
    assert math.isinf(more_prompts(SEEN, 1.0)), "a difference that is the margin itself stays undecided"
    assert more_prompts(SEEN, 0.0) == 385, "as far from the other side"


def test_a_better_model_may_switch_with_no_margin_at_all() -> None:
    assert decide(Quality(3.0, 0.5, 5.5, 1.27, 200), 0.0).answer == Answer.SWITCH
    assert decide(Quality(3.0, 0.0, 6.0, 1.53, 200), 0.0).answer == Answer.UNKNOWN


def context(tokens: float | None) -> Check | None:
    return limit_check("context", tokens, 8_000, most=False, unit="tokens", unknown="Nobody states its context.")


def test_one_thing_that_is_missing_decides_whatever_the_quality() -> None:
    found = decide(SEEN, 2.0, [context(4_096)])
    assert found.answer == Answer.STAY
    assert [(one.name, one.said) for one in found.deciding] == [
        ("context", "4,096 tokens; at least 8,000 was asked for.")
    ]


def test_what_nobody_knows_is_not_yet_known() -> None:
    found = decide(SEEN, 2.0, [context(None), context(131_072), None])
    assert (found.answer, found.more) == (Answer.UNKNOWN, None)
    assert [one.said for one in found.deciding] == ["Nobody states its context."]
    assert decide(SEEN, 0.0, [context(None)]).answer == Answer.STAY, "worse is worse, whatever is not known"


def test_budgets_licences_and_modalities() -> None:
    price = limit_check("cost", 1.25, 1.0, most=True, unit="dollars", unknown="?")
    assert price == Check("cost", False, "1.25 dollars; at most 1 was asked for.")
    assert limit_check("cost", 1.0, None, most=True, unit="dollars", unknown="?") is None
    family = one_of_check("licence", ["permissive"], ["permissive", "copyleft"], every=False, unknown="?")
    assert family is not None and family.holds
    modes = one_of_check("modality", ["text"], ["text", "image"], every=True, unknown="?")
    assert modes == Check("modality", False, "It has text; text, image was asked for.")
    assert one_of_check("licence", [], ["permissive"], every=False, unknown="Nobody says.") == Check(
        "licence", None, "Nobody says."
    )
    assert one_of_check("licence", ["x"], [], every=True, unknown="?") is None


@pytest.mark.parametrize("margin", [-1.0, math.nan, math.inf])
def test_no_margin_that_is_none(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        decide(SEEN, margin)


def test_two_equal_models_without_any_difference() -> None:
    """All answers equal: the interval that so many equal items leave is what decides; nothing is divided by zero."""
    equal = Quality(0.0, -0.95, 0.95, 0.0, 400)
    assert decide(equal, 1.0).answer == Answer.SWITCH
    assert decide(equal, 0.5).more == 1.0
