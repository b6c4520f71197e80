"""Replies to requests that may be repeated under the same key (the header Idempotency-Key)."""

from django.db import models

from leaderboard.models.accounts import Owner


class KeptReply(models.Model):
    """What a request was answered, for a day. `digest` is the SHA-256 of the request; `body` is sealed, for a reply may
    hold a secret that is shown once."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="kept_replies")
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "kept replies"
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="kept_reply_once")]

    def __str__(self) -> str:
        return f"{self.key} of {self.owner_id}"
