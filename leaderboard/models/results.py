"""What was measured, and the rankings built from it."""

from typing import ClassVar

from django.db import models

from leaderboard.models.public import Public
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
    unextracted = models.PositiveIntegerField(
        null=True, blank=True, help_text="samples in which no answer could be found; null: the task does not say"
    )
    items = models.ForeignKey(ItemSet, null=True, blank=True, on_delete=models.PROTECT, db_index=False)
    item_scores = models.BinaryField(default=bytes)
    created_at = models.DateTimeField(auto_now_add=True)

    everything = models.Manager()
    objects: ClassVar[models.Manager["Result"]] = Public(submission__suite__owner=None)

    class Meta:
        default_manager_name = "everything"
        indexes = [models.Index(fields=["items", "-submission"], name="result_items_newest")]
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
    unextracted = models.JSONField(default=dict, help_text="of tasks that say so, samples without a readable answer")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "attempt", "sequence"], name="chunk_once")]

    def __str__(self) -> str:
        return self.path


class ResponsePart(models.Model):
    """Journal lines (gzip) of an attempt that runs or was lost, in file storage, until the job has ended; `identity`
    names the journal, `digest` is the SHA-256 (hex) of the file."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="parts")
    worker = models.ForeignKey("Worker", on_delete=models.CASCADE, related_name="parts")
    attempt = models.PositiveIntegerField()
    sequence = models.PositiveIntegerField()
    identity = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    path = models.CharField(max_length=200)
    size = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "attempt", "sequence"], name="part_once")]

    def __str__(self) -> str:
        return self.path


class PairedTest(models.Model):
    """Two submissions on the items that both answered: first minus second, as a fraction of the suite's score.

    Results never change, so that a pair is tested once. Nulls: they did not answer the same items of every task.
    """

    suite = models.ForeignKey(Suite, on_delete=models.CASCADE, related_name="paired_tests")
    first = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="tests_as_first")
    second = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="tests_as_second")
    difference = models.FloatField(null=True)
    p_unequal = models.FloatField(null=True, help_text="two-sided, of no difference; not adjusted for others")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="paired_once"),
            models.CheckConstraint(name="paired_in_order", condition=models.Q(first__lt=models.F("second"))),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} and {self.second_id}: {self.difference}"


class Snapshot(models.Model):
    """An immutable ranking of a suite. Pages and API read only the newest.

    `columns` holds all of it: whole (`leaderboard.columnar.stored.to_bytes`), or what differs from `base`, which is
    stored whole. `digest` is the SHA-256 (hex) of it, the base's included: it names one content.
    """

    suite = models.ForeignKey(Suite, on_delete=models.CASCADE, related_name="snapshots")
    base = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="differing")
    columns = models.BinaryField(default=bytes, help_text="compressed Arrow (leaderboard.columnar.stored)")
    digest = models.CharField(max_length=64, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["suite", "-id"], name="snapshot_newest")]

    def __str__(self) -> str:
        return f"snapshot {self.pk}"


class StaleRanking(models.Model):
    """Something has changed that the newest ranking of a suite does not show yet. A row for each change: writing it
    waits for nobody. Whoever ranks removes those whose changes it has seen (`leaderboard.actions.refresh`)."""

    suite = models.ForeignKey(Suite, on_delete=models.CASCADE, related_name="stale")
    anew = models.BooleanField(default=False, help_text="rows that were there have changed")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"the ranking of {self.suite_id} is stale"
