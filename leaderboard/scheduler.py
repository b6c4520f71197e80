"""What rings regularly: `celery -A leaderboard.scheduler beat`. It knows the tasks by name alone.

So it has Django's settings and none of its models: a third of the memory of a process that could do what it asks for.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard.settings")

app = Celery("leaderboard", fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")
