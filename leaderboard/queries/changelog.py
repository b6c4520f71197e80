"""What changed on this site for its readers: rules, suites and tables that came, results that were withdrawn or
doubted."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Literal, get_args

from leaderboard.models import Claim, Event, Import, Remark, Submission, Suite
from leaderboard.queries.versions import changes
from leaderboard.rules import RULES

Kind = Literal["rule", "suite", "import", "retraction", "flag", "contamination", "claim"]
KINDS = tuple((kind, kind) for kind in get_args(Kind))
SHOWN = 200


@dataclass(frozen=True)
class ChangeLine:
    """One change: when, of which suite ("" of none), in words what, and of which submission."""

    at: datetime
    kind: Kind
    suite: str
    text: str
    submission: int | None = None


def changelog() -> list[ChangeLine]:
    """The newest changes first, at most `SHOWN` of each kind."""
    lines = [*rules(), *releases(), *imports(), *retractions(), *remarks(), *claims()]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def rules() -> list[ChangeLine]:
    """How scores, ranks and verdicts come about, since when."""
    return [ChangeLine(datetime.combine(one.since, time(), UTC), "rule", "", one.text) for one in RULES]


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


def retractions() -> list[ChangeLine]:
    """Results that were withdrawn, with the reason."""
    rows = Event.objects.filter(after=Submission.State.RETRACTED, job=None, submission__suite__owner=None)
    return [
        ChangeLine(
            row.at, "retraction", row.submission.suite.slug,
            f"The result of {row.submission.requested_model} was withdrawn: {row.reason}", row.submission_id,
        )
        for row in rows.select_related("submission__suite").order_by("-pk")[:SHOWN]
    ]  # fmt: skip


def remarks() -> list[ChangeLine]:
    """Flags and notes of contamination. Disputes are below their scores."""
    kinds = (Remark.Kind.FLAG, Remark.Kind.CONTAMINATION)
    rows = Remark.objects.filter(kind__in=kinds, submission__suite__owner=None)
    found = []
    for row in rows.select_related("submission__suite", "model").order_by("-pk")[:SHOWN]:
        if row.submission is not None:
            text = f"A score of {row.submission.requested_model} was flagged: {row.reason}"
            found.append(ChangeLine(row.created_at, "flag", row.submission.suite.slug, text, row.submission_id))
        elif row.model is not None:
            text = f"{row.model.name} may have seen {row.task or 'items of tasks'}: {row.reason}"
            found.append(ChangeLine(row.created_at, "contamination", "", text))
    return found


def claims() -> list[ChangeLine]:
    """Claims that were stated, and withdrawn."""
    found = []
    for row in Claim.objects.order_by("-pk")[:SHOWN]:
        found.append(ChangeLine(row.created_at, "claim", "", f"Claim stated: {row.text}"))
        if row.withdrawn_at:
            text = f"Claim withdrawn: {row.text} {row.withdrawn_reason}"
            found.append(ChangeLine(row.withdrawn_at, "claim", "", text))
    return found
