"""Several passes over the same items as one result: what a model that draws its answers scores, and how surely. Pure.

Each pass is a whole call of lm-eval (its own repeats end in `take_first`, which discards all answers but the first).
An item's score is the mean over its passes. The standard error of the mean over items of these item scores, computed as
for any scores, holds both what other items would change and what other draws would: an item's mean over k passes varies
by Var(item) + E[sigma_i^2] / k, and that is what the spread of the item scores estimates. n x k answers are never
taken for n k items. Source: Miller 2024, "Adding Error Bars to Evals" (arXiv 2411.00640), sections 2 and 3.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Results = dict[str, Any]
"""What lm-eval's `simple_evaluate` returns."""
Row = Mapping[str, Any]


def together(runs: Sequence[Results], leaves: Mapping[str, Sequence[str]]) -> Results:
    """One result of several passes over the same items; of one pass, that pass as it is.

    `leaves` names the tasks that each row of the table is made of, itself for a task without parts. Rows are the means
    over the passes. Standard errors that lm-eval computed from the spread of item scores are computed anew from the
    item scores over all passes; of any other metric the passes' mean is taken, which is never too small.
    """
    if len(runs) == 1:
        return runs[0]
    samples = {task: joined([run["samples"][task] for run in runs]) for task in runs[0]["samples"]}
    table = {**runs[0]["results"], **runs[0].get("groups", {})}
    rows = {name: mean_row([{**run["results"], **run.get("groups", {})}[name] for run in runs]) for name in table}
    for name, parts in leaves.items():
        for key in [key for key in rows.get(name, {}) if "_stderr," in key]:
            metric, filter_ = key.replace("_stderr,", ",").split(",", 1)
            before = error([scores_of(runs[0]["samples"][part], metric, filter_) for part in parts])
            if before is not None and isinstance(table[name][key], float) and math.isclose(before, table[name][key]):
                rows[name][key] = error([scores_of(samples[part], metric, filter_) for part in parts])
    groups = {name: rows[name] for name in runs[0].get("groups", {})}
    return {
        **runs[0],
        "results": {name: rows[name] for name in runs[0]["results"]},
        "groups": groups,
        "samples": samples,
    }


def joined(passes: Sequence[Iterable[Row]]) -> list[dict[str, Any]]:
    """The samples of one task: every response of every pass, and the means of the metrics that are numbers."""
    found: dict[tuple[int, str], list[Row]] = {}
    for samples in passes:
        for sample in samples:
            found.setdefault((sample["doc_id"], sample["filter"]), []).append(sample)
    return [joined_sample(same) for same in found.values()]


def joined_sample(same: Sequence[Row]) -> dict[str, Any]:
    """One document under one filter, over its passes."""
    first = same[0]
    means = {name: statistics.fmean(one[name] for one in same) for name in first["metrics"] if is_number(first[name])}
    responses = [[text for one in same for text in one["resps"][part]] for part in range(len(first["resps"]))]
    answers = [answer for one in same for answer in one["filtered_resps"]]
    return {**first, **means, "resps": responses, "filtered_resps": answers}


def mean_row(rows: Sequence[Row]) -> dict[str, Any]:
    """lm-eval's rows of one task, number by number."""
    return {
        key: statistics.fmean(row[key] for row in rows) if "," in key and is_number(value) else value
        for key, value in rows[0].items()
    }


def scores_of(samples: Iterable[Row], metric: str, filter_: str) -> list[float]:
    """One metric's item scores under a filter."""
    return [
        float(sample[metric])
        for sample in samples
        if sample["filter"] == filter_ and metric in sample["metrics"] and is_number(sample[metric])
    ]


def error(parts: Sequence[Sequence[float]]) -> float | None:
    """The standard error of the mean over all items of a task's parts, as lm-eval pools it; None for fewer than two
    items in a part.

    sqrt(sum (n_i - 1) n_i s_i^2 / (sum n_i - parts) / sum n_i) with s_i the standard error of part i; of one part that
    is s_1. Source: `pooled_sample_stderr` and `mean_stderr` of lm-eval 0.4.13.
    """
    if any(len(part) < 2 for part in parts):
        return None
    total = sum(len(part) for part in parts)
    pooled = sum((len(part) - 1) * statistics.variance(part) for part in parts) / (total - len(parts))
    return math.sqrt(pooled / total)


def is_number(value: Any) -> bool:
    """Whether it is a finite number, a truth value included, of Python or numpy."""
    return (isinstance(value, bool | int | float) or hasattr(value, "__float__")) and math.isfinite(float(value))
