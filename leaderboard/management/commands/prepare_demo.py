"""What `make run` needs of Django before anything starts, in a process that ends: leaderboard.demo only watches."""

from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.accounts import create_api_token, create_person, register_worker_token
from leaderboard.demo.people import NAME, password
from leaderboard.models import User


class Command(BaseCommand):
    help = "Tables, pages' files, suites and people of the demonstration (a part of make run)."
    requires_system_checks = ()
    """They import every page, which takes seconds; the site's own start makes them."""

    def handle(self, *_: Any, **__: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This makes people for PARITY_MODE=demo only; use `make run`.", returncode=2)
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        call_command("load_suites", stdout=StringIO())
        user = User.objects.filter(username=NAME).first()
        user = user or create_person(username=NAME, password=password(settings.STATE_DIR))
        token_file = settings.STATE_DIR / "demo-token"
        if not token_file.exists():
            keep(token_file, create_api_token(owner=user.owner, user=user, name=NAME))
        create_api_token(owner=user.owner, user=user, name=NAME, token=token_file.read_text().strip())
        register_worker_token(name=NAME, token=settings.WORKER_TOKEN, trusted=True)


def keep(path: Path, text: str) -> None:
    """Write a secret that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text(text)
