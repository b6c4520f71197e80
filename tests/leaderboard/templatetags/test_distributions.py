import re
from itertools import pairwise

import numpy as np
import pytest

from leaderboard.models import SuiteTask
from leaderboard.queries.spread import Cell, Spread, spread
from leaderboard.templatetags.distributions import histogram, saturated, signed, strip, tenth

TASK = SuiteTask(task="a", title="A", metric="acc", baseline=0.25)


def over(*scores: float, stderr: float | None = 0.01, task: SuiteTask = TASK) -> Spread:
    return spread(task, [Cell("a", f"m{at}", True, score, stderr, 9) for at, score in enumerate(scores)])


def test_few_models_are_dots_in_stacks_and_many_are_columns() -> None:
    # 8 + 0.5 * 404 = 210; the second of two equal scores lies above the first.
    drawn = strip(over(0.5, 0.5, 1.0))
    assert drawn["dots"] == "M210.0 35.8h0M210.0 31.4h0M412.0 35.8h0"
    assert drawn["chance"] == 109.0
    many = strip(over(*[0.5] * 100, *[0.0] * 50))
    columns = re.findall(r"M(\S+) (\S+)V([0-9.]+)", many["dots"])
    assert [column[0] for column in columns] == ["8.0", "210.0"]
    # The highest fills the room, 34 with its round ends; the other is half as high.
    heights = [float(low) - float(high) + 4.4 for _, low, high in columns]
    assert heights == pytest.approx([17, 34], abs=0.11)


def test_nothing_to_draw_is_an_empty_strip() -> None:
    drawn = strip(over(), chance=False)
    assert drawn["dots"] == ""
    assert "at" not in drawn
    assert "chance" not in drawn


def test_the_histogram_fits_its_width_and_sets_the_ends_apart() -> None:
    drawn = histogram([4, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0], 9, "x")
    bars = drawn["bars"]
    assert [(bar.number, bar.height) for bar in bars if bar.number] == [(4, 120.0), (2, 60.0), (1, 30.0)]
    assert [bar.end for bar in bars] == [True, *[False] * 10, True]
    gaps = {round(float(after.x - before.x)) for before, after in pairwise(bars)}
    assert gaps == {38, 62}
    assert bars[-1].x + 34 < drawn["width"]
    assert [label for _, label in drawn["edges"]] == [str(10 * at) for at in range(11)]
    assert histogram([0] * 12, 5)["bars"][0].height == 0


@pytest.mark.parametrize(("place", "words"), [(0, "nobody"), (1, "above 0 to below 10 %"), (11, "everybody")])
def test_columns_in_words(place: int, words: str) -> None:
    assert tenth(place) == words


def test_used_up_in_words() -> None:
    said = {
        "Its results have no standard errors, so nobody can say.": over(0.5, stderr=None),
        "No: none of the best 2 models reaches 100.": over(0.5, 0.6),
        "No: the only model with a standard error does not reach 100.": over(0.5),
        "Yes: the only model with a standard error reaches 100 within the 95 % interval.": over(0.99),
        "Yes: 2 of the best 2 models reach 100 within the 95 % interval.": over(0.99, 1.0),
        "Nearly: 1 of the best 2 models reach 100 within the 95 % interval.": over(0.5, 1.0),
        "In part: 1 of the best 3 models reach 100 within the 95 % interval.": over(0.5, 0.5, 1.0),
        # Only the best ten count.
        "Yes: 10 of the best 10 models reach 100 within the 95 % interval.": over(*[1.0] * 10, *[0.1] * 5),
    }
    assert {text: saturated(one) for text, one in said.items()} == {text: text for text in said}
    lower = SuiteTask(task="a", title="A", metric="brier", higher_is_better=False)
    assert saturated(over(0.0, 0.9, task=lower)).startswith("Nearly: 1 of the best 2")


def test_a_minus_is_a_minus() -> None:
    assert [signed(value) for value in (-0.5, np.float64(0.25))] == ["−0.50", "0.25"]
