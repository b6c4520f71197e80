"""What is done on a schedule, and the models that are followed."""

from django.db import models

from leaderboard.models.accounts import Owner, User
from leaderboard.models.catalogue import Revision
from leaderboard.models.submissions import Submission
from leaderboard.models.suites import Suite

FOLLOWED = (Revision.Source.HUB, Revision.Source.MIRROR)
"""Where models have revisions that come and go."""


class RoutineRun(models.Model):
    """How the last run of something on the schedule went (`leaderboard.schedule`). `ended_at` is null while it runs, or
    when it broke off."""

    name = models.CharField(max_length=20, primary_key=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    said = models.CharField(max_length=300, blank=True, help_text="what it did")
    problem = models.CharField(max_length=300, blank=True, help_text="what went wrong")

    def __str__(self) -> str:
        return f"{self.name} {self.began_at}"


class Follow(models.Model):
    """New revisions of a model are to be submitted, on this suite at these settings, at its owner's cost.

    `seen` is the revision that was met last: its SHA, of an adapter with its base's behind a plus.
    """

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="follows")
    made_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    model = models.CharField(max_length=200, help_text="as the Hub spells it")
    suite = models.ForeignKey(Suite, on_delete=models.CASCADE, related_name="+")
    settings = models.JSONField(help_text="as of a submission")
    settings_digest = models.CharField(max_length=64)
    seen = models.CharField(max_length=81, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    last = models.ForeignKey(Submission, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    problem = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "model", "suite", "settings_digest"], name="follow_once"),
        ]

    def __str__(self) -> str:
        return f"{self.model} on {self.suite_id} for {self.owner}"
