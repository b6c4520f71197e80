"""What a worker would be given next: a look at the line that takes nothing out of it."""

from collections.abc import Sequence

from django.db.models import Q
from django.db.models.functions import Now

from leaderboard.models import Job, Revision, Submission, Worker
from leaderboard.models.submissions import IN_LINE
from leaderboard.queries.editions import least_edition
from leaderboard.queries.hosts import Need, can_run, online

AHEAD = 50
"""So many other workers at most are thought of: each is a job further down the line."""


def upcoming(fitting: Q, worker: Worker | None) -> Job | None:
    """The job that `worker` would get once it is free; None where there is none, or nothing of it can be downloaded.

    `fitting`: the jobs that it can run. Endpoints have no weights, stored responses need none, and of a mirror's each
    host has its own copy. Who is free sooner takes what is first in line, so that several workers prepare for different
    jobs; where there are fewer jobs than workers, or `worker` is not known, it is the first one.
    """
    ready = Q(submission__state__in=[Submission.State.QUEUED, Submission.State.RUNNING], kind=Job.Kind.EVALUATION)
    weighs = Q(submission__use__isnull=True, submission__rescored_from=None)
    waiting = Job.everything.filter(fitting, ready, weighs, not_before__lte=Now()).annotate(edition=least_edition())
    sooner = free_before(worker)[:AHEAD] if worker is not None else []
    line = waiting.select_related("submission__revision__model").order_by(*IN_LINE)[: len(sooner) + 1]
    needs = [(job, Need(job.queue, job.engine, job.needs_bytes, job.architecture, job.edition)) for job in line]
    job = left_over(needs, sooner)
    if job is None or job.submission.revision is None or job.submission.rescored_from_id is not None:
        return None
    revision = job.submission.revision
    return job if revision.source == Revision.Source.HUB and revision.size_bytes else None


def left_over(line: Sequence[tuple[Job, Need]], sooner: list[Worker]) -> Job | None:
    """The first job that none of those takes who are free `sooner`, each of whom takes one; else the first of all."""
    there = list(sooner)
    for job, needs in line:
        taker = next((worker for worker in there if can_run(worker, needs)), None)
        if taker is None:
            return job
        there.remove(taker)
    return line[0][0] if line else None


def free_before(worker: Worker) -> list[Worker]:
    """Who of the workers that are online is free before this one: those that run nothing, and those whose job is
    further, by the share of its items; equal ones by their number."""
    running = Job.everything.filter(state=Job.State.RUNNING).values_list("worker", "done", "total")
    share: dict[int | None, float] = {}
    for number, done, total in running:
        share[number] = min(share.get(number, 1.0), done / total if total else 0.0)

    def turn(one: Worker) -> tuple[float, int]:
        return -share.get(one.pk, 1.0), one.pk

    return sorted((one for one in online() if turn(one) < turn(worker)), key=turn)
