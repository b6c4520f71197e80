"""What an import did, for the operator who started it."""

from typing import Protocol

from leaderboard.actions.import_evaluations import Report
from leaderboard.imports.evaluations import Note


class Output(Protocol):
    def write(self, text: str) -> object: ...


def tell(out: Output, suite: str, report: Report, *, everything: bool) -> None:
    """Counts, then reasons with an example each, or with `everything` each row."""
    out.write(
        f"{suite}: {report.new} new, {report.changed} changed, {report.unchanged} unchanged, "
        f"{report.withdrawn} withdrawn, {len(report.skipped)} skipped"
    )
    for title, notes in (("Skipped", report.skipped), ("Incomplete, but imported", report.incomplete)):
        if notes:
            out.write(f"{title}:")
            tell_notes(out, notes, everything=everything)


def tell_notes(out: Output, notes: list[Note], *, everything: bool) -> None:
    by_reason: dict[str, list[str]] = {}
    for note in notes:
        by_reason.setdefault(note.reason, []).append(note.what)
    for reason, subjects in sorted(by_reason.items(), key=lambda pair: -len(pair[1])):
        if everything:
            for subject in subjects:
                out.write(f"  {subject}: {reason}")
        else:
            rest = f" and {len(subjects) - 1} more" if len(subjects) > 1 else ""
            out.write(f"  {len(subjects):>5}  {reason} ({subjects[0]}{rest})")
