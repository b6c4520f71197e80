"""Delete a workload: every row and file with a byte of it. What stays says that it was there, and nothing of what it
was."""

import hashlib
from collections.abc import Sequence

from django.conf import settings as site
from django.db import transaction
from django.db.models import Q

from evaluator.contract import canonical_json
from leaderboard.actions.errors import Conflict, NotFound
from leaderboard.actions.purge import erase, remove_files
from leaderboard.actions.record import lock_item_sets
from leaderboard.judging.forms import suite_name
from leaderboard.models import (
    Audit,
    Bakeoff,
    Bundle,
    Job,
    Judging,
    Model,
    Owner,
    Revision,
    Submission,
    Suite,
    Workload,
    WorkloadDraft,
    WorkloadItems,
    WorkloadSuite,
)
from leaderboard.models.submissions import LIVE

ACTION = "delete_workload"


@transaction.atomic
def delete_workload(*, owner: Owner, workload: int) -> Audit:
    """Delete all versions, items, bake-offs and answers; returns the receipt, which has a digest of what is gone.

    Raises NotFound, also for somebody else's, and Conflict while models are still being asked. PostgreSQL gives the
    space of deleted rows to others at its next vacuum; a dump holds nothing of them from now on. Files go after the
    commit (a crash in between leaves them to `purge.remove_orphans`), and older backups expire as their keeper says.
    """
    row = Workload.objects.select_for_update().filter(owner=owner, pk=workload).first()
    if row is None:
        raise NotFound("unknown_workload", f"You have no workload {workload}.")
    items = list(WorkloadItems.objects.filter(versions__workload=row).distinct())
    digests = sorted(one.digest for one in items)
    versions = row.versions.count()
    looked_at = list(WorkloadDraft.objects.filter(workload=row, items__isnull=False).values_list("items", flat=True))
    runs = forget_runs(row)
    row.delete()
    WorkloadItems.objects.filter(pk__in=[*(one.pk for one in items), *looked_at]).delete()
    return Audit.objects.create(
        actor=str(owner)[:200], action=ACTION, subject=f"workload {workload}", reason=receipt(versions, len(runs)),
        digest=hashlib.sha256(canonical_json([workload, digests, runs])).hexdigest(),
    )  # fmt: skip


def forget_runs(workload: Workload) -> list[int]:
    """Delete what its suites were run for, and the suites; returns the submissions. Raises Conflict."""
    judged = map(suite_name, Bakeoff.objects.filter(version__workload=workload).values_list("pk", flat=True))
    suites = list(Suite.everything.filter(Q(workload__version__workload=workload) | Q(name__in=list(judged))))
    jobs = Job.everything.select_for_update(of=("self",)).filter(submission__suite__in=suites)
    list(jobs.order_by("pk").values_list("pk", flat=True))  # jobs before submissions, as everywhere
    rows = Submission.everything.select_for_update(of=("self",)).filter(suite__in=suites).order_by("pk")
    found = list(rows.values_list("pk", "state", "revision"))
    live = sum(state in LIVE for _, state, _ in found)
    if live:
        asked = "One model is" if live == 1 else f"{live} models are"
        message = f"{asked} still being asked these prompts. Cancel the bake-off, and delete the workload then."
        raise Conflict("still_live", message)
    keys = [key for key, _, _ in found]
    lock_item_sets(alone=True)
    erase(keys)
    forget_suites(suites)
    forget_hidden({revision for _, _, revision in found if revision is not None})
    transaction.on_commit(lambda: [remove_files(key) for key in keys])
    return keys


def forget_suites(suites: Sequence[Suite]) -> None:
    """Two versions with the same items and scoring share a bundle."""
    bundles = {suite.bundle_id for suite in suites}
    WorkloadSuite.objects.filter(suite__in=suites).delete()
    Judging.objects.filter(suite__in=suites).delete()
    Suite.everything.filter(pk__in=[suite.pk for suite in suites]).delete()
    Bundle.objects.filter(pk__in=bundles, suite=None).delete()


def forget_hidden(revisions: set[int]) -> None:
    """What only workloads knew of goes with the last that knows it."""
    gone = Revision.everything.filter(pk__in=revisions, hidden=True, submissions=None)
    models = set(gone.values_list("model", flat=True))
    gone.delete()
    Model.everything.filter(pk__in=models, hidden=True, revisions=None).delete()


def receipt(versions: int, runs: int) -> str:
    """What the owner is told."""
    many = f"{versions} version{'s' if versions > 1 else ''}"
    asked = f", the answers of {runs} run{'s' if runs > 1 else ''} on it" if runs else ""
    days = site.BACKUP_DAYS
    backups = (
        f"Backups that hold it expire within {days} days."
        if days is not None
        else "Whoever runs this site has not said how long backups are kept (PARITY_BACKUP_DAYS)."
    )
    return f"Deleted by its owner, with {many}{asked} and every item. {backups}"
