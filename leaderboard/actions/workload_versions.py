"""The next versions of a workload from the one before: scored in another way, or with other items left out."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.workload_items import add_version, well_scored
from leaderboard.models import Owner, User, Workload, WorkloadVersion

REASON = 200


@transaction.atomic
def score_otherwise(
    *, owner: Owner, maker: User, workload: int, number: int, scoring: Any, leave_out: bool = False
) -> WorkloadVersion:
    """The next version, with the same items. Items that an earlier way could not score count again where this one can.

    Raises NotFound, Conflict (not the newest version any more), Refused (scoring, or nothing is new).
    """
    newest = newest_of(owner, workload, number)
    stored = well_scored(scoring)[1]
    if stored == newest.scoring:
        raise Refused("nothing_new", "It is scored so already.", field="scoring.kind")
    return next_version(maker, newest, newest.excluded, note="Scored otherwise.", scoring=stored, leave_out=leave_out)


@transaction.atomic
def leave_out_items(
    *, owner: Owner, maker: User, workload: int, number: int, places: Sequence[int], reason: str
) -> WorkloadVersion:
    """The next version, without some items (positions from 0); raises as `score_otherwise` does."""
    newest = newest_of(owner, workload, number)
    reason = " ".join(reason.split())
    if not reason or len(reason) > REASON or not reason.isprintable():
        raise Refused("bad_reason", f"A reason has 1 to {REASON} printable characters.", field="reason")
    fresh = [str(place) for place in dict.fromkeys(places) if str(place) not in newest.excluded]
    if not fresh or not all(0 <= int(place) < newest.items.n for place in fresh):
        raise Refused("bad_items", "Tick items that count so far.", field="place")
    out = {**newest.excluded, **dict.fromkeys(fresh, reason)}
    return next_version(maker, newest, out, note=f"Left out {some(len(fresh))}.")


@transaction.atomic
def take_back_items(*, owner: Owner, maker: User, workload: int, number: int, places: Sequence[int]) -> WorkloadVersion:
    """The next version, with items that were left out; raises as `score_otherwise` does, also for an item that cannot
    be scored."""
    newest = newest_of(owner, workload, number)
    back = {str(place) for place in places} & set(newest.excluded)
    if not back:
        raise Refused("bad_items", "Tick items that are left out.", field="place")
    out = {place: reason for place, reason in newest.excluded.items() if place not in back}
    return next_version(maker, newest, out, note=f"Took {some(len(back))} back.")


def some(n: int) -> str:
    return f"{n:,} item{'s' if n > 1 else ''}"


def newest_of(owner: Owner, workload: int, number: int) -> WorkloadVersion:
    """The newest version, its workload locked; raises NotFound, and Conflict where `number` is an older one."""
    row = Workload.objects.select_for_update().filter(owner=owner, pk=workload).first()
    newest = row.versions.select_related("workload", "items", "workload__owner").first() if row else None
    if newest is None:
        raise NotFound("unknown_workload", f"You have no workload {workload}.")
    if newest.number != number:
        words = f"There is a version {newest.number} by now. Look at it first."
        raise Conflict("older_version", words, url=f"/workloads/{workload}")
    return newest


def next_version(
    maker: User,
    before: WorkloadVersion,
    excluded: Mapping[str, str],
    *,
    note: str,
    scoring: Any = None,
    leave_out: bool = False,
) -> WorkloadVersion:
    return add_version(
        owner=before.workload.owner, maker=maker, name=before.workload.name, items=before.items,
        scoring=scoring or before.scoring, excluded=excluded, leave_out=leave_out, note=note,
    )  # fmt: skip
