"""Signs of life of what works in the background."""

from django.db import models


class Pulse(models.Model):
    """When a part of the site was last seen at work.

    The scheduler is seen when what it asked for begins, the reconciler when a round of it has ended well.
    """

    class Part(models.TextChoices):
        SCHEDULER = "scheduler"
        RECONCILER = "reconciler"

    part = models.CharField(max_length=12, choices=Part, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.part} {self.at}"
