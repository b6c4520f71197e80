from typing import Any

import pytest

from leaderboard.claims.seed import SEEDS
from leaderboard.claims.terms import BadTerms, read, written

GOOD = {"test": "not_behind", "first": {"kind": "open"}, "second": {}, "margin": 2, "tasks": [
    {"suite": "a@1", "task": "x"}, {"suite": "a@1", "task": "y"}]}  # fmt: skip
COSTS = {"test": "cheaper", "suite": "a@1", "least": 60, "most": 80, "hardware": "H100",
         "price_low": 2, "price_high": 3, "requests": 10}  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.slug)
def test_what_a_site_begins_with_can_be_stored_and_read(seed: Any) -> None:
    assert read(written(seed.terms)) == seed.terms
    assert len({one.slug for one in SEEDS}) == len(SEEDS) == 4


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"test": "magic"}, "Invalid value 'magic'"),
        ({"margin": "two"}, "Expected `float`"),
        ({"margin": float("nan")}, "neither NaN nor infinite"),
        ({"first": {"least_parameters": float("inf")}}, "neither NaN nor infinite"),
        ({"first": {"least_parameters": -1.0}}, "0 or more"),
        ({"second": {"least_parameters": 2e9, "most_parameters": 1e9}}, "the least is not above the most"),
        ({"margin": 100.5}, "margin of 0 to 100"),
        ({"margin": -1}, "margin of 0 to 100"),
        ({"tasks": []}, "at least one task"),
        ({"tasks": [{"suite": "a@1", "task": "x"}, {"suite": "b@1", "task": "y"}]}, "tasks of one suite"),
        ({"colour": "red"}, "unknown field `colour`"),
        ({"first": {"kind": "shut"}}, "Invalid enum value 'shut'"),
        ({"first": None}, "Expected `object`"),
    ],
)
def test_other_terms_are_refused_in_words(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(BadTerms, match=why):
        read(GOOD | changed)


@pytest.mark.parametrize("changed", [{"price_low": 0}, {"price_low": 4}, {"requests": 0}, {"least": 90}, {"most": 100}])
def test_costs_have_sound_numbers(changed: dict[str, Any]) -> None:
    assert read(COSTS)
    with pytest.raises(BadTerms, match="in order"):
        read(COSTS | changed)


@pytest.mark.parametrize("changed", [{"at_least": 0}, {"at_most": -1}, {"at_least": 10**10}])
def test_contexts_are_numbers_of_tokens(changed: dict[str, Any]) -> None:
    good = {"test": "longer_context", "first": {}, "second": {}, "at_least": 10**6, "at_most": 1}
    assert read(good)
    with pytest.raises(BadTerms, match="1 to a billion"):
        read(good | changed)


@pytest.mark.parametrize("value", [None, [], "x", 3, {}])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(BadTerms):
        read(value)
