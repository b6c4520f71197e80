"""`manage.py write_schema`: write the public API's OpenAPI document to leaderboard/api/openapi.json."""

from typing import Any

from django.core.management.base import BaseCommand

from leaderboard.api.schema import CHECKED_IN, written


class Command(BaseCommand):
    help = "Write the OpenAPI document of the public API, as it is checked in."

    def handle(self, *_: Any, **__: Any) -> None:
        CHECKED_IN.write_text(written())
        self.stdout.write(f"written to {CHECKED_IN}")
