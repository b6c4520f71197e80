"""Make the versions of a workload from items as a program sends them, or from a file."""

import io
from collections.abc import Sequence
from typing import Any

import msgspec
from django.db import transaction

from leaderboard.actions.errors import Refused
from leaderboard.actions.workload_items import add_version, store, well_named
from leaderboard.models import Owner, User, WorkloadVersion
from leaderboard.workloads.records import Mapping, Problem
from leaderboard.workloads.upload import Upload

FIELDS = Mapping(
    prompt="prompt", messages="messages", system_field="system", reference="reference", key="id", tags="tags",
    production="production", choices="choices", settings="settings",
)  # fmt: skip
"""What an item's fields are called."""
EMPTY: dict[str, Any] = dict.fromkeys(FIELDS.said().values())


def make_workload(
    *,
    owner: Owner,
    maker: User,
    name: str,
    items: Sequence[dict[str, Any]],
    scoring: Any,
    mask: bool = False,
    leave_out: bool = False,
) -> WorkloadVersion:
    """The next version of a workload from items as a program sends them; raises Refused for the first that is wrong."""
    name = well_named(name)
    lines = b"\n".join(msgspec.json.encode(EMPTY | item) for item in items)
    upload = Upload(io.BytesIO(lines), form="jsonl", mapping=FIELDS, mask=mask).read()
    if not upload.report.good:
        raise refusal(upload.report.problems)
    return stored_version(
        owner=owner, maker=maker, name=name, upload=upload, scoring=scoring, leave_out=leave_out, note="Sent"
    )  # fmt: skip


def make_workload_of_file(
    *, owner: Owner, maker: User, name: str, upload: Upload, scoring: Any, leave_out: bool = False
) -> WorkloadVersion:
    """The next version of a workload from a file, which is read here; raises Refused for the first line that is wrong,
    by its number."""
    name = well_named(name)
    problems = upload.read().report.problems
    if problems:
        rest = f" There are {len(problems) - 1} more problems." if len(problems) > 1 else ""
        raise Refused(problems[0].code, f"{problems[0]}{rest}", field="file")
    return stored_version(
        owner=owner, maker=maker, name=name, upload=upload, scoring=scoring, leave_out=leave_out, note="Uploaded"
    )  # fmt: skip


@transaction.atomic
def stored_version(
    *, owner: Owner, maker: User, name: str, upload: Upload, scoring: Any, leave_out: bool, note: str
) -> WorkloadVersion:
    """The items of a good upload, stored whole, and the version of them."""
    stored = store(
        owner=owner, form=upload.form, masked=upload.mask, report=upload.report, digest=upload.digest,
        parts=upload.parts,
    )  # fmt: skip
    return add_version(
        owner=owner, maker=maker, name=name, items=stored, scoring=scoring, leave_out=leave_out,
        note=f"{note} {stored.n:,} items.",
    )  # fmt: skip


def refusal(problems: Sequence[Problem]) -> Refused:
    """The first problem in the words of a request: lines are places in its list."""
    first = problems[0]
    rest = f" There are {len(problems) - 1} more problems." if len(problems) > 1 else ""
    field = f"items[{first.line - 1}]" if first.line else "items"
    return Refused(first.code, f"{first.message}{rest}", field=f"{field}.{first.field}" if first.field else field)
