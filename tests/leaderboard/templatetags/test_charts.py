import math
import re

import numpy as np
import pytest
from django.template import Context, Template
from hypothesis import assume, given
from hypothesis import strategies as st

from leaderboard.models import SuiteTask
from leaderboard.queries.columns import Column, Scale, scale
from leaderboard.templatetags import charts
from leaderboard.templatetags.charts import HEIGHT, MARGIN, SHADES, WIDTH, bounds, half_width, hundredfold

scores = st.floats(0, 100)
stderrs = st.floats(0, 50)
scales = st.builds(lambda one, two: scale(min(one, two), max(one, two)), scores, scores)
WHISKER = Template("{% load charts %}{% whisker score stderr kind scale chance=chance width=width %}")
AXIS = Template("{% load charts %}{% axis scale width=width %}")


def numbers(svg: str, *attributes: str) -> list[float]:
    return [float(value) for name in attributes for value in re.findall(rf'\b{name}="(-?[0-9.]+)"', svg)]


@given(
    scores,
    st.none() | stderrs,
    st.sampled_from(["open", "proprietary"]),
    scales,
    st.sampled_from([0.0, 0.25, 1.0]),
    st.sampled_from([WIDTH, 260]),
)
def test_an_error_bar_stays_within_its_box(
    score: float, stderr: float | None, kind: str, scale: Scale, chance: float, width: int
) -> None:
    context = {"score": score, "stderr": stderr, "kind": kind, "scale": scale, "chance": chance, "width": width}
    svg = WHISKER.render(Context(context))
    assert f'viewBox="0 0 {width} {HEIGHT}"' in svg
    across = numbers(svg, "x1", "x2", "cx") + [float(x) for x in re.findall(r"translate\((-?[0-9.]+) ", svg)]
    for path in re.findall(r' d="([^"]+)"', svg):
        across += [float(x) for x in re.findall(r"[MH](-?[0-9.]+)", path)]
    assert across and all(MARGIN <= x <= width - MARGIN for x in across)
    assert all(0 <= y <= HEIGHT for y in numbers(svg, "y1", "y2", "cy"))
    assert ('class="bar"' in svg) == (stderr is not None)
    assert "nan" not in svg and "inf" not in svg


@given(scores, stderrs, scales)
def test_an_error_bar_surrounds_its_score(score: float, stderr: float, scale: Scale) -> None:
    drawn = charts.whisker(score, stderr, "open", scale)
    assert drawn["low"] <= drawn["x"] <= drawn["high"]
    assert drawn["interval"][1] - drawn["interval"][0] == pytest.approx(2 * 1.959964 * stderr, abs=1e-4)


@given(scores, scores, scales)
def test_a_better_score_is_never_drawn_further_left(one: float, two: float, scale: Scale) -> None:
    better, worse = max(one, two), min(one, two)
    assert charts.position(better, scale, WIDTH) >= charts.position(worse, scale, WIDTH)


def test_kinds_differ_by_shape() -> None:
    drawn = [WHISKER.render(Context({"score": 50.0, "stderr": None, "kind": kind, "scale": Scale(), "width": WIDTH}))
             for kind in ("open", "proprietary")]  # fmt: skip
    assert ["<circle" in svg for svg in drawn] == [True, False]
    assert ["<rect" in svg for svg in drawn] == [False, True]
    assert all('aria-label="no interval"' in svg for svg in drawn)


@given(scales)
def test_the_axis_names_the_ticks_that_the_bars_draw(scale: Scale) -> None:
    svg = AXIS.render(Context({"scale": scale, "width": WIDTH}))
    labels = [float(label) for label in re.findall(r">([0-9.]+)</text>", svg)]
    assert labels == [pytest.approx(tick) for tick in scale.ticks]
    drawn = charts.whisker(50.0, None, "open", scale)
    assert numbers(svg, "x1") == [tick.x for tick in drawn["ticks"]]
    assert (numbers(svg, "x1")[0], numbers(svg, "x1")[-1]) == (MARGIN, WIDTH - MARGIN)


def column(low: float | None, high: float | None, higher: bool = True) -> Column:
    return Column(SuiteTask(task="t", higher_is_better=higher), low, high, None)


def heat(one: Column, score: float) -> str:
    [[shade]] = charts.shades([one], np.array([[score]]))
    return shade


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-1, 2), st.booleans())
def test_a_shade_is_always_one_of_ten(one: float, two: float, score: float, higher: bool) -> None:
    shade = heat(column(min(one, two), max(one, two), higher), score)
    assert shade in {f"heat-{number}" for number in range(SHADES)}


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_better_is_never_paler(one: float, two: float, higher: bool) -> None:
    assume(one < two)
    low, high = (int(heat(column(0.1, 0.9, higher), score)[-1]) for score in (one, two))
    assert low <= high if higher else low >= high


@given(st.floats(0, 0.9), st.floats(0, 0.02))
def test_a_column_of_near_equal_scores_does_not_look_like_a_contest(low: float, width: float) -> None:
    shades = [int(heat(column(low, low + width), score)[-1]) for score in (low, low + width)]
    assert shades[1] - shades[0] <= 1


def test_what_was_not_measured_has_no_shade() -> None:
    assert heat(column(None, None), 0.5) == heat(column(0.1, 0.9), math.nan) == ""


def test_cells_are_shaded_by_their_own_columns() -> None:
    columns = [column(0.0, 1.0), column(0.0, 1.0, higher=False), column(None, None)]
    shades = charts.shades(columns, np.array([[0.05, 0.95], [0.05, 0.95], [0.5, 0.5]]))
    assert shades == [["heat-0", "heat-9"], ["heat-9", "heat-0"], ["", ""]]
    assert charts.shades([], np.empty((0, 3))) == []


@given(scores, stderrs)
def test_written_intervals_stay_on_the_scale(score: float, stderr: float) -> None:
    low, high = (float(one) for one in bounds(score, stderr).split("–"))
    assert 0 <= low <= score + 0.05 and score - 0.05 <= high <= 100
    assert float(half_width(stderr)) == pytest.approx(1.959964 * stderr, abs=0.051)


def test_a_missing_error_is_not_written() -> None:
    assert (half_width(None), hundredfold(None), hundredfold(0.5)) == ("", None, 50)
