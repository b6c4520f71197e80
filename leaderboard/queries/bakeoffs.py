"""Bake-offs as their owner sees them: which there are, and how far each has come."""

from dataclasses import dataclass
from functools import cached_property

from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Now

from leaderboard import tokens
from leaderboard.models import (
    Bakeoff,
    BakeoffEntry,
    BakeoffReader,
    BakeoffShare,
    EndpointUse,
    Job,
    Model,
    Owner,
    Submission,
    User,
    Workload,
    WorkloadVersion,
)
from leaderboard.models.submissions import LIVE
from leaderboard.queries.errors import Missing
from leaderboard.queries.submissions import Progress, progress_of

LISTED = 50
JUDGE = "judge"
"""The way of scoring that leaves it to judges."""


@dataclass(frozen=True)
class Entrant:
    """One of the models; `number` is its place, from 1."""

    number: int
    submission: Submission
    jobs: list[Job]

    @property
    def name(self) -> str:
        revision = self.submission.revision
        return revision.model.name if revision else self.submission.requested_model

    @property
    def kind(self) -> str:
        """As the mark beside it: open or proprietary."""
        if self.submission.revision:
            return str(self.submission.revision.model.kind)
        return Model.Kind.PROPRIETARY if self.use else Model.Kind.OPEN

    @property
    def use(self) -> EndpointUse | None:
        return getattr(self.submission, "use", None)

    @property
    def state(self) -> str:
        return self.submission.state

    @property
    def live(self) -> bool:
        return self.state in LIVE

    @property
    def done(self) -> bool:
        return self.state == Submission.State.SUCCEEDED

    @cached_property
    def progress(self) -> Progress:
        return progress_of([job for job in self.jobs if job.kind == Job.Kind.EVALUATION])


@dataclass(frozen=True)
class Course:
    """A bake-off and how far it has come."""

    bakeoff: Bakeoff
    entrants: list[Entrant]

    @property
    def version(self) -> WorkloadVersion:
        return self.bakeoff.version

    @property
    def workload(self) -> Workload:
        return self.version.workload

    @property
    def judged(self) -> bool:
        """Whether judges alone say which answers are better; its scores say which are there."""
        return bool(self.version.scoring.get("kind") == JUDGE)

    @property
    def live(self) -> bool:
        return any(one.live for one in self.entrants)

    @property
    def done(self) -> list[Entrant]:
        return [one for one in self.entrants if one.done]

    @property
    def waiting(self) -> list[Entrant]:
        """Those that wait for their owner's word."""
        return [one for one in self.entrants if one.state == Submission.State.PAUSED]

    @property
    def heard(self) -> str:
        """Changes when a state does: what a screen reader is told."""
        return "-".join(one.state for one in self.entrants)


def bakeoffs(owner: Owner | None, workload: int | None = None) -> QuerySet[Bakeoff]:
    """Those of an owner, or of one of their workloads, newest first; none for anybody else."""
    found = Bakeoff.objects.filter(version__workload__owner=owner)
    found = found if workload is None else found.filter(version__workload=workload)
    return found.select_related("version").prefetch_related(
        Prefetch("entries", BakeoffEntry.objects.select_related("submission__revision__model"))
    )


def course(owner: Owner | None, pk: int, *, workload: int | None = None) -> Course:
    """One bake-off, of that workload where one is named; raises Missing, also for somebody else's."""
    found = Bakeoff.objects.filter(pk=pk, version__workload__owner=owner)
    found = found if workload is None else found.filter(version__workload=workload)
    row = found.select_related("version__workload", "version__items").first()
    if row is None:
        raise Missing("bakeoff", f"You have no bake-off {pk}.")
    return course_of(row)


def course_of(row: Bakeoff) -> Course:
    """4 queries."""
    entries = row.entries.select_related(
        "submission__revision__model", "submission__suite", "submission__use__endpoint"
    )
    entries = entries.defer("submission__suite__definition").order_by("position")
    listed = [entry.submission for entry in entries]
    jobs: dict[int, list[Job]] = {}
    for job in Job.everything.filter(submission__in=listed).defer("log").order_by("pk"):
        jobs.setdefault(job.submission_id, []).append(job)
    return Course(row, [Entrant(number, one, jobs.get(one.pk, [])) for number, one in enumerate(listed, start=1)])


def shares(row: Bakeoff) -> list[BakeoffShare]:
    """The links to it that still lead there, newest first."""
    return list(row.shares.filter(revoked_at=None, expires_at__gt=Now()))


def readers(row: Bakeoff) -> QuerySet[BakeoffReader]:
    """The people who read its numbers, in the order in which they were let in."""
    return row.readers.select_related("user").order_by("pk")


def read_by(user: User) -> list[Bakeoff]:
    """Others' reports that somebody reads, newest first. 1 query."""
    found = Bakeoff.objects.filter(readers__user=user).select_related("version__workload__owner")
    return list(found.order_by("-pk")[:LISTED])


def course_read_by(user: User, pk: int) -> Course:
    """One of them; raises Missing, also for one that was never shared with them."""
    row = (
        Bakeoff.objects.filter(readers__user=user, pk=pk).select_related("version__workload", "version__items").first()
    )
    if row is None:
        raise Missing("report", f"No report {pk} is shared with you.")
    return course_of(row)


def shared(token: str) -> Course:
    """The bake-off that a link leads to; raises Missing for one that has expired, was revoked, or never was."""
    found = BakeoffShare.objects.filter(digest=tokens.digest(token), revoked_at=None, expires_at__gt=Now())
    row = found.select_related("bakeoff__version__workload", "bakeoff__version__items").first()
    if row is None:
        raise Missing("share", "This link leads nowhere: it has expired, was revoked, or is not complete.")
    return course_of(row.bakeoff)
