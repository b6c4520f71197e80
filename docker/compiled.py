"""Imports what the programs of the site's image import, as it is built, so that Python keeps just that compiled.

All of the packages compiled are 57 MB, two fifths of which nothing loads; what is needed once in a while, such as a
command, is compiled as it is loaded. That each program finds its modules in what trim.py leaves is seen by the way.
"""

import os
from importlib import import_module

import django
from django.core.management import get_commands, load_command_class
from django.urls import get_resolver

PROGRAMS = (
    "gunicorn.app.wsgiapp", "gunicorn.workers.gthread", "celery.bin.celery", "celery.apps.worker", "celery.apps.beat",
    "celery.concurrency.thread", "celery.worker.consumer", "kombu.transport.redis", "leaderboard.scheduler",
    "django.db.backends.postgresql.base", "django.core.handlers.wsgi",
)  # fmt: skip


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard.settings")
    django.setup()
    for name in PROGRAMS:
        import_module(name)
    import_module("leaderboard.celery").app.loader.import_default_modules()
    assert get_resolver().url_patterns
    for name, package in get_commands().items():
        if package == "leaderboard":
            load_command_class(package, name)


if __name__ == "__main__":
    main()
