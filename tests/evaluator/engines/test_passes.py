"""Several passes as one result: item scores are means over passes, and errors hold what other draws would change."""

import math
import statistics
from typing import Any

import numpy as np
import pytest

from evaluator.engines.passes import error, together
from leaderboard.statistics.errors import repeated_error

DRAWS = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [1, 1, 0]])
"""Of 5 items in 3 passes, whether the answer was right."""


def run(task_scores: dict[str, list[float]], *, group: str = "") -> dict[str, Any]:
    """What lm-eval returns of one pass."""
    rows: dict[str, Any] = {}
    for task, scores in task_scores.items():
        rows[task] = {
            "alias": task,
            "exact_match,answer": statistics.fmean(scores),
            "exact_match_stderr,answer": error([scores]),
            "odd,answer": 7.0,
            "odd_stderr,answer": "N/A",
        }
    groups = {}
    if group:
        parts = list(task_scores.values())
        every = [score for part in parts for score in part]
        groups[group] = {
            "exact_match,answer": statistics.fmean(every), "exact_match_stderr,answer": error(parts),
        }  # fmt: skip
    samples = {
        task: [
            {
                "doc_id": number, "filter": "answer", "metrics": ["exact_match", "pair"], "exact_match": score,
                "pair": [score], "resps": [[f"said {score}"]], "filtered_resps": [str(score)],
            }
            for number, score in enumerate(scores)
        ]
        for task, scores in task_scores.items()
    }  # fmt: skip
    return {"results": rows | groups, "groups": groups, "samples": samples, "versions": {"t": 1}}


def test_one_pass_stays_as_it_is() -> None:
    only = run({"t": [1.0, 0.0]})
    assert together([only], {"t": ["t"]}) is only


def test_items_are_means_and_the_error_is_that_of_a_sampled_run() -> None:
    found = together([run({"t": list(map(float, column))}) for column in DRAWS.T], {"t": ["t"]})
    known = repeated_error(DRAWS)
    row = found["results"]["t"]
    assert row["exact_match,answer"] == pytest.approx(known.mean)
    assert row["exact_match_stderr,answer"] == pytest.approx(known.stderr)
    assert known.within > 0
    # Fifteen answers are not fifteen items.
    naive = DRAWS.std(ddof=1) / math.sqrt(DRAWS.size)
    assert row["exact_match_stderr,answer"] > naive
    items = found["samples"]["t"]
    assert [item["exact_match"] for item in items] == pytest.approx(DRAWS.mean(axis=1))
    assert items[0]["resps"] == [["said 1.0", "said 0.0", "said 1.0"]]
    assert items[0]["filtered_resps"] == ["1.0", "0.0", "1.0"]
    assert row["odd_stderr,answer"] == "N/A" and row["alias"] == "t" and found["versions"] == {"t": 1}


def test_a_group_is_pooled_over_its_parts() -> None:
    passes = [
        run({"a": [1.0, 0.0, 1.0], "b": [0.0, 0.0, 1.0, 1.0]}, group="g"),
        run({"a": [1.0, 1.0, 0.0], "b": [0.0, 1.0, 1.0, 1.0]}, group="g"),
    ]
    found = together(passes, {"g": ["a", "b"]})
    expected = error([[1.0, 0.5, 0.5], [0.0, 0.5, 1.0, 1.0]])
    assert found["groups"]["g"]["exact_match_stderr,answer"] == pytest.approx(expected)
    assert found["results"]["g"] == found["groups"]["g"]


def test_an_error_of_another_kind_is_the_passes_mean() -> None:
    passes = [run({"t": [1.0, 0.0, 1.0]}), run({"t": [1.0, 1.0, 0.0]})]
    for one, bootstrapped in zip(passes, (0.4, 0.2), strict=True):
        one["results"]["t"]["exact_match_stderr,answer"] = bootstrapped
    row = together(passes, {"t": ["t"]})["results"]["t"]
    assert row["exact_match_stderr,answer"] == pytest.approx(0.3)


def test_one_item_has_no_error() -> None:
    assert error([[1.0]]) is None
