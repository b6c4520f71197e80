"""WSGI entry point: `gunicorn leaderboard.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard.settings")
os.environ.setdefault("PARITY_STATEMENT_MS", "2000")  # for web requests alone: rankings and purges take their time
application = get_wsgi_application()
