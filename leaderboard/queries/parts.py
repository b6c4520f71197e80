"""What earlier attempts of a running job have left at the site, for the attempt that holds it now."""

from django.db.models import Q, QuerySet

from leaderboard.models import Job, ResponsePart


def parts_for(job: Job) -> QuerySet[ResponsePart]:
    """In the order in which they were measured. Of workers that the site trusts, or with the holder's own token: what
    anybody else measured must not come to count as a trusted worker's."""
    whose = Q(worker__token__trusted=True)
    if job.worker is not None:
        whose |= Q(worker__token=job.worker.token_id)
    return ResponsePart.objects.filter(whose, job=job).order_by("attempt", "sequence")
