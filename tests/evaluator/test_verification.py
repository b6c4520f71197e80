"""Whether a measurement was repeated, and what is said where it was not."""

import copy
from typing import Any

import pytest

from evaluator.verification import compare


def report(dtype: str = "float32", items: int = 100) -> dict[str, Any]:
    scores = [float(number % 2) for number in range(items)]
    task = {
        "task": "alpha", "metric": "acc", "filter": "none", "score": 0.5, "stderr": 0.05, "n": items,
        "item_hashes": [f"{number:064x}" for number in range(items)], "item_scores": scores, "unavailable": "",
    }  # fmt: skip
    return {
        "model": "org/m", "revision": "a" * 40, "suite": "tiny@1", "settings": {"dtype": dtype},
        "results": {"alpha": {"acc,none": 0.5}}, "tasks": [task],
        "provenance": {"dtype": f"torch.{dtype}", "versions": {"vllm": "1"}},
    }  # fmt: skip


def flipped(found: dict[str, Any], items: int) -> dict[str, Any]:
    """The same with so many wrong items right, and the numbers that follow."""
    again = copy.deepcopy(found)
    task = again["tasks"][0]
    for number in range(items):
        task["item_scores"][2 * number] = 1.0
    task["score"] = sum(task["item_scores"]) / task["n"]
    again["results"]["alpha"]["acc,none"] = task["score"]
    return again


def said(recorded: dict[str, Any], again: dict[str, Any]) -> list[str]:
    return [one.what for one in compare(recorded, again).differences if one.counts]


def test_the_same_again_is_reproduced() -> None:
    verdict = compare(report(), report())
    assert (verdict.reproduced, verdict.checked, verdict.differences) == (True, 1, [])
    assert "every item" in verdict.tolerance


def test_one_item_is_too_many_in_float32_and_named() -> None:
    [items, score] = said(report(), flipped(report(), 1))
    assert items == "1 of 100 items score differently: 000000000000 (0 there, 1 here)"
    assert score == "score 0.500000 there, 0.510000 here; allowed is 1e-09"


@pytest.mark.parametrize(("items", "reproduced"), [(2, True), (3, False)])
def test_other_precisions_may_flip_some(items: int, reproduced: bool) -> None:
    verdict = compare(report("bfloat16"), flipped(report("bfloat16"), items))
    assert verdict.reproduced is reproduced
    assert any("within the tolerance" in one.what for one in verdict.differences) is reproduced


def test_a_planted_score_is_a_contradiction() -> None:
    planted = report()
    planted["tasks"][0]["score"] = 0.9
    words = said(planted, report())
    assert "the file contradicts itself: lm-eval's table says 0.500000, the task 0.900000" in words
    planted["results"]["alpha"]["acc,none"] = 0.9
    assert "the file contradicts itself: its items' mean is 0.500000, its score 0.900000" in said(planted, report())


def test_other_items_weights_and_tasks_are_told() -> None:
    again = report()
    again["revision"] = "b" * 40
    again["tasks"][0]["item_hashes"][0] = "f" * 64
    again["tasks"].append({**again["tasks"][0], "task": "beta"})
    words = said(report(), again)
    assert words[0].startswith("revision is 'aaaa")
    assert "is missing in the file" in words
    assert "other items: 1 of the file's are not here, 1 here are not in the file" in words


def test_a_missing_score_is_told_with_its_reason() -> None:
    again = report()
    again["tasks"][0] |= {"score": None, "unavailable": "No data."}
    assert said(report(), again) == ["score 0.500000 there; No data. here"]


def test_what_surrounds_a_mismatch_is_noted_and_does_not_count() -> None:
    again = flipped(report(), 1)
    again["provenance"]["versions"] = {"vllm": "2"}
    notes = [one.what for one in compare(report(), again).differences if not one.counts]
    assert notes == ["versions of vllm: '1' there, '2' here"]
    again["provenance"] = {"dtype": "float32", "versions": {str(number): "x" for number in range(9)}}
    notes = [one.what for one in compare(report(), again).differences if not one.counts]
    assert notes[0] == "dtype: 'torch.float32' there, 'float32' here"
    assert notes[1] == "versions of 0: None there, 'x' here" and notes[-1] == "versions of 5 more"
    again = report()
    again["provenance"]["versions"] = {"vllm": "2"}
    assert compare(report(), again).differences == []


def test_nothing_compared_is_nothing_reproduced() -> None:
    empty = {**report(), "tasks": []}
    assert not compare(empty, copy.deepcopy(empty)).reproduced
