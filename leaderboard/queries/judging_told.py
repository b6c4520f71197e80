"""Judgings as a program reads them: the numbers of the page, as JSON and as a table."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from leaderboard.queries.bakeoff_report import Report
from leaderboard.queries.bakeoff_told import against_told, tested, told
from leaderboard.queries.judging_report import Agreed, Judged, Rater, judged

COLUMNS = (
    "judging", "form", "first", "second", "rater", "is_person", "items", "first_won", "tied", "second_won",
    "unreadable", "difference", "difference_low", "difference_high", "verdict", "p_adjusted", "more_items",
    "leant_to_first_place", "leant_to_second_place", "order_p", "mean_grade_first", "mean_grade_second", "dollars",
    "judges_its_own",
)  # fmt: skip


def judged_told(found: Iterable[Judged]) -> list[dict[str, Any]]:
    """As the owner reads them."""
    return [one_told(one) for one in found]


def report_told(found: Report) -> dict[str, Any]:
    """All that the page of a bake-off says, to its owner."""
    return told(found) | {"judgings": judged_told(judged(found.course, found.margin))}


def one_told(one: Judged) -> dict[str, Any]:
    row = one.judging
    return {
        "id": row.pk, "form": row.form, "first": one.bench.first.number, "second": one.bench.second.number,
        "items": row.n, "live": one.bench.live, "judges_its_own": one.kin, "graded_by_persons": one.graded,
        "runs": [
            {"judge": entrant.name, "submission": entrant.submission.pk, "state": entrant.state,
             "done": entrant.progress.done, "total": entrant.progress.total, "error": entrant.submission.error_message,
             "judges_its_own": judge.kin}
            for judge, entrant in one.bench.judges
        ],
        "raters": [rater_told(rater) for rater in one.raters],
        "agreement": [agreed_told(pair) for pair in one.agreed], "rubric": row.rubric,
    }  # fmt: skip


def rater_told(one: Rater) -> dict[str, Any]:
    sway, spent = one.sway, one.spent
    return {
        "name": one.name, "person": one.person, "first_won": one.tally.wins, "tied": one.tally.ties,
        "second_won": one.tally.losses, "unreadable": one.tally.unreadable, **against_told(one.against),
        "order": None if sway is None else {
            "leant_to_first_place": sway.to_first, "leant_to_second_place": sway.to_second,
            "turned_with_order": sway.turned, "p": sway.p,
        },
        "mean_grades": None if one.grades is None else list(one.grades),
        "dollars": spent.dollars if spent else None,
        "tokens_in": spent.input_tokens if spent else None, "tokens_out": spent.output_tokens if spent else None,
    }  # fmt: skip


def agreed_told(one: Agreed) -> dict[str, Any]:
    found = one.found
    kappa = None if found.kappa_low is None else [found.kappa_low, found.kappa_high]
    return {
        "first": one.first.name, "second": one.second.name, "items": found.n,
        "alike": found.share, "alike_interval": [found.low, found.high],
        "kappa": found.kappa, "kappa_interval": kappa,
    }  # fmt: skip


def judged_lines(found: Iterable[Judged]) -> Iterator[Sequence[object]]:
    """A line for each rater of each judging."""
    for one in found:
        row, bench = one.judging, one.bench
        for rater in one.raters:
            sway, spent = rater.sway, rater.spent
            order = [sway.to_first, sway.to_second, sway.p] if sway else [None] * 3
            kin = " ".join(rater.judge.kin) if rater.judge else ""
            yield [
                row.pk, row.form, bench.first.name, bench.second.name, rater.name, rater.person, row.n,
                rater.tally.wins, rater.tally.ties, rater.tally.losses, rater.tally.unreadable,
                *(tested(rater.against) if rater.against else [None] * 6), *order, *(rater.grades or [None] * 2),
                spent.dollars if spent else None, kin,
            ]  # fmt: skip
