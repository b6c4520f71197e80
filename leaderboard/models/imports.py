"""Evaluations that were measured elsewhere. Nothing here is verified, and nothing here is ever changed or deleted."""

from django.db import models
from django.db.models import Q

from leaderboard.models.catalogue import Revision
from leaderboard.models.suites import Suite, SuiteTask


class Import(models.Model):
    """One reading of a source that brought something new.

    `report` holds counts, and what was skipped or is incomplete: lists of [what, reason].
    """

    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="imports")
    source = models.CharField(max_length=60)
    title = models.CharField(max_length=120)
    url = models.CharField(max_length=300, blank=True)
    as_of = models.DateField(null=True, blank=True, help_text="the newest day that the source speaks of")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what was read")
    report = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["suite", "-id"], name="import_newest")]

    def __str__(self) -> str:
        return f"{self.title} of {self.as_of}"


class Imported(models.Model):
    """One imported evaluation; a later statement of its source under the same `key` supersedes it.

    `score` and `stderr` are 0-100, `tasks` as in `leaderboard.queries.rows`. `facts` is what else the source says, as
    it says it.
    `digest` is the SHA-256 of everything above: equal digests mean that nothing is new.
    """

    batch = models.ForeignKey(Import, on_delete=models.PROTECT, related_name="evaluations")
    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="imported_evaluations")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="imported")
    source = models.CharField(max_length=60)
    key = models.CharField(max_length=400)
    settings = models.JSONField()
    precision = models.CharField(max_length=20, blank=True)
    score = models.FloatField(null=True, blank=True)
    stderr = models.FloatField(null=True, blank=True)
    unranked_reason = models.TextField(blank=True)
    tasks = models.JSONField()
    facts = models.JSONField()
    evaluated_on = models.DateField(null=True, blank=True)
    digest = models.CharField(max_length=64)
    superseded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["suite", "source", "key"],
                name="one_current_import_a_key",
                condition=Q(superseded_at__isnull=True),
            ),
            models.CheckConstraint(
                name="imported_score_or_reason", condition=Q(score__isnull=False) | ~Q(unranked_reason="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.source}"


class ImportedResult(models.Model):
    """The items behind one task's imported score, where the source has them; as `Result` for what is measured here.

    `item_scores` is n little-endian float32, in the order of `items`.
    """

    imported = models.ForeignKey(Imported, on_delete=models.CASCADE, related_name="results")
    task = models.ForeignKey(SuiteTask, on_delete=models.PROTECT, related_name="imported_results")
    n = models.PositiveIntegerField()
    items = models.ForeignKey("leaderboard.ItemSet", on_delete=models.PROTECT)
    item_scores = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["imported", "task"], name="imported_result_once")]

    def __str__(self) -> str:
        return f"{self.n} items of {self.task_id}"
