"""Submissions, the jobs that carry them out, and the states of both.

The allowed moves are the two tables below; `leaderboard.actions.transitions` is the only code that moves anything.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from evaluator import tracing
from leaderboard.models.accounts import Owner, User, Worker
from leaderboard.models.catalogue import Revision
from leaderboard.models.public import Public
from leaderboard.models.suites import Suite

LIVE_STATES = ["validating", "queued", "running", "scoring", "paused"]
"""States of a submission that still has something to do."""

IN_LINE = ("turn", "-priority", "id")
"""The order in which the waiting jobs of a queue are given out."""


class Submission(models.Model):
    """A person's request: this model, this suite, these settings.

    `settings` is a contract.Settings; of an endpoint, also its "protocol" and "sampling" (`leaderboard.run_settings`).
    """

    class State(models.TextChoices):
        VALIDATING = "validating"
        QUEUED = "queued"
        RUNNING = "running"
        SCORING = "scoring"
        SUCCEEDED = "succeeded"
        REJECTED = "rejected"
        FAILED = "failed"
        CANCELLED = "cancelled"
        QUARANTINED = "quarantined"
        RETRACTED = "retracted"
        PAUSED = "paused"

    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="submissions")
    submitter = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="submissions")
    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="submissions")
    requested_model = models.CharField(max_length=200)
    requested_revision = models.CharField(max_length=200, default="main")
    revision = models.ForeignKey(Revision, null=True, blank=True, on_delete=models.PROTECT, related_name="submissions")
    settings = models.JSONField()
    settings_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=12, choices=State, default=State.VALIDATING)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    score = models.FloatField(null=True, blank=True)
    stderr = models.FloatField(null=True, blank=True)
    unranked_reason = models.TextField(blank=True)
    provenance = models.JSONField(default=dict)
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retries")
    rescored_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="rescored",
        help_text="whose stored responses it scores; no model is asked",
    )  # fmt: skip
    fresh = models.BooleanField(default=False, help_text="every request is asked, whatever was answered before")
    charged_on = models.DateField(null=True, blank=True, help_text="the day whose quota pays for it; null: nobody pays")
    predicted_seconds = models.FloatField(
        null=True, blank=True, help_text="from queued_at to the end, as said when it was queued"
    )
    trace = models.CharField(
        max_length=55, blank=True, default=tracing.current, db_default="", help_text="the request that made it"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    everything = models.Manager()
    objects: ClassVar[models.Manager["Submission"]] = Public(suite__owner=None)

    class Meta:
        default_manager_name = "everything"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["suite", "state"], name="submission_suite_state"),
            models.Index(fields=["revision"], name="submission_revision"),
            models.Index(fields=["requested_model"], name="submission_requested"),
            models.Index(fields=["owner"], name="submission_waiting", condition=Q(state="queued")),
            models.Index(fields=["suite", "revision"], name="submission_fresh", condition=Q(fresh=True)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "suite", "settings_digest"],
                name="one_live_submission_a_revision",
                condition=Q(state__in=LIVE_STATES, revision__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["requested_model", "requested_revision", "suite", "settings_digest"],
                name="one_live_submission_a_request",
                condition=Q(state__in=LIVE_STATES),
            ),
            models.CheckConstraint(
                name="submission_pinned_once_validated",
                condition=Q(state__in=["validating", "rejected", "cancelled"]) | Q(revision__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.requested_model} on {self.suite_id} ({self.state})"


class Job(models.Model):
    """What one worker leases; most submissions have one. `attempt` counts leases and only grows.

    A large submission has one of kind evaluation, by which it lives and ends, and others of kind shard, which only
    make that one faster: it does what they have not done. They end with it.

    `spent` is a contract.Spent: what an endpoint was asked for it so far.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"
        PAUSED = "paused"

    class Kind(models.TextChoices):
        EVALUATION = "evaluation"
        PREFLIGHT = "preflight", "a look at an endpoint before anything is spent"
        SHARE = "share", "a share of what an untrusted worker measured, generated again by a trusted one"
        SHARD = "shard", "answers a part of a submission's requests, for its evaluation to score"

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.EVALUATION)
    turn = models.PositiveIntegerField(
        default=0, db_default=0, help_text="the round of its queue in which it is given out (leaderboard.actions.turns)"
    )
    priority = models.PositiveSmallIntegerField(default=0, help_text="higher ones are given out first in their round")
    shard = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="which of `shards` it begins with")
    shards = models.PositiveSmallIntegerField(default=1, db_default=1, help_text="jobs that split the requests")
    queue = models.CharField(max_length=12)
    engine = models.CharField(max_length=20)
    architecture = models.CharField(max_length=200, blank=True)
    needs_bytes = models.BigIntegerField(default=0, help_text="memory that the model needs where it is run")
    limit_seconds = models.FloatField(default=86_400.0, help_text="longest time of one attempt")
    share = models.JSONField(default=list, help_text="the tasks that a share consists of")
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0, help_text="attempts that ended without a result and count")
    not_before = models.DateTimeField()
    worker = models.ForeignKey(Worker, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs")
    token_digest = models.CharField(max_length=64, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    phase = models.CharField(max_length=20, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    log = models.TextField(blank=True)
    results_digest = models.CharField(max_length=64, blank=True)
    spent = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    evaluating_at = models.DateTimeField(null=True, blank=True, help_text="when this attempt's first item was due")
    beat_at = models.DateTimeField(null=True, blank=True, help_text="this attempt's newest heartbeat")
    finished_at = models.DateTimeField(null=True, blank=True)

    everything = models.Manager()
    objects: ClassVar[models.Manager["Job"]] = Public(submission__suite__owner=None)

    class Meta:
        default_manager_name = "everything"
        indexes = [
            models.Index(fields=["queue", *IN_LINE], name="job_in_line", condition=Q(state="queued")),
            models.Index(fields=["queue", "turn"], name="job_turns", condition=Q(attempt__gt=0)),
            models.Index(fields=["lease_expires_at"], name="job_leased", condition=Q(state="running")),
        ]
        constraints = [
            models.CheckConstraint(
                name="job_lease_exactly_while_running",
                condition=Q(state="running", lease_expires_at__isnull=False)
                | (~Q(state="running") & Q(lease_expires_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"job {self.pk} ({self.state}, attempt {self.attempt})"


class Event(models.Model):
    """One transition, or one thing worth telling, of a submission. Append-only."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="events")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=200)
    before = models.CharField(max_length=12, blank=True)
    after = models.CharField(max_length=12)
    reason = models.TextField(blank=True, help_text="a sentence of ours; never what a model or its log said")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of what the event is about")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.before} -> {self.after} by {self.actor}"


class Outbox(models.Model):
    """A doorbell still to be rung. Written in the transaction that makes the work; deleted once the work is taken."""

    class Kind(models.TextChoices):
        VALIDATE = "validate"
        JOB = "job"
        SCORE = "score"
        DELIVER = "deliver"

    kind = models.CharField(max_length=10, choices=Kind)
    subject = models.BigIntegerField(help_text="a submission; for kind job a job, for kind deliver a delivery")
    queue = models.CharField(max_length=12)
    ring_after = models.DateTimeField()
    rings = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["ring_after"], name="outbox_due")]
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="outbox_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


LIVE = frozenset(LIVE_STATES)

SUBMISSION_MOVES: dict[str, frozenset[str]] = {
    "validating": frozenset({"queued", "paused", "rejected", "cancelled"}),
    "queued": frozenset({"running", "paused", "failed", "cancelled"}),
    "running": frozenset({"queued", "paused", "scoring", "failed", "cancelled"}),
    "paused": frozenset({"queued", "cancelled"}),
    "scoring": frozenset({"succeeded", "quarantined", "failed", "cancelled"}),
    "quarantined": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset({"quarantined", "retracted"}),
    "rejected": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
    "retracted": frozenset(),
}

JOB_MOVES: dict[str, frozenset[str]] = {
    "queued": frozenset({"running", "paused", "cancelled", "failed"}),
    "running": frozenset({"done", "queued", "paused", "failed", "cancelled"}),
    "paused": frozenset({"queued", "cancelled"}),
    "done": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}

STAFF_MOVES = {
    "quarantine": ("succeeded", "quarantined"),
    "release": ("quarantined", "succeeded"),
    "refuse": ("quarantined", "failed"),
    "retract": ("succeeded", "retracted"),
}
"""What the staff makes of a submission that has ended, by act: from which state, and to which."""
