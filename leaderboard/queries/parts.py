"""What earlier attempts of a running job, and other shards, have left at the site for the attempt that holds it now."""

from django.db.models import Q, QuerySet

from leaderboard.models import Job, ResponsePart
from leaderboard.queries.editions import SHARDS_SINCE


def parts_for(job: Job) -> QuerySet[ResponsePart]:
    """In the order in which they were measured. Of workers that the site trusts, or with the holder's own token: what
    anybody else measured must not come to count as a trusted worker's. One of several shards gets what all of them have
    left, where its worker knows of shards."""
    whose = Q(worker__token__trusted=True)
    if job.worker is not None:
        whose |= Q(worker__token=job.worker.token_id)
    of = Q(job=job)
    if job.shards > 1 and job.worker is not None and job.worker.edition >= SHARDS_SINCE:
        of |= Q(job__submission=job.submission_id, job__shards=job.shards)
    return ResponsePart.objects.filter(whose, of).order_by("job", "attempt", "sequence")
