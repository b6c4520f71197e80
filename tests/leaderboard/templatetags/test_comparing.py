import math

import pytest

from leaderboard.templatetags.comparing import more_words, p_value, signed, signed_tick


@pytest.mark.parametrize(
    ("points", "said"), [(1.24, "+1.2"), (-0.3, "−0.3"), (0.0, "0.0"), (-0.04, "0.0"), (-0.05000001, "−0.1")]
)
def test_differences_have_a_sign_unless_they_are_printed_as_0(points: float, said: str) -> None:
    assert signed(points) == said


@pytest.mark.parametrize(
    ("p", "said"), [(0.0, "p < 0.001"), (0.0129, "p = 0.013"), (0.43, "p = 0.43"), (1.0, "p = 1.00")]
)
def test_p_values_are_not_printed_more_exactly_than_they_matter(p: float, said: str) -> None:
    assert p_value(p) == said


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (29, "about 29 more"), (487, "about 490 more"), (12_936, "about 13,000 more"), (5e6, "no feasible number"),
        (math.inf, "equal so far"),
    ],
)  # fmt: skip
def test_more_items_are_said_no_more_exactly_than_known(items: float, said: str) -> None:
    assert more_words(items).startswith(said)


def test_ticks_around_0() -> None:
    assert [signed_tick(value) for value in (-2.0, 0.0, 2.0)] == ["−2", "0", "+2"]
