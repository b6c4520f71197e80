"""WSGI entry point: `gunicorn leaderboard.wsgi`.

Whatever takes long once is done before the first reader comes: the pages' modules are imported (SciPy takes seconds),
the front page's ranking is read.
"""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from leaderboard import counting

counting.share()  # before anything is counted
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard.settings")
os.environ.setdefault("PARITY_STATEMENT_MS", "2000")  # for web requests alone: rankings and purges take their time
application = get_wsgi_application()

from leaderboard.queries import ahead  # noqa: E402  # models can be imported from here on

assert get_resolver().url_patterns
ahead.start()
gc.collect()
gc.freeze()  # modules, pages and rankings stay: looking through them for garbage takes a tenth of a second each time
