"""Tasks over all suites: where each is used, and what its items tell."""

from dataclasses import dataclass

from leaderboard.models import SuiteTask
from leaderboard.queries.errors import Missing
from leaderboard.queries.item_texts import ItemText, item_texts
from leaderboard.queries.items import LISTED, ItemTable, item_tables


@dataclass(frozen=True)
class TaskLine:
    """A task and its places in suites, the newest suite first."""

    task: str
    places: list[SuiteTask]

    @property
    def title(self) -> str:
        return self.places[0].title


@dataclass(frozen=True)
class ListedItem:
    """An item in one of a page's lists; `number` counts from 1, `telling` is None where all models are alike."""

    number: int
    hash: str
    solved: int
    telling: float | None
    doubted: bool
    text: ItemText | None


@dataclass(frozen=True)
class ItemList:
    """Some of an item set's items; `count` is how many there are of the kind."""

    kind: str
    count: int
    items: list[ListedItem]


@dataclass(frozen=True)
class TaskDetail:
    """A task with its item sets, each with its lists; `more` item sets with fewer models are not shown."""

    line: TaskLine
    sets: list[tuple[ItemTable, list[ItemList]]]
    more: int


def task_lines() -> list[TaskLine]:
    """Every task once, by name."""
    found: dict[str, list[SuiteTask]] = {}
    for place in places():
        found.setdefault(place.task, []).append(place)
    return [TaskLine(task, found[task]) for task in sorted(found)]


def places(**chosen: str) -> list[SuiteTask]:
    rows = SuiteTask.objects.filter(**chosen).select_related("suite").defer("suite__definition", "suite__description")
    return list(rows.order_by("-suite__released_at", "suite__name", "-suite__version"))


def task_line(name: str) -> TaskLine:
    """One task by its name in lm-eval; raises Missing."""
    found = places(task=name) if "\x00" not in name else []
    if not found:
        raise Missing("task", f"No suite here has a task {name[:120]!r}.")
    return TaskLine(name, found)


def task_items(name: str) -> tuple[TaskLine, list[ItemTable], int]:
    """A task and its item sets, without the items' texts; raises Missing."""
    line = task_line(name)
    tables, more = item_tables(line.places)
    return line, tables, more


def task_detail(name: str) -> TaskDetail:
    """All of a task's page; raises Missing. 7 queries at most."""
    line, tables, more = task_items(name)
    wanted = {one.hash_of(index) for one in tables for indices in listed(one).values() for index in indices[:LISTED]}
    submissions = [pk for one in tables for pk in one.submissions]
    texts = item_texts(name, submissions, wanted)
    return TaskDetail(line, [(one, lists(one, texts)) for one in tables], more)


def listed(table: ItemTable) -> dict[str, list[int]]:
    return {"nobody": table.nobody, "everybody": table.everybody, "least": table.least}


def lists(table: ItemTable, texts: dict[str, ItemText]) -> list[ItemList]:
    return [
        ItemList(kind, len(indices), [item(table, index, texts) for index in indices[:LISTED]])
        for kind, indices in listed(table).items()
    ]


def item(table: ItemTable, index: int, texts: dict[str, ItemText]) -> ListedItem:
    assert table.solved is not None  # else nothing is listed
    assert table.telling is not None
    hashed, telling = table.hash_of(index), float(table.telling[index])
    return ListedItem(
        number=index + 1, hash=hashed, solved=int(table.solved[index]),
        telling=None if telling != telling else telling, doubted=telling < table.doubtful, text=texts.get(hashed),
    )  # fmt: skip
