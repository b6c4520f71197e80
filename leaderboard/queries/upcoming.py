"""What a worker would be given next: a look at the line that takes nothing out of it."""

from django.db.models import Q
from django.db.models.functions import Now

from leaderboard.models import Job, Revision, Submission
from leaderboard.models.submissions import IN_LINE


def upcoming(fitting: Q) -> Job | None:
    """The job that a worker would get if it asked now; None where there is none, or nothing of it can be downloaded.

    `fitting`: the jobs that it can run. Endpoints have no weights, stored responses need none, and of a mirror's each
    host has its own copy.
    """
    ready = Q(submission__state__in=[Submission.State.QUEUED, Submission.State.RUNNING], kind=Job.Kind.EVALUATION)
    weighs = Q(submission__use__isnull=True, submission__rescored_from=None)
    waiting = Job.everything.filter(fitting, ready, weighs, not_before__lte=Now())
    job = waiting.select_related("submission__revision__model").order_by(*IN_LINE).first()
    if job is None or job.submission.revision is None or job.submission.rescored_from_id is not None:
        return None
    revision = job.submission.revision
    return job if revision.source == Revision.Source.HUB and revision.size_bytes else None
