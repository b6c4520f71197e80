"""Whether only workers that the site trusts have measured something."""

from leaderboard.models import Job, Submission


def measured_by_trusted(submission: Submission) -> bool:
    """Whether every job of it was done by a trusted worker; shards that nobody took have measured nothing."""
    measured = submission.jobs.exclude(kind=Job.Kind.SHARD, worker=None)
    return not measured.exclude(worker__token__trusted=True).exists()
