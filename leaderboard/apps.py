"""The Django app."""

from django.apps import AppConfig


class LeaderboardConfig(AppConfig):
    name = "leaderboard"
    verbose_name = "Parity"
    default_auto_field = "django.db.models.BigAutoField"
