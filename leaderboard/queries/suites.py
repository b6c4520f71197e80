"""Suites as people choose among them, and everything about one of them."""

from dataclasses import dataclass
from functools import cached_property

from django.db.models import Count, Max, QuerySet

from leaderboard.models import Import, Imported, Submission, Suite, SuiteTask
from leaderboard.queries.errors import Missing
from leaderboard.queries.lately import lately
from leaderboard.queries.spread import MOST_MODELS, Cell, Spread, cells, spreads, suite_noise
from leaderboard.queries.versions import Change, changes


@dataclass(frozen=True)
class Line:
    """A suite in the list: its newest version, the older ones, and how many models each origin has results of."""

    suite: Suite
    tasks: list[SuiteTask]
    older: list[Suite]
    measured: int
    imported: int


@dataclass(frozen=True)
class Step:
    """A version and what it changed against the one before it; `before` is None for the first."""

    suite: Suite
    before: Suite | None
    changes: list[Change]


@dataclass(frozen=True)
class SuiteDetail:
    """One version of a suite. `steps` are all its versions, newest first; `source` its newest import, if it has one."""

    suite: Suite
    tasks: list[SuiteTask]
    cells: list[Cell]
    steps: list[Step]
    source: Import | None

    @cached_property
    def measured(self) -> int:
        """How many models have results of this site's workers."""
        return len({cell.model for cell in self.cells if cell.measured})

    @cached_property
    def imported(self) -> int:
        """How many others have imported results."""
        return len({cell.model for cell in self.cells if not cell.measured})

    @property
    def models(self) -> int:
        return self.measured + self.imported

    @property
    def capped(self) -> int | None:
        """How many models were read, where there may be more."""
        return MOST_MODELS if MOST_MODELS in (self.measured, self.imported) else None

    @cached_property
    def spreads(self) -> list[Spread]:
        return spreads(self.tasks, self.cells)

    @cached_property
    def noise(self) -> float | None:
        return suite_noise(self.suite, self.tasks, self.cells)

    @property
    def newest(self) -> Suite:
        return self.steps[0].suite


def suites() -> QuerySet[Suite]:
    """All released suites, the newest version of a name first, each with its tasks."""
    return Suite.objects.order_by("name", "-version").prefetch_related("tasks")


@lately
def tabs(_: int | None) -> list[Suite]:
    """All suites by name, without what they define. The number is that of the newest: once there is a newer one, this
    is asked anew."""
    return list(suites().prefetch_related(None).defer("definition"))


def suite_list() -> list[Line]:
    """Every name once, by its newest version."""
    succeeded = Submission.objects.filter(state=Submission.State.SUCCEEDED)
    measured = counted(succeeded)
    imported = counted(Imported.objects.filter(superseded_at=None))
    by_name: dict[str, list[Suite]] = {}
    for suite in suites():
        by_name.setdefault(suite.name, []).append(suite)
    return [
        Line(newest, list(newest.tasks.all()), older, measured.get(newest.pk, 0), imported.get(newest.pk, 0))
        for newest, *older in by_name.values()
    ]


def counted(rows: QuerySet[Submission] | QuerySet[Imported]) -> dict[int, int]:
    """Suite -> how many models have such rows."""
    return dict(
        rows.order_by().values("suite").annotate(models=Count("revision__model", distinct=True))
        .values_list("suite", "models")
    )  # fmt: skip


def suite_detail(slug: str) -> SuiteDetail:
    """One version by `name@version`; raises Missing, which names the versions that there are."""
    known = "\x00" not in slug
    suite = Suite.objects.filter(slug=slug).prefetch_related("tasks").first() if known else None
    if suite is None:
        raise Missing("suite", f"There is no suite {slug[:80]!r}.{there_is(slug) if known else ''}")
    versions = list(Suite.objects.filter(name=suite.name).order_by("-version"))
    steps = [
        Step(one, before, changes(before.definition, one.definition) if before else [])
        for one, before in zip(versions, [*versions[1:], None], strict=True)
    ]
    source = Import.objects.filter(suite=suite).order_by("-id").defer("report").first()
    return SuiteDetail(suite=suite, tasks=list(suite.tasks.all()), cells=cells(suite), steps=steps, source=source)


def there_is(slug: str) -> str:
    """Which version of the same name is the newest, or "" for an unknown name."""
    name = slug.partition("@")[0]
    newest = Suite.objects.filter(name=name).aggregate(newest=Max("version"))["newest"]
    return f" The newest version of this suite is {name}@{newest}." if newest else ""
