"""What changed on this site for its readers: suites that were released, and tables that were imported."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leaderboard.models import Import, Suite
from leaderboard.queries.versions import changes

KINDS = (("suite", "suite"), ("import", "import"))
SHOWN = 200


@dataclass(frozen=True)
class ChangeLine:
    """One change: when, of which suite, and in words what."""

    at: datetime
    kind: Literal["suite", "import"]
    suite: str
    text: str


def changelog() -> list[ChangeLine]:
    """The newest changes first, at most `SHOWN` of each kind."""
    return sorted([*releases(), *imports()], key=lambda line: line.at, reverse=True)


def releases() -> list[ChangeLine]:
    """Released versions, each with what it changed against the one before it."""
    rows = list(Suite.objects.order_by("-released_at", "-pk")[:SHOWN])
    by_slug = {(row.name, row.version): row for row in rows}
    found = []
    for row in rows:
        older = [by_slug[row.name, version] for version in range(row.version) if (row.name, version) in by_slug]
        told = [f"{one.what} {one.kind}" for one in changes(older[-1].definition, row.definition)] if older else []
        text = f"Released. Changes: {'; '.join(told)}." if told else "Released."
        found.append(ChangeLine(row.released_at, "suite", row.slug, text))
    return found


def imports() -> list[ChangeLine]:
    """Readings of a source that brought something new."""
    rows = Import.objects.select_related("suite").defer("report", "suite__definition").order_by("-pk")[:SHOWN]
    return [ChangeLine(row.created_at, "import", row.suite.slug, f"{row.title} imported.") for row in rows]
