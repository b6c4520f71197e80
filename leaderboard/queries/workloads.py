"""Workloads as their owner sees them; for anybody else there are none."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Count, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Now

from leaderboard.models import Owner, Workload, WorkloadDraft, WorkloadItems, WorkloadVersion
from leaderboard.models.workloads import DRAFT_LIFE
from leaderboard.queries.errors import BadQuery, Missing
from leaderboard.workloads.packed import items_in
from leaderboard.workloads.records import Item

PAGE = 25
PREVIEW = 5


def workloads(owner: Owner) -> QuerySet[Workload]:
    """An owner's, newest first, each with the number of its newest version."""
    return Workload.objects.filter(owner=owner).annotate(newest=Max("versions__number"), count=Count("versions"))


def newest_versions(owner: Owner) -> list[WorkloadVersion]:
    """The newest version of each of an owner's workloads, the one changed last first. 1 query."""
    newest = WorkloadVersion.objects.filter(workload=OuterRef("workload")).order_by("-number").values("pk")[:1]
    found = WorkloadVersion.objects.filter(workload__owner=owner, pk=Subquery(newest))
    return list(found.select_related("workload", "items").order_by("-pk"))


def versions(owner: Owner | None, pk: int) -> list[WorkloadVersion]:
    """All versions of one of an owner's workloads, newest first; raises Missing, also for somebody else's. 1 query."""
    found = WorkloadVersion.objects.filter(workload=pk, workload__owner=owner).select_related("workload", "items")
    listed = list(found.order_by("-number")) if owner else []
    if not listed:
        raise Missing("workload", f"You have no workload {pk}.")
    return listed


def version_of(listed: Sequence[WorkloadVersion], asked: str) -> WorkloadVersion:
    """The version that is asked for by its number, "" for the newest; raises Missing."""
    found = listed[0] if not asked else next((one for one in listed if str(one.number) == asked), None)
    if found is None:
        raise Missing("version", f"This workload has no version {asked[:20]!r}.")
    return found


def drafts(owner: Owner) -> QuerySet[WorkloadDraft]:
    """Uploads that an owner has not kept yet, newest first."""
    fresh = WorkloadDraft.objects.filter(owner=owner, created_at__gt=Now() - DRAFT_LIFE)
    return fresh.select_related("workload", "items").order_by("-pk")


def draft(owner: Owner | None, pk: int) -> WorkloadDraft:
    """One of them; raises Missing, also for somebody else's. 1 query."""
    found = drafts(owner).filter(pk=pk).first() if owner else None
    if found is None:
        raise Missing("draft", "There is no such upload; it may have been forgotten. Upload it again.")
    return found


def draft_bytes(draft: WorkloadDraft) -> Iterator[bytes | memoryview]:
    """The parts of an upload as it came, in order (`leaderboard.workloads.packed.unpacked`)."""
    return draft.parts.order_by("number").values_list("data", flat=True).iterator(chunk_size=4)


class Placed(NamedTuple):
    """An item, its position (from 0), and why it is left out, "" where it counts."""

    place: int
    item: Item
    excluded: str = ""


def items_at(items: WorkloadItems, places: Sequence[int]) -> dict[int, Item]:
    """Items by their positions; as many queries as they lie in parts."""
    found: dict[int, Item] = {}
    for place in places:
        if place in found:
            continue
        part = items.parts.filter(first__lte=place).order_by("-first").first()
        if part is None:
            continue
        unpacked = items_in(part.data)
        found |= {one: unpacked[one - part.first] for one in places if 0 <= one - part.first < len(unpacked)}
    return found


@dataclass(frozen=True)
class ItemPage:
    """Some of a version's items. `first`, `last` count from 1."""

    items: list[Placed]
    show: str
    page: int
    pages: int
    count: int
    first: int
    last: int


def item_page(version: WorkloadVersion, *, show: str, page: int) -> ItemPage:
    """The items of a version, "all" or those that are left "out"; raises BadQuery, Missing."""
    if show not in {"all", "out"}:
        raise BadQuery("show", "One can show all items, or those that are left out.")
    out = sorted(map(int, version.excluded))
    count = version.items.n if show == "all" else len(out)
    pages = max(1, -(-count // PAGE))
    if not 1 <= page <= pages:
        raise Missing("page", f"There are {pages} pages.")
    begin, end = (page - 1) * PAGE, min(page * PAGE, count)
    places = list(range(begin, end)) if show == "all" else out[begin:end]
    found = items_at(version.items, places)
    placed = [Placed(place, found[place], version.excluded.get(str(place), "")) for place in places]
    return ItemPage(placed, show, page, pages, count, begin + 1, end)


def preview(items: WorkloadItems, excluded: Collection[int] = ()) -> list[Placed]:
    """Up to five items that count, spread over all of them."""
    out = set(excluded)
    wanted = [round(place * (items.n - 1) / (PREVIEW - 1)) for place in range(PREVIEW)]
    places: list[int] = []
    for place in wanted:
        near = next((one for one in range(place, items.n) if one not in out and one not in places), None)
        places += [] if near is None else [near]
    found = items_at(items, sorted(set(places)))
    return [Placed(place, found[place]) for place in sorted(found) if place in places]
