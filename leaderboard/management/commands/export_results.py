"""`manage.py export_results ID FOLDER`: a submission as lm-eval's result and sample files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.exports import lm_eval_files
from leaderboard.queries.errors import BadQuery


class Command(BaseCommand):
    help = "Write a submission's results and samples as lm-eval 0.4.13 does; import_results reads them again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("submission", type=int, help="number of the submission")
        parser.add_argument("folder", type=Path, help="where the files go, in a folder named after the model")

    def handle(self, *_: Any, submission: int, folder: Path, **__: Any) -> None:
        try:
            written = lm_eval_files.write(submission, folder)
        except BadQuery as error:
            raise CommandError(error.message, returncode=2) from error
        for path in written:
            self.stdout.write(str(path))
