"""Remove a submission and everything that was made from it, leaving only an audit row that says so.

The rows go in one transaction, the only kind in which the database lets them go (`parity.purge`, migration 0004); the
files go after its commit. A crash in between leaves files whose submission is gone, and only such: `remove_orphans`,
or purging the same number again, removes them.

What stays: the model and revision in the catalogue (public facts of the Hub), and the owner's usage (a number). Of the
suite's rankings only a new one stays, for the older ones hold the purged row.
"""

import hashlib
from collections.abc import Sequence

from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Q

from evaluator.contract import canonical_json
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.rank import build_snapshot, forget_all_but, lock_ranking
from leaderboard.actions.record import lock_item_sets
from leaderboard.models import Audit, Delivery, ItemSet, Job, Outbox, Result, SampleChunk, Snapshot, Submission
from leaderboard.models.submissions import LIVE

ACTION = "purge"
FOLDER = "samples"


def purge(*, submission: int, actor: str, reason: str) -> Audit:
    """Purge one ended submission, rows and files; returns what the audit says of it.

    A submission that was purged before has its files looked for again. Raises NotFound, Conflict while it is live,
    Refused without an actor and a reason.
    """
    if not actor.strip() or not reason.strip():
        raise Refused("no_reason", "A purge needs an actor and a reason: they are all that remains of it.")
    row = Submission.everything.filter(pk=submission).first()
    audit = Audit.objects.filter(action=ACTION, subject=subject_of(submission)).last()
    if row is not None:
        audit = purge_rows(submission=submission, actor=actor, reason=reason)
    elif audit is None:
        raise NotFound("unknown_submission", f"There is no submission {submission}.")
    transaction.on_commit(lambda: remove_files(submission))
    return audit


def subject_of(submission: int) -> str:
    """How the audit names a submission."""
    return f"submission {submission}"


@transaction.atomic
def purge_rows(*, submission: int, actor: str, reason: str) -> Audit:
    """The rows, the audit and the new ranking, in one transaction; raises NotFound, Conflict."""
    row = Submission.everything.select_related("suite").filter(pk=submission).first()
    if row is None:
        raise NotFound("unknown_submission", f"There is no submission {submission}.")
    if row.state in LIVE:  # nothing leads back there, so this holds from here on
        raise Conflict("still_live", f"Submission {submission} is {row.state}; cancel it first.")
    scored = list(Submission.everything.filter(rescored_from=row).values_list("pk", flat=True))
    if scored:
        message = f"Its responses were scored anew as submission {', '.join(map(str, scored))}; purge that first."
        raise Conflict("rescored", message)
    # The ranking first: whoever builds one holds this lock, so that none is built from what is just being removed.
    lock_ranking(row.suite)
    list(Job.everything.select_for_update().filter(submission=row).order_by("pk"))
    if not Submission.everything.select_for_update(of=("self",)).filter(pk=submission).exists():
        raise NotFound("unknown_submission", f"Submission {submission} was purged at this moment.")
    lock_item_sets(alone=True)
    digest = digest_of(row)
    ranked = Snapshot.objects.filter(suite=row.suite).exists()
    erase([submission])
    audit = Audit.objects.create(
        actor=actor[:200], action=ACTION, subject=subject_of(submission), reason=reason, digest=digest
    )
    if ranked:
        forget_all_but(build_snapshot(suite=row.suite, anew=True))
    return audit


def erase(submissions: Sequence[int]) -> None:
    """Delete submissions with every row that hangs on them or on their jobs; retries of them forget what they retry.
    Runs in the transaction of a caller who holds the item sets alone."""
    jobs = list(Job.everything.filter(submission__in=submissions).values_list("pk", flat=True))
    items = set(
        Result.everything.filter(submission__in=submissions).exclude(items=None).values_list("items", flat=True)
    )
    deliveries = list(Delivery.objects.filter(submission__in=submissions).values_list("pk", flat=True))
    bells = Q(kind__in=[Outbox.Kind.VALIDATE, Outbox.Kind.SCORE], subject__in=submissions)
    bells |= Q(kind=Outbox.Kind.JOB, subject__in=jobs) | Q(kind=Outbox.Kind.DELIVER, subject__in=deliveries)
    Outbox.objects.filter(bells).delete()
    allow_deleting(True)
    Submission.everything.filter(pk__in=submissions).delete()
    allow_deleting(False)
    ItemSet.objects.filter(pk__in=items, result__isnull=True).delete()


def allow_deleting(allowed: bool) -> None:
    """Tell the database's triggers, for the rest of this transaction, whether rows that are kept may go."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('parity.purge', %s, true)", ["on" if allowed else "off"])


def digest_of(row: Submission) -> str:
    """SHA-256 over the numbers and digests of what is removed: enough to recognise it, nothing of its content."""
    chunks = SampleChunk.objects.filter(job__submission=row)
    parts = {
        "submission": [row.pk, row.settings_digest],
        "jobs": [list(one) for one in row.jobs.order_by("pk").values_list("pk", "attempt", "results_digest")],
        "events": [list(one) for one in row.events.order_by("pk").values_list("pk", "digest")],
        "results": [list(one) for one in row.results.order_by("pk").values_list("pk", "items")],
        "chunks": [list(one) for one in chunks.order_by("pk").values_list("pk", "digest")],
    }
    return hashlib.sha256(canonical_json(parts)).hexdigest()


def remove_files(submission: int) -> int:
    """Remove the stored samples of a submission whose rows are gone; returns how many files there were."""
    return remove_below(f"{FOLDER}/{submission}")


def remove_orphans() -> int:
    """Remove stored samples of submissions that are not there any more; returns how many files.

    Numbers are never given out twice and a submission's row comes before its files, so nothing is removed that is
    still on its way.
    """
    folders = listed(FOLDER)[0]
    found = {int(name) for name in folders if name.isascii() and name.isdigit()}
    known = set(Submission.everything.filter(pk__in=found).values_list("pk", flat=True))
    return sum(remove_files(number) for number in sorted(found - known))


def remove_below(folder: str) -> int:
    """Remove a folder of the file storage with everything in it; returns how many files it had."""
    folders, files = listed(folder)
    count = len(files) + sum(remove_below(f"{folder}/{name}") for name in folders)
    for name in files:
        default_storage.delete(f"{folder}/{name}")
    if folders or files or default_storage.exists(folder):
        default_storage.delete(folder)
    return count


def listed(folder: str) -> tuple[list[str], list[str]]:
    """Folders and files in a folder of the file storage; none where it is not there."""
    try:
        return default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []
