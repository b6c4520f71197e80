"""What was measured, and the rankings built from it."""

from django.db import models

from leaderboard.models.catalogue import Revision
from leaderboard.models.imports import Imported
from leaderboard.models.submissions import Job, Submission
from leaderboard.models.suites import Suite, SuiteTask


class ItemSet(models.Model):
    """The items of a task in order, by hash, shared by all results over the same items.

    `hashes` is n x 32 bytes (SHA-256 each); `digest` is the SHA-256 (hex) of it. Two results are paired item by item
    when they point at the same set.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    n = models.PositiveIntegerField()
    hashes = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.n} items {self.digest[:12]}"


class Result(models.Model):
    """One task's score in one submission; `score` is null with `unavailable` saying why.

    `item_scores` is n little-endian float32, in the order of `items`.
    """

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="results")
    task = models.ForeignKey(SuiteTask, on_delete=models.PROTECT, related_name="results")
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="results")
    attempt = models.PositiveIntegerField()
    score = models.FloatField(null=True, blank=True)
    stderr = models.FloatField(null=True, blank=True)
    n = models.PositiveIntegerField(default=0)
    unavailable = models.TextField(blank=True)
    items = models.ForeignKey(ItemSet, null=True, blank=True, on_delete=models.PROTECT)
    item_scores = models.BinaryField(default=bytes)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["submission", "task"], name="result_once"),
            models.CheckConstraint(
                name="result_or_reason",
                condition=models.Q(score__isnull=False, unavailable="") | models.Q(score__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task_id}: {self.score}"


class SampleChunk(models.Model):
    """A stored chunk of samples (gzip JSONL) in file storage; `digest` is the SHA-256 (hex) of the file."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="chunks")
    attempt = models.PositiveIntegerField()
    sequence = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    path = models.CharField(max_length=200)
    size = models.PositiveIntegerField()
    samples = models.PositiveIntegerField(default=0)
    tasks = models.JSONField(default=dict, help_text="how many samples it holds for each task of the suite")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "attempt", "sequence"], name="chunk_once")]

    def __str__(self) -> str:
        return self.path


class Snapshot(models.Model):
    """An immutable ranking of a suite. Pages and API read only the newest.

    `columns` repeats what its rows can be found and sorted by; `digest` is the SHA-256 (hex) of it.
    """

    suite = models.ForeignKey(Suite, on_delete=models.CASCADE, related_name="snapshots")
    columns = models.BinaryField(default=bytes, help_text="a compressed Arrow file (leaderboard.columnar.table)")
    digest = models.CharField(max_length=64, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["suite", "-id"], name="snapshot_newest")]

    def __str__(self) -> str:
        return f"snapshot {self.pk}"


class SnapshotRow(models.Model):
    """A row of the board: one revision at one set of settings, with everything the table shows.

    It comes from a submission, measured by this site's workers, or from an import, which nobody here verified.
    `score` and `stderr` are 0-100. `tasks` maps a task's name to
    {"score", "stderr", "n", "metric", "filter", "unavailable"} with fractions; imported cells may also have
    "normalised", the source's own number from 0 to 100.
    """

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="rows")
    submission = models.ForeignKey(Submission, null=True, blank=True, on_delete=models.CASCADE, related_name="rows")
    imported = models.ForeignKey(Imported, null=True, blank=True, on_delete=models.CASCADE, related_name="rows")
    verified = models.BooleanField(default=True, help_text="measured by this site's workers")
    precision = models.CharField(max_length=20, blank=True, help_text="of the weights as they were run")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="rows")
    model_name = models.CharField(max_length=200)
    rank = models.PositiveIntegerField(null=True, blank=True)
    rank_low = models.PositiveIntegerField(null=True, blank=True)
    rank_high = models.PositiveIntegerField(null=True, blank=True)
    unranked_reason = models.TextField(blank=True)
    score = models.FloatField(null=True, blank=True)
    stderr = models.FloatField(null=True, blank=True)
    tasks = models.JSONField()

    class Meta:
        ordering = [models.F("rank").asc(nulls_last=True), "model_name", "id"]
        indexes = [models.Index(fields=["snapshot", "rank"], name="row_rank")]
        constraints = [
            models.CheckConstraint(
                name="row_ranked_or_reason",
                condition=models.Q(rank__isnull=False, unranked_reason="")
                | (models.Q(rank__isnull=True) & ~models.Q(unranked_reason="")),
            ),
            models.CheckConstraint(
                name="row_measured_or_imported",
                condition=models.Q(submission__isnull=False, imported__isnull=True)
                | models.Q(submission__isnull=True, imported__isnull=False, verified=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rank} {self.model_name}"
