"""Whether a measurement could be repeated: two reports of the same evaluation, and in words what differs. Pure.

The tolerance follows from the precision. In float32 batches do not change greedy texts, and log-likelihoods move by
less than decides anything: every item has to score the same, and scores agree to 1e-9. In other precisions single items
may flip, so a task may have `NOISY_SHARE` of its items differ, and its score may move by as much.
"""

import math
import statistics
from dataclasses import dataclass, field
from typing import Any

EXACT = 1e-9
NOISY_SHARE = 0.02
SHOWN = 5
EXACT_TYPES = frozenset({"float32"})
AROUND = (
    *("engine", "path", "dtype", "max_length", "batch_invariant", "tokenizer_sha", "chat_template_sha", "plan"),
    *("engine_arguments", "generation", "seeds", "task_versions", "task_yaml_sha", "task_hashes", "dataset_digests"),
    *("versions", "python", "hardware"),
)
"""What provenance says that may explain a difference."""


@dataclass(frozen=True)
class Difference:
    """`task` is "" for what concerns all of it. `counts`: it is a mismatch; else it only helps to explain one."""

    task: str
    what: str
    counts: bool = True


@dataclass
class Verdict:
    """`checked`: tasks that were compared."""

    tolerance: str
    checked: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def reproduced(self) -> bool:
        return self.checked > 0 and not any(one.counts for one in self.differences)

    def add(self, task: str, what: str, *, counts: bool = True) -> None:
        self.differences.append(Difference(task, what, counts))


def tolerance_of(report: dict[str, Any]) -> tuple[float, str]:
    """The share of items that may differ, and in words."""
    dtype = str(report.get("provenance", {}).get("dtype") or report["settings"]["dtype"]).removeprefix("torch.")
    if dtype in EXACT_TYPES:
        return 0.0, f"{dtype}: every item scores the same, scores agree to {EXACT:g}"
    return NOISY_SHARE, f"{dtype}: at most {NOISY_SHARE:.0%} of a task's items may differ, and its score by as much"


def compare(recorded: dict[str, Any], again: dict[str, Any]) -> Verdict:
    """What the recorded report claims against what came out when it was run again."""
    share, words = tolerance_of(recorded)
    verdict = Verdict(words)
    for name in ("model", "revision", "base", "suite", "settings"):
        if recorded.get(name) != again.get(name):
            verdict.add("", f"{name} is {recorded.get(name)!r} there and {again.get(name)!r} here")
    told = {task["task"]: task for task in recorded["tasks"]}
    found = {task["task"]: task for task in again["tasks"]}
    for name in told.keys() | found.keys():
        if name not in told or name not in found:
            verdict.add(name, "is only in the file" if name in told else "is missing in the file")
    for name in [name for name in told if name in found]:
        verdict.checked += 1
        contradictions(verdict, name, told[name], recorded)
        task_differences(verdict, name, told[name], found[name], share)
    if any(one.counts for one in verdict.differences):
        surroundings(verdict, recorded.get("provenance", {}), again.get("provenance", {}))
    return verdict


def contradictions(verdict: Verdict, name: str, told: dict[str, Any], report: dict[str, Any]) -> None:
    """Where the file disagrees with itself: nobody needs a run to see that it was changed."""
    scores = told.get("item_scores") or []
    if told["score"] is None:
        return
    row = report.get("results", {}).get(name, {})
    printed = row.get(f"{told['metric']},{told['filter']}")
    if isinstance(printed, int | float) and not math.isclose(printed, told["score"], abs_tol=EXACT):
        verdict.add(
            name, f"the file contradicts itself: lm-eval's table says {printed:.6f}, the task {told['score']:.6f}"
        )
    if told["n"] != len(scores):
        verdict.add(name, f"the file contradicts itself: n is {told['n']}, and it has {len(scores)} items")
    if isinstance(printed, int | float) and scores and math.isclose(printed, told["score"], abs_tol=EXACT):
        mean = statistics.fmean(scores)
        if averaged(told) and not math.isclose(mean, told["score"], abs_tol=1e-6):
            verdict.add(
                name, f"the file contradicts itself: its items' mean is {mean:.6f}, its score {told['score']:.6f}"
            )


def averaged(task: dict[str, Any]) -> bool:
    """Whether the score is the mean of its items; some metrics (f1, mcc, perplexity) are no means."""
    return task["metric"] in {"acc", "acc_norm", "exact_match"} or task["metric"].endswith("_acc")


def task_differences(verdict: Verdict, name: str, told: dict[str, Any], found: dict[str, Any], share: float) -> None:
    """One task: items, then their scores, then the numbers."""
    if told["score"] is None or found["score"] is None:
        if (told["score"] is None) != (found["score"] is None):
            reasons = [one.get("unavailable") or f"score {one['score']:.6f}" for one in (told, found)]
            verdict.add(name, f"{reasons[0]} there; {reasons[1]} here")
        return
    before = dict(zip(told["item_hashes"], told["item_scores"], strict=False))
    after = dict(zip(found["item_hashes"], found["item_scores"], strict=False))
    if set(before) != set(after):
        lost, new = len(set(before) - set(after)), len(set(after) - set(before))
        verdict.add(name, f"other items: {lost} of the file's are not here, {new} here are not in the file")
    flips = [item for item in before if item in after and not math.isclose(before[item], after[item], abs_tol=1e-6)]
    if len(flips) > share * len(before):
        some = ", ".join(f"{item[:12]} ({before[item]:g} there, {after[item]:g} here)" for item in flips[:SHOWN])
        more = f", and {len(flips) - SHOWN} more" if len(flips) > SHOWN else ""
        verdict.add(name, f"{len(flips)} of {len(before)} items score differently: {some}{more}")
    elif flips:
        verdict.add(name, f"{len(flips)} of {len(before)} items score differently, within the tolerance", counts=False)
    allowed = share + EXACT
    for what in ("score", "stderr"):
        a, b = told[what], found[what]
        if (a is None) != (b is None) or (a is not None and abs(a - b) > allowed):
            verdict.add(name, f"{what} {number(a)} there, {number(b)} here; allowed is {max(share, EXACT):g}")


def surroundings(verdict: Verdict, there: dict[str, Any], here: dict[str, Any]) -> None:
    """What differs around the two runs, as far as it may explain a mismatch; of what is told by task or package, the
    first `SHOWN` that differ."""
    for name in AROUND:
        before, after = there.get(name), here.get(name)
        if before == after:
            continue
        if not (isinstance(before, dict) and isinstance(after, dict)):
            verdict.add("", f"{name}: {before!r} there, {after!r} here", counts=False)
            continue
        differing = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
        for key in differing[:SHOWN]:
            verdict.add("", f"{name} of {key}: {before.get(key)!r} there, {after.get(key)!r} here", counts=False)
        if len(differing) > SHOWN:
            verdict.add("", f"{name} of {len(differing) - SHOWN} more", counts=False)


def number(value: float | None) -> str:
    return "none" if value is None else f"{value:.6f}"
