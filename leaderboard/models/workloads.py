"""Workloads: people's own prompts, private to their owner. Everything here goes with its workload.

Items are stored once, in compressed parts, and never change; a version of a workload is those items, a way of scoring
them, and which of them are left out and why.
"""

from datetime import timedelta

from django.db import models

from leaderboard.models.accounts import Owner, User

DRAFT_LIFE = timedelta(hours=1)
"""How long an upload is held that nobody keeps."""


class Workload(models.Model):
    """A name under which an owner keeps versions. Nobody else learns that it is there."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="workloads")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="workload_name_once")]

    def __str__(self) -> str:
        return f"workload {self.pk}"  # names are private too, and this is what logs show


class WorkloadItems(models.Model):
    """The items of one upload, whole and unchangeable. `digest` is the SHA-256 (hex) of them.

    `report` is what reading them found (`leaderboard.workloads.records.Report`), without its first items.
    """

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="workload_items")
    n = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    form = models.CharField(max_length=10)
    masked = models.BooleanField(default=False)
    report = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.n} items {self.digest[:12]}"


class WorkloadPart(models.Model):
    """Some of the items, in order, as gzip JSON lines (`leaderboard.workloads.packed`); `first` is from 0."""

    items = models.ForeignKey(WorkloadItems, on_delete=models.CASCADE, related_name="parts")
    first = models.PositiveIntegerField()
    n = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["items", "first"], name="workload_part_once")]

    def __str__(self) -> str:
        return f"items {self.first} to {self.first + self.n}"


class WorkloadVersion(models.Model):
    """An immutable version: items, scoring (`evaluator.scoring`), and by position what is left out, with the reason."""

    workload = models.ForeignKey(Workload, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    items = models.ForeignKey(WorkloadItems, on_delete=models.PROTECT, related_name="versions")
    scoring = models.JSONField()
    excluded = models.JSONField(default=dict, help_text="position (from 0, as a text) to reason")
    note = models.CharField(max_length=200, blank=True, help_text="what is new in it, in a sentence of ours")
    made_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["workload", "number"], name="workload_version_once")]

    def __str__(self) -> str:
        return f"version {self.number} of workload {self.workload_id}"

    @property
    def counted(self) -> int:
        """Items that count."""
        return self.items.n - len(self.excluded)


class WorkloadDraft(models.Model):
    """An upload that its owner still looks at: it is no workload, and is forgotten when it is kept, discarded or old.

    `report` is all that reading it found, `items` what became of it where that is good. `workload`: whose next version
    it is to be, null for a new one.
    """

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="workload_drafts")
    workload = models.ForeignKey(Workload, null=True, on_delete=models.CASCADE, related_name="drafts")
    items = models.OneToOneField(WorkloadItems, null=True, on_delete=models.PROTECT, related_name="draft")
    file_name = models.CharField(max_length=200, blank=True)
    form = models.CharField(max_length=10)
    size = models.PositiveBigIntegerField(help_text="bytes of the upload")
    mask = models.BooleanField(default=False)
    report = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="workload_draft_age")]

    def __str__(self) -> str:
        return f"draft {self.pk}"


class DraftPart(models.Model):
    """A piece of the upload as it came, gzip, so that it can be read again with other fields."""

    draft = models.ForeignKey(WorkloadDraft, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["draft", "number"], name="draft_part_once")]

    def __str__(self) -> str:
        return f"part {self.number} of draft {self.draft_id}"
