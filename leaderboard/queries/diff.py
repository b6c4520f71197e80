"""Two evaluations item by item: what the second one lost and gained, with both outputs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluator.contract import Sample
from leaderboard import chunks
from leaderboard.models import Result, Submission, Suite, SuiteTask
from leaderboard.queries.compare import Against, Compared, compare
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.queries.hidden import concealed, hidden_tasks
from leaderboard.queries.measured import ID, Measured
from leaderboard.queries.numbered import Numbered, begin_of
from leaderboard.queries.pairing import Pairing, needed
from leaderboard.queries.samples import PAGE_SIZE, Item, item
from leaderboard.statistics.arrays import Integers

SHOWN = ("all", "regressed", "improved")


@dataclass(frozen=True)
class Changes:
    """A task's items on which the two differ, by their places in both item sets, in the order of the first.

    `same` items have equal scores. `against` is the second evaluation against the first.
    """

    task: SuiteTask
    against: Against
    before: Integers
    after: Integers
    improved: Integers
    same: int

    @property
    def count(self) -> dict[str, int]:
        improved = int(self.improved.sum())
        return {"all": len(self.improved), "improved": improved, "regressed": len(self.improved) - improved}


@dataclass(frozen=True)
class Place:
    """Where one evaluation's sample of an item is: its number in the task, and the sample if it was kept."""

    number: int
    score: float
    item: Item | None

    @property
    def page(self) -> int:
        """Of the samples' page."""
        return self.number // PAGE_SIZE + 1

    @property
    def position(self) -> int:
        return self.number % PAGE_SIZE + 1


@dataclass(frozen=True)
class Changed:
    """An item on which the two differ."""

    task: SuiteTask
    hash: str
    improved: bool
    before: Place
    after: Place

    @property
    def prompt(self) -> str | None:
        """What both were asked, where it is the same and no list of choices."""
        first, second = self.before.item, self.after.item
        known = first or second
        if known is None or len(known.sample.prompts) != 1 or known.choices:
            return None
        if first and second and first.sample.prompts != second.sample.prompts:
            return None
        return known.sample.prompts[0]

    @property
    def context(self) -> str | None:
        """What all choices of both continue."""
        contexts = {one.item.context for one in (self.before, self.after) if one.item and one.item.choices}
        return contexts.pop() if len(contexts) == 1 else None

    @property
    def sample(self) -> Sample | None:
        known = self.before.item or self.after.item
        return known.sample if known else None


@dataclass(frozen=True)
class Diff(Numbered):
    """A page of what differs. `problem` says which samples could not be read."""

    size = PAGE_SIZE

    compared: Compared
    changes: list[Changes]
    counts: dict[str, int]
    task: str
    show: str
    page: int
    items: list[Changed]
    problem: str

    @property
    def before(self) -> Measured:
        return self.compared.models[0]

    @property
    def after(self) -> Measured:
        return self.compared.models[1]

    @property
    def suite(self) -> Suite:
        return self.compared.suite

    @property
    def overall(self) -> Against:
        found = self.compared.standings[1].against
        assert found is not None  # the second is not the base
        return found

    @property
    def count(self) -> int:
        return self.counts[self.show]


def diff(first: str, second: str, *, task: str = "", show: str = "all", page: int = 1, margin: str = "") -> Diff:
    """What changes from one evaluation to another; a page of the items, of one task or of all. Raises as `compare`."""
    if show not in SHOWN:
        raise BadQuery("show", f"Shown are {', '.join(SHOWN)}, not {show[:40]!r}.")
    for one in (first, second):
        if not ID.fullmatch(one):
            raise Missing("m", f"An evaluation is called like s12 or i34, not {one[:40]!r}.")
    compared = compare(asked=[first, second], margin=margin)
    changes = changes_of(compared)
    if task and task not in {one.task.task for one in changes}:
        raise Missing("task", f"{compared.suite.slug} has no task {task[:80]!r}.")
    chosen = [one for one in changes if task in ("", one.task.task)]
    counts = {name: sum(one.count[name] for one in chosen) for name in SHOWN}
    items, problem = shown(compared, chosen, show, begin_of(page, counts[show], PAGE_SIZE))
    return Diff(compared, changes, counts, task, show, page, items, problem)


def changes_of(compared: Compared) -> list[Changes]:
    """By task, in the suite's order."""
    cells = [(row.entries[0].cell, row.entries[1].cell) for row in compared.rows]
    pairing, out = Pairing(needed(cells)), []
    for row, (before, after) in zip(compared.rows, cells, strict=True):
        against = row.entries[1].against
        assert against is not None  # the second is not the base
        here = there = np.zeros(0, dtype=np.int64)
        if against.verdict and before.items and after.items:
            here, there = pairing.common(before.items, after.items)
            change = against.sign * (after.items.scores[there] - before.items.scores[here])
            differs = change != 0
            here, there, improved = here[differs], there[differs], change[differs] > 0
        else:
            differs, improved = np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
        out.append(Changes(row.task, against, here, there, improved, int((~differs).sum())))
    return out


def shown(compared: Compared, chosen: list[Changes], show: str, skip: int) -> tuple[list[Changed], str]:
    """The items of one page with both samples, and what could not be read. Reads no chunk that it does not need."""
    picked: list[tuple[Changes, int]] = []
    for one in chosen:
        rows = np.arange(len(one.improved)) if show == "all" else np.flatnonzero(one.improved == (show == "improved"))
        picked += [(one, int(index)) for index in rows[skip : skip + PAGE_SIZE - len(picked)]]
        skip = max(0, skip - len(rows))
        if len(picked) == PAGE_SIZE:
            break
    before, after = compared.models
    kept, problems = [], []
    for side, places in ((before, "before"), (after, "after")):
        wanted: dict[str, set[int]] = {}
        for one, index in picked:
            wanted.setdefault(one.task.task, set()).add(int(getattr(one, places)[index]))
        try:
            kept.append(samples_at(side.submission, wanted))
        except chunks.Unreadable as error:
            kept.append({})
            problems.append(f"{side.id}: {error}")
    hashes = hashes_of(before, picked)
    return [
        Changed(
            task=one.task,
            hash=hashes[one.task.task, index],
            improved=bool(one.improved[index]),
            before=place(before, one.task, int(one.before[index]), hashes[one.task.task, index], kept[0]),
            after=place(after, one.task, int(one.after[index]), hashes[one.task.task, index], kept[1]),
        )
        for one, index in picked
    ], " ".join(problems)


def hashes_of(side: Measured, picked: list[tuple[Changes, int]]) -> dict[tuple[str, int], str]:
    """Item hashes by task and index among its changes, in hex."""
    digests = {one.task.task: cell.items.digest for one, _ in picked if (cell := side.cell(one.task)).items}
    sets = Pairing(digests.values()).hashes
    found = {}
    for one, index in picked:
        at = 32 * int(one.before[index])
        found[one.task.task, index] = sets[digests[one.task.task]][at : at + 32].hex()
    return found


Samples = Mapping[tuple[str, int], Item]


def place(side: Measured, task: SuiteTask, number: int, hashed: str, kept: Samples) -> Place:
    """The sample is only shown if it is of that very item."""
    cell, found = side.cell(task), kept.get((task.task, number))
    assert cell.items is not None  # it was paired
    same = found is not None and found.sample.item_hash == hashed
    return Place(number, float(cell.items.scores[number]), found if same else None)


def samples_at(row: Submission | None, wanted: Mapping[str, set[int]]) -> dict[tuple[str, int], Item]:
    """Stored samples by task and number in the task, in constant memory; none of what was imported.

    Samples are stored in the order of the items (`actions.recheck` holds results to that). Raises Unreadable.
    """
    found: dict[tuple[str, int], Item] = {}
    if row is None or not wanted:
        return found
    results = {
        result.task.task: result
        for result in Result.objects.filter(submission=row, task__task__in=wanted).select_related("task")
    }
    seen, hidden = dict.fromkeys(wanted, 0), hidden_tasks()
    for chunk in chunks.kept(row):
        held = {task: chunk.tasks.get(task, 0) for task in wanted}
        if chunk.tasks and not any(
            seen[task] <= number < seen[task] + held[task] for task in wanted for number in wanted[task]
        ):
            seen = {task: seen[task] + held[task] for task in wanted}
            continue
        for sample in concealed(chunks.stored([chunk]), hidden):
            task = sample.counts_for
            if task in seen:
                if seen[task] in wanted[task]:
                    found[task, seen[task]] = item(sample, results[task])
                seen[task] += 1
    return found
