"""The site's Celery application: short, idempotent tasks (`leaderboard.tasks`) and the schedule."""

import os
from typing import Any

from celery import Celery, Task

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard.settings")


class SiteTask(Task[Any, Any]):
    """What every task of the site is."""

    Request = "leaderboard.received:Received"


app = Celery("leaderboard", task_cls=SiteTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["leaderboard"])
