"""Who is told when a submission ends, and whether the message arrived."""

import uuid

from django.db import models
from django.db.models import Q

from leaderboard.models.accounts import Owner
from leaderboard.models.submissions import Submission


class Webhook(models.Model):
    """An address that gets a signed message at the end of each of an owner's submissions.

    `secret` is encrypted (`leaderboard.sealing`): signing needs it in the clear, readers of a backup do not.
    """

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    secret = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    disabled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "url"], name="webhook_once", condition=Q(disabled_at=None)),
        ]

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One message to one address: a webhook's, or an e-mail's. `key` lets the receiver drop what came twice."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        DEAD = "dead"

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="deliveries")
    webhook = models.ForeignKey(Webhook, null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries")
    email = models.EmailField(blank=True)
    key = models.UUIDField(default=uuid.uuid4, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    tries = models.PositiveIntegerField(default=0)
    last_status = models.PositiveIntegerField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["submission", "webhook"], name="delivery_once_a_webhook", condition=Q(webhook__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["submission", "email"], name="delivery_once_an_address", condition=~Q(email="")
            ),
            models.CheckConstraint(
                name="delivery_to_one_place",
                condition=Q(webhook__isnull=False, email="") | (Q(webhook__isnull=True) & ~Q(email="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.submission_id} to {self.email or self.webhook}"
