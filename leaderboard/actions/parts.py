"""Responses that an attempt leaves for another one of its job, on another host (`evaluator.handover`)."""

import hashlib
import re

from django.conf import settings as site
from django.db import transaction
from django.db.models import Sum

from leaderboard.actions.errors import Conflict, Refused
from leaderboard.actions.files import discard, keep
from leaderboard.actions.lease import held
from leaderboard.actions.transitions import MEASURED
from leaderboard.models import Job, ResponsePart

IDENTITY = re.compile(r"[0-9a-f]{64}")


@transaction.atomic
def leave_part(*, job: int, attempt: int, token: str, sequence: int, identity: str, digest: str, body: bytes) -> bool:
    """Keep a part; False when the same one is already there. Raises Refused, Conflict.

    The site does not read parts: whoever takes one checks every line of it. The file comes first and under a name of
    its own, so that a crash leaves at worst a file that the submission's purge, or `remove_orphans`, finds.
    """
    if not IDENTITY.fullmatch(identity):
        raise Refused("bad_journal", "A part names its journal by 64 hexadecimal digits.")
    if hashlib.sha256(body).hexdigest() != digest:
        raise Refused("digest_mismatch", f"Part {sequence} does not have the digest it was sent with; send it again.")
    row = held(job=job, attempt=attempt, token=token)
    known = ResponsePart.objects.filter(job=row, attempt=attempt, sequence=sequence).first()
    if known is not None:
        if (known.digest, known.identity) != (digest, identity):
            raise Conflict("part_differs", f"Part {sequence} of this attempt was already left with other content.")
        return False
    there = ResponsePart.objects.filter(job=row).aggregate(size=Sum("size", default=0))["size"]
    if there + len(body) > site.PARTS_LIMIT:
        raise Refused("parts_full", f"The parts of a job have at most {site.PARTS_LIMIT:,} bytes together.")
    assert row.worker is not None  # it runs
    path = f"samples/{row.submission_id}/parts/{job}-{attempt}-{sequence:05d}-{digest[:16]}.gz"
    ResponsePart.objects.create(
        job=row, worker=row.worker, attempt=attempt, sequence=sequence, identity=identity, digest=digest,
        size=len(body), path=keep(path, body),
    )  # fmt: skip
    return True


def forget_parts() -> int:
    """Remove the parts of jobs that have ended, rows first; returns how many. What a shard has left stays for as long
    as its submission is measured."""
    ended = ResponsePart.objects.exclude(job__state__in=[Job.State.QUEUED, Job.State.RUNNING]).exclude(
        job__kind=Job.Kind.SHARD, job__submission__state__in=MEASURED
    )
    paths = dict(ended.values_list("pk", "path"))
    with transaction.atomic():
        ResponsePart.objects.filter(pk__in=paths).delete()
    for path in paths.values():
        discard(path)
    return len(paths)
