"""`manage.py purge ID --reason TEXT --actor NAME`: remove a submission for good; `--orphans`: files left by a crash."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.errors import Refused
from leaderboard.actions.purge import purge, remove_orphans


class Command(BaseCommand):
    help = (
        "Remove an ended submission with its jobs, events, results, samples and ranks; an audit row remains. "
        "Interrupted, it may be run again; --orphans removes sample files whose submission is gone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("submission", nargs="?", type=int, help="number of the submission")
        what.add_argument("--orphans", action="store_true", help="remove files of submissions that are gone")
        parser.add_argument("--reason", default="", help="why, for the audit")
        parser.add_argument("--actor", default="", help="who asked for it, for the audit")

    def handle(self, *_: Any, submission: int | None, orphans: bool, reason: str, actor: str, **__: Any) -> None:
        if orphans or submission is None:
            self.stdout.write(f"{remove_orphans()} files without a submission removed")
            return
        try:
            audit = purge(submission=submission, actor=actor, reason=reason)
        except Refused as error:
            raise CommandError(error.message, returncode=2) from error
        self.stdout.write(f"{audit.subject} is purged; audit {audit.pk}, digest {audit.digest}")
