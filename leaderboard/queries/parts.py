"""What earlier attempts of a running job have left at the site, for the attempt that holds it now."""

from django.db.models import Q, QuerySet

from leaderboard.models import Job, ResponsePart
from leaderboard.queries.editions import SHARES_SINCE


def parts_for(job: Job) -> QuerySet[ResponsePart]:
    """In the order in which they were measured. Of workers that the site trusts, or with the holder's own token: what
    anybody else measured must not come to count as a trusted worker's. An evaluation that shares its requests gets what
    the shares have left too, where its worker knows of shares."""
    whose = Q(worker__token__trusted=True)
    if job.worker is not None:
        whose |= Q(worker__token=job.worker.token_id)
    of = Q(job=job)
    if job.shares > 1 and job.share == 0 and job.worker is not None and job.worker.edition >= SHARES_SINCE:
        of |= Q(job__submission=job.submission_id, job__kind=Job.Kind.SHARE)
    return ResponsePart.objects.filter(whose, of).order_by("job", "attempt", "sequence")
