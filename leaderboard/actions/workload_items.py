"""What a workload's versions are made of: items stored whole, and versions that point at them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from django.db.models import Max

from evaluator.scoring.scored import unfit
from evaluator.scoring.spec import Any_, BadScoring, scoring_of
from leaderboard.actions.errors import Conflict, Refused
from leaderboard.models import Owner, User, Workload, WorkloadItems, WorkloadPart, WorkloadVersion
from leaderboard.workloads.packed import Part, items_in
from leaderboard.workloads.records import Problem, Report

NAME = 80
MOST_WORKLOADS = 200
LEAST_ITEMS = 2
"""A single item tells nothing about two models."""
AT_ONCE = 20


def well_named(name: str) -> str:
    """A workload's name, stripped; raises Refused."""
    name = " ".join(name.split())
    if not name or len(name) > NAME or not name.isprintable():
        raise Refused("bad_name", f"A name has 1 to {NAME} printable characters.", field="name")
    return name


def plain(report: Report) -> dict[str, Any]:
    """A report as JSON that the database takes."""
    found = asdict(report)
    found["problems"], found["notes"] = (msgspec.to_builtins(one) for one in (report.problems, report.notes))
    return found


def store(
    *, owner: Owner, form: str, masked: bool, report: Report, digest: str, parts: Iterable[Part]
) -> WorkloadItems:
    """The items of an upload, in the caller's transaction."""
    kept = {name: value for name, value in plain(report).items() if name not in {"first", "problems", "samples"}}
    row = WorkloadItems.objects.create(
        owner=owner, n=report.items, digest=digest, form=form, masked=masked, report=kept
    )  # fmt: skip
    rows = (WorkloadPart(items=row, first=part.first, n=part.n, data=part.data) for part in parts)
    WorkloadPart.objects.bulk_create(rows, batch_size=AT_ONCE)
    return row


def well_scored(scoring: Any) -> tuple[Any_, dict[str, Any]]:
    """A way of scoring and its JSON as it is stored; raises Refused, naming the option."""
    try:
        found = scoring_of(scoring)
    except BadScoring as error:
        raise Refused("bad_scoring", error.message, field=f"scoring.{error.field}") from error
    return found, dict(msgspec.to_builtins(found))


def unfit_items(items: WorkloadItems, scoring: Any_, excluded: Mapping[str, str]) -> dict[str, Problem]:
    """The items that count and cannot be scored so, by position, with why."""
    found: dict[str, Problem] = {}
    for part in items.parts.order_by("first").iterator(chunk_size=1):
        for place, item in enumerate(items_in(part.data), start=part.first):
            if str(place) in excluded:
                continue
            why = unfit(scoring, item.references, item.choices)
            if why:
                found[str(place)] = Problem(item.line, "reference", "unfit", why)
    return found


def add_version(
    *,
    owner: Owner,
    maker: User,
    name: str,
    items: WorkloadItems,
    scoring: Any,
    excluded: Mapping[str, str] | None = None,
    leave_out: bool = False,
    note: str = "",
) -> WorkloadVersion:
    """The next version of an owner's workload of this name, the first one where there is none yet, in the caller's
    transaction. `leave_out`: items that cannot be scored so are excluded, and not a reason to refuse.

    Raises Refused (scoring, items), Conflict (too many workloads).
    """
    way, stored = well_scored(scoring)
    out = dict(excluded or {})
    problems = unfit_items(items, way, out)
    if problems and not leave_out:
        first = next(iter(problems.values()))
        rest = f" So it is with {len(problems) - 1:,} more." if len(problems) > 1 else ""
        words = f"{first}{rest} Leave such items out, or choose another way of scoring."
        raise Refused("unfit_items", words, field="scoring.kind")
    out |= {place: problem.message for place, problem in problems.items()}
    if items.n - len(out) < LEAST_ITEMS:
        raise Refused("few_items", f"A workload has at least {LEAST_ITEMS} items that count.", field="items")
    Owner.objects.select_for_update(no_key=True).get(pk=owner.pk)  # two at once get numbers one after the other
    workload = Workload.objects.filter(owner=owner, name=name).first()
    if workload is None:
        if Workload.objects.filter(owner=owner).count() >= MOST_WORKLOADS:
            raise Conflict("too_many_workloads", f"You have {MOST_WORKLOADS} workloads; delete one first.")
        workload = Workload.objects.create(owner=owner, name=name)
    newest = workload.versions.aggregate(number=Max("number"))["number"] or 0
    return WorkloadVersion.objects.create(
        workload=workload, number=newest + 1, items=items, scoring=stored, excluded=out, note=note, made_by=maker
    )
