"""The samples of a submission as people read them: a page of one task's, or all of them as a stream."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from evaluator.contract import Sample
from leaderboard import chunks
from leaderboard.choices import Choice, choices, right_choice
from leaderboard.models import Result, SampleChunk, Submission
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.queries.hidden import concealed, hidden_tasks
from leaderboard.queries.sample_filters import Wanted, kind, score_of
from leaderboard.queries.sample_lines import chosen, found

ALL = Wanted()
PAGE_SIZE = 20
MOST = 40
"""Choices, prompts, responses of one item on a page; the export has all."""
WITH_SAMPLES = frozenset({Submission.State.SUCCEEDED, Submission.State.QUARANTINED, Submission.State.RETRACTED})
"""Before that no attempt is known to be the last one, and nothing was compared yet. What was quarantined or withdrawn
keeps its samples in the open: they are what a reader judges that by."""


@dataclass(frozen=True)
class Item:
    """A sample as the page shows it; `likeliest` and `target` are numbers of choices where the record tells them."""

    sample: Sample
    score: float | None
    kind: str
    choices: list[Choice]
    context: str
    """What all choices continue; "" where each has its own."""
    likeliest: int | None
    target: int | None


@dataclass(frozen=True)
class Page:
    """Some samples of a task; `counts` says how many there are of each kind, of all samples.

    Where samples are read to know which fit (`wanted.narrow`) there are no numbered pages: `after` samples were passed
    over, `looked` is where this page ends, and `more` says whether there are any behind it. `hidden` says why the
    texts of the task are not shown, if they are not.
    """

    submission: Submission
    results: list[Result]
    result: Result
    items: list[Item]
    counts: dict[str, int]
    wanted: Wanted
    page: int
    problem: str = ""
    after: int = 0
    looked: int = 0
    more: bool = False
    hidden: str = ""

    @property
    def show(self) -> str:
        return self.wanted.show

    @property
    def filters(self) -> list[str]:
        """The filters that the shown samples have scores of."""
        return sorted({name for one in self.items for name in one.sample.scores} | {self.result.task.filter})

    @property
    def count(self) -> int:
        return self.counts[self.show]

    @property
    def pages(self) -> int:
        return max(1, -(-self.count // PAGE_SIZE))

    @property
    def first(self) -> int:
        return min(self.count, (self.page - 1) * PAGE_SIZE + 1)

    @property
    def last(self) -> int:
        return min(self.count, self.page * PAGE_SIZE)


def submission_with_samples(pk: int) -> Submission:
    """Raises Missing, also for one that has not come to samples."""
    row = Submission.objects.select_related("suite", "revision__model").filter(pk=pk).first()
    if row is None:
        raise Missing("submission", f"There is no submission {pk}.")
    if row.state not in WITH_SAMPLES:
        raise Missing("samples", f"Submission {pk} is {row.state}; samples can be read once it has results.")
    return row


def result_of(row: Submission, task: str, results: list[Result]) -> Result:
    """The result of a task; raises Missing."""
    of_task = next((result for result in results if result.task.task == task), None)
    if of_task is None:
        raise Missing("task", f"{row.suite.slug} has no result for a task {task[:80]!r}.")
    return of_task


def results_of(row: Submission) -> list[Result]:
    return list(row.results.select_related("task").order_by("task__position"))


def page(pk: int, task: str, *, wanted: Wanted = ALL, page: int = 1, after: int = 0) -> Page:
    """One page of a task's samples; raises BadQuery, Missing. Reads no further than the page's end."""
    row = submission_with_samples(pk)
    results = results_of(row)
    result = result_of(row, task, results)
    kept = [chunk for chunk in chunks.kept(row) if task in chunk.tasks or not chunk.tasks]
    counts, hidden = counts_of(result, kept), hidden_tasks().get(task, "")
    if hidden and wanted.text:
        raise BadQuery("q", f"The texts of this task are not shown: {hidden}")
    try:
        if wanted.narrow:
            samples, looked, more = found(result, kept, wanted, after, PAGE_SIZE)
            if wanted.item and not samples and not more:
                raise Missing("item", f"Submission {pk} has no sample of this item of {task}.")
            listed = [item(sample, result, wanted.filter) for sample in samples]
            return Page(row, results, result, listed, counts, wanted, 1, "", after, looked, more, hidden)
        pages = max(1, -(-counts[wanted.show] // PAGE_SIZE))
        if not 1 <= page <= pages:
            raise Missing("page", f"There is no page {page}; there are {pages}.")
        skip = (page - 1) * PAGE_SIZE
        listed = [item(sample, result) for sample in islice(chosen(result, kept, wanted.show, skip), PAGE_SIZE)]
    except chunks.Unreadable as error:
        return Page(row, results, result, [], counts, wanted, page, problem=str(error), hidden=hidden)
    return Page(row, results, result, listed, counts, wanted, page, hidden=hidden)


def item(sample: Sample, result: Result, name: str = "") -> Item:
    """A sample with what the page says about it, by a filter, "" for the task's own."""
    options = choices(sample)
    contexts = {choice.context for choice in options}
    likeliest, target = right_choice(sample) or (None, None)
    return Item(
        sample=sample, score=score_of(sample, result, name), kind=kind(sample, result, name), choices=options,
        context=contexts.pop() if len(contexts) == 1 else "", likeliest=likeliest, target=target,
    )  # fmt: skip


def counts_of(result: Result, kept: list[SampleChunk]) -> dict[str, int]:
    """How many samples a task has: all of them, those with full score, and the other scored ones."""
    scores = np.frombuffer(result.item_scores, dtype="<f4")
    right = int((scores >= 1).sum())
    total = sum(chunk.tasks.get(result.task.task, 0) for chunk in kept)
    return {"all": total or (result.n if kept else 0), "right": right, "wrong": len(scores) - right}


def export(pk: int, task: str = "") -> Iterator[Sample]:
    """All samples of a submission, or of one task, as a stream, hidden ones without texts; raises Missing before it
    begins."""
    row = submission_with_samples(pk)
    if task:
        result_of(row, task, results_of(row))
    kept = [chunk for chunk in chunks.kept(row) if not task or task in chunk.tasks or not chunk.tasks]
    return (sample for sample in concealed(chunks.stored(kept)) if not task or sample.counts_for == task)
