"""What is claimed of models, and what people say about scores: flags, disputes, notes of contamination."""

from django.db import models
from django.db.models import Q

from leaderboard.models.accounts import User
from leaderboard.models.catalogue import Model
from leaderboard.models.submissions import Submission


class Claim(models.Model):
    """Something that is said of models, with the terms of the test that decides it (`leaderboard.claims.terms`).

    It never changes; the staff withdraws it, and may state another under the same slug.
    """

    slug = models.CharField(max_length=80)
    text = models.CharField(max_length=300)
    who = models.CharField(max_length=200, help_text="who says so")
    url = models.CharField(max_length=300, blank=True, help_text="where it is said")
    quotation = models.CharField(max_length=1000, blank=True, help_text="as it is said there, word for word")
    terms = models.JSONField()
    stated_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="claims")
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="claim_once", condition=Q(withdrawn_at__isnull=True))
        ]

    def __str__(self) -> str:
        return self.slug


class Remark(models.Model):
    """What somebody says about a score, or about a model and a task, with a reason and evidence. Append-only.

    An `answer` is the staff's to another remark; `closes`: nothing of that remark is open any more.
    """

    class Kind(models.TextChoices):
        FLAG = "flag", "flag"
        DISPUTE = "dispute", "dispute"
        CONTAMINATION = "contamination", "contamination note"
        ANSWER = "answer", "answer"

    kind = models.CharField(max_length=14, choices=Kind)
    submission = models.ForeignKey(
        Submission, null=True, blank=True, on_delete=models.CASCADE, related_name="remarks"
    )  # fmt: skip
    model = models.ForeignKey(Model, null=True, blank=True, on_delete=models.CASCADE, related_name="remarks")
    task = models.CharField(max_length=120, blank=True)
    answers = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="replies")
    closes = models.BooleanField(default=False)
    reason = models.TextField()
    evidence = models.TextField(blank=True)
    by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="remark_has_a_subject",
                condition=Q(submission__isnull=False, model__isnull=True, answers__isnull=True)
                | Q(submission__isnull=True, model__isnull=False, answers__isnull=True)
                | Q(kind="answer", answers__isnull=False, submission__isnull=True, model__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class HiddenTexts(models.Model):
    """A task whose items are not shown, while its scores are: private ones, or with a licence that forbids it."""

    task = models.CharField(max_length=120, unique=True)
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.task
