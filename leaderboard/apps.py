"""The Django app."""

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig

from evaluator import tracing


class LeaderboardConfig(AppConfig):
    name = "leaderboard"
    verbose_name = "Parity"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        tracing.start("parity-site")


class StaticFiles(StaticFilesConfig):
    """Only what pages ask for: the packages bring megabytes of source maps and a second API browser."""

    ignore_patterns = ["CVS", ".*", "*~", "redoc*", "*.js.map", "swagger-ui-es*", "rest_framework"]
