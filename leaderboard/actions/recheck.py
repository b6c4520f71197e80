"""Whether posted results are what their own samples say. Reads what it is given, and writes nothing.

It finds mistakes and edited numbers; samples that were invented to fit are beyond it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluator.contract import Sample
from leaderboard import chunks
from leaderboard.choices import right_choice
from leaderboard.models import Result

MEANS = frozenset(
    {
        "acc", "acc_bytes", "acc_mutual_info", "acc_norm", "em", "exact_match", "math_verify",
        "prompt_level_loose_acc", "prompt_level_strict_acc", "workload_score",
    }
)  # fmt: skip
"""Metrics whose task score is the mean over items wherever lm-eval 0.4.13 uses them (`aggregation: mean`) ..."""
NO_MEANS = ("tiny", "masakhapos", "lingoly")
"""... but for tasks whose names begin so, which have an aggregation of their own."""
NAMES_GROUPS = 2
"""The edition of the contract from which on samples name the group that they were measured for."""
TOLERANCE = 1e-9
"""Of a score, a double that is summed in another order here. Item scores are float32 on both sides: exactly equal."""


@dataclass
class Verdict:
    """`problem` names the task and both numbers, or is ""; `rechecked` says for each task what was compared."""

    problem: str = ""
    rechecked: dict[str, str] = field(default_factory=dict)


def recheck(results: Sequence[Result], samples: Iterable[Sample]) -> Verdict:
    """Compare the scored ones among `results` with `samples`, a stream in the results' order of items."""
    checks = {result.task.task: TaskCheck(result) for result in results if result.score is not None}
    verdict = Verdict()
    nameless = False
    try:
        for sample in samples:
            check = checks.get(sample.counts_for)
            nameless = nameless or check is None
            if check is not None and not check.problem:
                check.take(sample)
    except chunks.Unreadable as error:
        verdict.problem = str(error)
        return verdict
    for name, check in checks.items():
        if nameless and not check.seen and measured_by_old_worker(check.result):
            verdict.rechecked[name] = "not rechecked: its worker did not say which samples count for this group"
            continue
        verdict.rechecked[name] = check.end()
        if check.problem and not verdict.problem:
            verdict.problem = f"{check.result.task.title}: {check.problem}"
    return verdict


def measured_by_old_worker(result: Result) -> bool:
    """Whether the worker's edition of the contract is from before samples named their group."""
    worker = result.job.worker
    return worker is not None and worker.edition < NAMES_GROUPS


class TaskCheck:
    """One task's comparison, fed sample by sample in constant memory beside the stored result."""

    def __init__(self, result: Result) -> None:
        self.result, self.problem = result, ""
        self.posted = np.frombuffer(result.item_scores, dtype="<f4")
        self.hashes = bytes(result.items.hashes) if result.items else b""
        self.seen, self.choices = 0, 0
        self.parts: dict[str, tuple[int, float]] = {}
        """Items and sum of scores of each leaf task."""
        # Tasks like TruthfulQA's mc2 call something else accuracy: a share of probability.
        self.counts_hits = result.task.metric == "acc" and bool(np.isin(self.posted, (0, 1)).all())

    def take(self, sample: Sample) -> None:
        """Compare the next item."""
        task = self.result.task
        score = sample.scores.get(task.filter, {}).get(task.metric)
        if score is None:
            return  # a document that the metric does not score has no place among the items
        self.seen += 1
        if self.seen > len(self.posted):
            return  # counted to the end, and said there
        posted = self.posted[self.seen - 1]
        hashed = self.hashes[32 * (self.seen - 1) : 32 * self.seen].hex()
        if sample.item_hash != hashed:
            self.problem = (
                f"item {self.seen} of the results is {hashed[:12]}, of the samples {sample.item_hash[:12]!r}."
            )
        elif as_stored(score) != posted:
            self.problem = f"item {self.seen} has the score {posted:.6g} in the results, {score:.6g} in the samples."
        items, total = self.parts.get(sample.task, (0, 0.0))
        self.parts[sample.task] = (items + 1, total + score)
        self.compare_choice(sample, score)

    def compare_choice(self, sample: Sample, score: float) -> None:
        """Whether the likeliest choice is the right one exactly when the item counts as right."""
        right = right_choice(sample) if self.counts_hits else None
        if right is None or self.problem:
            return
        likeliest, target = right
        self.choices += 1
        if (likeliest == target) != (score == 1):
            self.problem = (
                f"item {self.seen} has the accuracy {score:g}, but its likeliest choice is number {likeliest} "
                f"and the right one number {target}, counted from 0."
            )

    def end(self) -> str:
        """Compare the whole; returns what was compared, in words."""
        if not self.problem and self.seen != len(self.posted):
            self.problem = f"the results have {len(self.posted):,} items, the samples {self.seen:,}."
        said = [f"{len(self.posted):,} items"]
        if is_mean(self.result):
            said.append("score")
            self.problem = self.problem or self.other_mean()
        else:
            said.append(f"score not rechecked: {self.result.task.metric} may be another aggregate than the mean")
        if self.choices:
            said.append(f"likeliest choices of {self.choices:,}")
        return "; ".join(said)

    def other_mean(self) -> str:
        """Why the score is no mean of the items, or "". A group's may also be the mean of its parts' means."""
        score = self.result.score
        assert score is not None  # only scored tasks are checked
        items, total = (sum(column) for column in zip(*self.parts.values(), strict=True))
        means = {total / items, sum(part / n for n, part in self.parts.values()) / len(self.parts)}
        if any(abs(score - mean) <= TOLERANCE * max(1.0, abs(mean)) for mean in means):
            return ""
        return f"the score in the results is {score:.10g}, the mean over the samples is {total / items:.10g}."


def is_mean(result: Result) -> bool:
    return result.task.metric in MEANS and not result.task.task.startswith(NO_MEANS)


def as_stored(score: float) -> np.float32:
    """The float32 that the results' item scores were rounded to."""
    with np.errstate(over="ignore"):
        return np.float32(score)
