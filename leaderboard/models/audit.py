"""What was done to the site's records by people with power. Append-only, and it never holds what was removed."""

from django.db import models


class Audit(models.Model):
    """One act: who, what, to which subject, why. `digest` is the SHA-256 of what the act removed or changed."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    reason = models.TextField()
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.action} {self.subject} by {self.actor}"
