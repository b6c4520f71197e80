"""Delete a workload: every row with a byte of it. What stays says that it was there, and nothing of what it was."""

import hashlib

from django.conf import settings as site
from django.db import transaction

from evaluator.contract import canonical_json
from leaderboard.actions.errors import NotFound
from leaderboard.models import Audit, Owner, Workload, WorkloadDraft, WorkloadItems

ACTION = "delete_workload"


@transaction.atomic
def delete_workload(*, owner: Owner, workload: int) -> Audit:
    """Delete all versions and items; returns the receipt, which has a digest of what is gone. Raises NotFound, also for
    somebody else's.

    There are no files: items are rows. PostgreSQL gives the space of deleted rows to others at its next
    vacuum; a dump holds nothing of them from now on, and older backups expire as their keeper says.
    """
    row = Workload.objects.select_for_update().filter(owner=owner, pk=workload).first()
    if row is None:
        raise NotFound("unknown_workload", f"You have no workload {workload}.")
    items = list(WorkloadItems.objects.filter(versions__workload=row).distinct())
    digests = sorted(one.digest for one in items)
    versions = row.versions.count()
    looked_at = list(WorkloadDraft.objects.filter(workload=row, items__isnull=False).values_list("items", flat=True))
    row.delete()
    WorkloadItems.objects.filter(pk__in=[*(one.pk for one in items), *looked_at]).delete()
    return Audit.objects.create(
        actor=str(owner)[:200], action=ACTION, subject=f"workload {workload}", reason=receipt(versions),
        digest=hashlib.sha256(canonical_json([workload, digests])).hexdigest(),
    )  # fmt: skip


def receipt(versions: int) -> str:
    """What the owner is told."""
    many = f"{versions} version{'s' if versions > 1 else ''}"
    days = site.BACKUP_DAYS
    backups = (
        f"Backups that hold it expire within {days} days."
        if days is not None
        else "Whoever runs this site has not said how long backups are kept (PARITY_BACKUP_DAYS)."
    )
    return f"Deleted by its owner, with {many} and every item. {backups}"
