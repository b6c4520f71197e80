"""Tables by noun."""

from leaderboard.models.accounts import ApiToken, Membership, Owner, Usage, User, Worker, WorkerToken
from leaderboard.models.audit import Audit
from leaderboard.models.bakeoffs import (
    Bakeoff,
    BakeoffEntry,
    BakeoffReader,
    BakeoffShare,
    EarlyLook,
    WorkloadAnswers,
    WorkloadSuite,
)
from leaderboard.models.catalogue import Fact, Model, Price, Revision
from leaderboard.models.endpoints import DriftCheck, Endpoint, EndpointHour, EndpointUse, ProviderOrigin, Watch
from leaderboard.models.evidence import Claim, HiddenTexts, Remark
from leaderboard.models.imports import Import, Imported, ImportedResult
from leaderboard.models.judging import Grade, Judge, Judging
from leaderboard.models.kept_replies import KeptReply
from leaderboard.models.notices import Delivery, Webhook
from leaderboard.models.pulses import Pulse
from leaderboard.models.results import ItemSet, PairedTest, ResponsePart, Result, SampleChunk, Snapshot, StaleRanking
from leaderboard.models.routines import Follow, RoutineRun
from leaderboard.models.site import SiteState
from leaderboard.models.submissions import Event, Job, Outbox, Submission
from leaderboard.models.suites import Bundle, Suite, SuiteTask
from leaderboard.models.workloads import (
    DraftPart,
    Workload,
    WorkloadDraft,
    WorkloadItems,
    WorkloadPart,
    WorkloadVersion,
)

__all__ = [
    "ApiToken",
    "Audit",
    "Bakeoff",
    "BakeoffEntry",
    "BakeoffReader",
    "BakeoffShare",
    "Bundle",
    "Claim",
    "Delivery",
    "DraftPart",
    "DriftCheck",
    "EarlyLook",
    "Endpoint",
    "EndpointHour",
    "EndpointUse",
    "Event",
    "Fact",
    "Follow",
    "Grade",
    "HiddenTexts",
    "Import",
    "Imported",
    "ImportedResult",
    "ItemSet",
    "Job",
    "Judge",
    "Judging",
    "KeptReply",
    "Membership",
    "Model",
    "Outbox",
    "Owner",
    "PairedTest",
    "Price",
    "ProviderOrigin",
    "Pulse",
    "Remark",
    "ResponsePart",
    "Result",
    "Revision",
    "RoutineRun",
    "SampleChunk",
    "SiteState",
    "Snapshot",
    "StaleRanking",
    "Submission",
    "Suite",
    "SuiteTask",
    "Usage",
    "User",
    "Watch",
    "Webhook",
    "Worker",
    "WorkerToken",
    "Workload",
    "WorkloadAnswers",
    "WorkloadDraft",
    "WorkloadItems",
    "WorkloadPart",
    "WorkloadSuite",
    "WorkloadVersion",
]
