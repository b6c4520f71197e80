"""Suites as people choose among them."""

from django.db.models import QuerySet

from leaderboard.models import Suite


def suites() -> QuerySet[Suite]:
    """All released suites, the newest version of a name first, each with its tasks."""
    return Suite.objects.order_by("name", "-version").prefetch_related("tasks")
