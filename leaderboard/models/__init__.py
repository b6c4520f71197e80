"""Tables by noun."""

from leaderboard.models.accounts import ApiToken, Owner, User, Worker, WorkerToken
from leaderboard.models.catalogue import Model, Revision
from leaderboard.models.results import ItemSet, Result, SampleChunk, Snapshot, SnapshotRow
from leaderboard.models.submissions import Event, Job, Outbox, Submission
from leaderboard.models.suites import Bundle, Suite, SuiteTask

__all__ = [
    "ApiToken",
    "Bundle",
    "Event",
    "ItemSet",
    "Job",
    "Model",
    "Outbox",
    "Owner",
    "Result",
    "Revision",
    "SampleChunk",
    "Snapshot",
    "SnapshotRow",
    "Submission",
    "Suite",
    "SuiteTask",
    "User",
    "Worker",
    "WorkerToken",
]
