"""What an evaluation at an endpoint is going to take: tokens, dollars and time, and what that is based on."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import msgspec
from django.db.models import Count, Sum

from evaluator.contract import Price, Sampling, SuiteSpec
from leaderboard import run_settings
from leaderboard.models import EndpointUse, Job, Result, Revision, Submission

RUNS = 20
"""So many of the newest runs are learned from."""
PROMPT, ANSWER, THOUGHT = 700, 250, 2_000
"""Tokens of an item where nothing was measured: prompt with its examples, answer, and thinking before it."""


@dataclass(frozen=True)
class Estimate:
    """`dollars` None: nobody knows the price. `seconds` None: nothing to go by. `basis`: in words."""

    requests: int
    input_tokens: int
    output_tokens: int
    dollars: float | None
    seconds: float | None
    basis: str
    measured: bool

    def exceeds(self, tokens: int | None, dollars: float | None) -> bool:
        """Whether a budget is too small for it."""
        return (tokens is not None and self.input_tokens + self.output_tokens > tokens) or (
            dollars is not None and self.dollars is not None and self.dollars > dollars
        )


@dataclass(frozen=True)
class Taken:
    """What one run over a suite's items took, each item asked once."""

    requests: float
    input_tokens: float
    output_tokens: float


def estimate(
    *, submission: Submission, revision: Revision, use: EndpointUse, price: Price | None, seconds: float
) -> Estimate | None:
    """What `submission` will take: by earlier runs of its suite, of this model where there are some, else by the number
    of items and stated assumptions. `seconds`: what one answer took just now. None: nobody knows how many items."""
    sampling = run_settings.sampling_of(submission.settings)
    runs = measured(submission, revision)
    own = [taken for taken, model in runs if model == revision.model_id]
    if own or runs:
        taken = middle(own or [taken for taken, _ in runs])
        basis = f"As measured in {counted(len(own) or len(runs))} of this suite{' by this model' if own else ''}."
        if not own and thinking(sampling):
            taken = Taken(taken.requests, taken.input_tokens, taken.requests * (ANSWER + thinking(sampling)))
    else:
        items = items_of(submission)
        if items is None:
            return None
        answer = ANSWER + thinking(sampling)
        taken = Taken(items, items * PROMPT, items * answer)
        basis = (
            f"Nothing was measured on this suite at an endpoint yet: {items:,} items, assuming {PROMPT:,} tokens in "
            f"and {answer:,} out for each."
        )
    asked = sampling.passes
    tokens = round(taken.input_tokens * asked), round(taken.output_tokens * asked)
    requests = round(taken.requests * asked)
    return Estimate(
        requests=requests, input_tokens=tokens[0], output_tokens=tokens[1], dollars=dollars_of(*tokens, price),
        seconds=requests * seconds / use.concurrency if seconds else None, basis=basis, measured=bool(runs),
    )  # fmt: skip


def counted(runs: int) -> str:
    return "one run" if runs == 1 else f"{runs} runs"


def dollars_of(input_tokens: int, output_tokens: int, price: Price | None) -> float | None:
    if price is None:
        return None
    return (input_tokens * price.input + output_tokens * price.output) / 1e6


def thinking(sampling: Sampling) -> int:
    """Tokens of thought before an answer, as assumed."""
    if sampling.thinking_tokens:
        return sampling.thinking_tokens
    return THOUGHT if sampling.reasoning_effort not in (None, "none") else 0


def measured(submission: Submission, revision: Revision) -> list[tuple[Taken, int]]:
    """What earlier runs of the suite took, and which model each was of; newest first."""
    done = Job.everything.filter(
        kind=Job.Kind.EVALUATION, state=Job.State.DONE, queue="api", submission__suite=submission.suite
    ).exclude(spent={})
    rows = done.order_by("-pk").values_list("spent", "submission__settings", "submission__revision__model")[:RUNS]
    return [(taken_of(spent, settings), model) for spent, settings, model in rows if spent.get("requests")]


def taken_of(spent: dict[str, Any], settings: dict[str, Any]) -> Taken:
    passes = max(1, run_settings.sampling_of(settings).passes)
    return Taken(*(spent.get(name, 0) / passes for name in ("requests", "input_tokens", "output_tokens")))


def middle(runs: Sequence[Taken]) -> Taken:
    """The median of each number."""
    return Taken(
        median(one.requests for one in runs),
        median(one.input_tokens for one in runs),
        median(one.output_tokens for one in runs),
    )


def items_of(submission: Submission) -> int | None:
    """How many items the suite has: as the newest complete evaluation had, else as its tasks are limited to."""
    counted = (
        Result.everything.filter(submission__suite=submission.suite, submission__state=Submission.State.SUCCEEDED)
        .values("submission")
        .annotate(items=Sum("n"), tasks=Count("pk"))
        .order_by("-submission")
        .first()
    )
    if counted and counted["items"]:
        return int(counted["items"])
    suite = msgspec.convert(submission.suite.definition, SuiteSpec)
    limits = [task.limit for task in suite.tasks if task.limit is not None]
    return sum(limits) if len(limits) == len(suite.tasks) else None
