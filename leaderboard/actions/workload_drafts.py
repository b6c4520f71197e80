"""Uploads that somebody looks at before they are kept: held for an hour, read again with other fields, forgotten."""

from typing import IO, Any

from django.db import transaction
from django.db.models.functions import Now

from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.workload_items import AT_ONCE, add_version, plain, store, well_named
from leaderboard.models import DraftPart, Owner, User, Workload, WorkloadDraft, WorkloadItems, WorkloadVersion
from leaderboard.models.workloads import DRAFT_LIFE
from leaderboard.workloads.packed import raw_parts
from leaderboard.workloads.records import Report
from leaderboard.workloads.upload import Upload

MOST_DRAFTS = 3
"""Of an owner; one more makes the oldest go."""


@transaction.atomic
def hold_draft(*, owner: Owner, workload: int | None, source: IO[bytes], size: int, upload: Upload) -> WorkloadDraft:
    """Hold an upload that was read; `source` gives its bytes once more, to be read again with other fields.

    Raises Refused where it cannot be read whatever is chosen, NotFound for a workload that is not the owner's.
    """
    report = upload.report
    if not report.good and not report.mendable:
        raise Refused("unreadable", str(report.problems[0]), field="file")
    if workload is not None and not Workload.objects.filter(owner=owner, pk=workload).exists():
        raise NotFound("unknown_workload", f"You have no workload {workload}.")
    older = WorkloadDraft.objects.filter(owner=owner).order_by("-pk").values_list("pk", flat=True)
    forget(list(older[MOST_DRAFTS - 1 :]))
    draft = WorkloadDraft.objects.create(
        owner=owner, workload_id=workload, items=items_of(owner, upload), file_name=named(upload.name),
        form=upload.form, size=size, mask=upload.mask, report=told(report),
    )  # fmt: skip
    rows = (DraftPart(draft=draft, number=number, data=data) for number, data in enumerate(raw_parts(source)))
    DraftPart.objects.bulk_create(rows, batch_size=AT_ONCE)
    return draft


def named(name: str) -> str:
    """A file's name as it is shown: without what the database cannot hold, and not for ever."""
    return name.replace("\x00", "")[-200:]


def told(report: Report) -> dict[str, Any]:
    """A report as it is kept for a draft; `columns` are its fields in their order, which the database forgets."""
    return plain(report) | {"columns": list(report.fields)}


def items_of(owner: Owner, upload: Upload) -> WorkloadItems | None:
    """The items of an upload that is good, stored; none else."""
    if not upload.report.good:
        return None
    return store(
        owner=owner, form=upload.form, masked=upload.mask, report=upload.report, digest=upload.digest,
        parts=upload.parts,
    )  # fmt: skip


@transaction.atomic
def remap_draft(*, owner: Owner, draft: int, upload: Upload) -> WorkloadDraft:
    """The same upload, read again with other fields; raises NotFound."""
    row = held(owner=owner, draft=draft)
    before = row.items_id
    row.items, row.report, row.mask = items_of(owner, upload), told(upload.report), upload.mask
    row.save(update_fields=["items", "report", "mask"])
    if before is not None:
        WorkloadItems.objects.filter(pk=before).delete()
    return row


@transaction.atomic
def keep_draft(
    *, owner: Owner, maker: User, draft: int, name: str, scoring: Any, leave_out: bool = False
) -> WorkloadVersion:
    """Make a workload, or its next version, of a draft, which is gone then.

    Raises NotFound, Refused (name, scoring, items that cannot be scored so), Conflict where a new one's name is taken.
    """
    row = held(owner=owner, draft=draft)
    if row.items is None:
        raise Refused("unreadable", "The upload has problems; mend them first.", field="file")
    if row.workload is None:
        name = well_named(name)
        if Workload.objects.filter(owner=owner, name=name).exists():
            words = "You have a workload of this name. Take another name, or upload to it from its own page."
            raise Conflict("name_taken", words, field="name")
    else:
        name = row.workload.name
    items = row.items
    version = add_version(
        owner=owner, maker=maker, name=name, items=items, scoring=scoring, leave_out=leave_out,
        note=f"Uploaded {items.n:,} items.",
    )  # fmt: skip
    row.delete()
    return version


def held(*, owner: Owner, draft: int) -> WorkloadDraft:
    """An owner's draft, locked; raises NotFound."""
    found = WorkloadDraft.objects.filter(owner=owner, pk=draft, created_at__gt=Now() - DRAFT_LIFE)
    row = found.select_for_update(of=("self",)).select_related("workload", "items").first()
    if row is None:
        raise NotFound("unknown_draft", "There is no such upload; it may have been forgotten. Upload it again.")
    return row


@transaction.atomic
def forget_draft(*, owner: Owner, draft: int) -> None:
    """Discard an upload, every byte; raises NotFound."""
    forget([held(owner=owner, draft=draft).pk])


@transaction.atomic
def forget_old_drafts() -> int:
    """Discard every upload that was held for as long as it may be; returns how many."""
    return forget(list(WorkloadDraft.objects.filter(created_at__lte=Now() - DRAFT_LIFE).values_list("pk", flat=True)))


def forget(drafts: list[int]) -> int:
    """Remove drafts with all that was made of them, in the caller's transaction."""
    if not drafts:
        return 0
    items = list(WorkloadItems.objects.filter(draft__in=drafts).values_list("pk", flat=True))
    WorkloadDraft.objects.filter(pk__in=drafts).delete()
    WorkloadItems.objects.filter(pk__in=items).delete()
    return len(drafts)
