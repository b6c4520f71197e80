"""Workloads as their owner sees them; for anybody else there are none."""

from django.db.models import Count, Max, QuerySet

from leaderboard.models import Owner, Workload, WorkloadVersion
from leaderboard.queries.errors import Missing


def workloads(owner: Owner) -> QuerySet[Workload]:
    """An owner's, newest first, each with the number of its newest version."""
    return Workload.objects.filter(owner=owner).annotate(newest=Max("versions__number"), count=Count("versions"))


def versions(owner: Owner, pk: int) -> list[WorkloadVersion]:
    """All versions of one of an owner's workloads, newest first; raises Missing, also for somebody else's. 1 query."""
    found = WorkloadVersion.objects.filter(workload=pk, workload__owner=owner).select_related("workload", "items")
    listed = list(found.order_by("-number"))
    if not listed:
        raise Missing("workload", f"You have no workload {pk}.")
    return listed
