"""`manage.py import_results PATH...`: what lm-eval wrote elsewhere, results and samples, of any number of models."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from evaluator.contract import SuiteSpec
from leaderboard.actions.errors import Conflict
from leaderboard.actions.import_evaluations import ensure_imported_suite, import_evaluations
from leaderboard.imports import lm_eval_results, lm_eval_runs
from leaderboard.imports.evaluations import SourceError
from leaderboard.management.reports import tell, tell_notes
from leaderboard.models import Suite


class Command(BaseCommand):
    help = (
        "Import results of lm-eval 0.4. Runs go to the suite whose tasks they hold, with its metrics, examples and "
        "limits. All files of a model belong in one call. The same files again change nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="result files, or folders of them")
        parser.add_argument("--suite", help="name@version; a new name makes a suite of the tasks in the files")
        parser.add_argument("--model", default="", help="org/name, where the files name a folder or an endpoint")
        parser.add_argument("--all", action="store_true", help="list everything that was skipped or is incomplete")

    def handle(self, *_: Any, paths: list[Path], suite: str | None, model: str, **options: Any) -> None:
        started = time.monotonic()
        try:
            runs, skipped = lm_eval_runs.find(paths, name=model)
            wanted = self.wanted(suite, runs) if suite and runs else None
            known = [specification(one) for one in Suite.objects.all()]
            found, misfits = lm_eval_results.by_suite(runs, known, wanted)
            for spec, source in found:
                row = Suite.objects.filter(slug=spec.slug).first() or ensure_imported_suite(spec=spec)
                report = import_evaluations(source=source, suite=row)
                tell(self.stdout, spec.slug, report, everything=options["all"])
        except (SourceError, Conflict) as error:
            raise CommandError(str(error), returncode=2) from error
        if skipped or misfits:
            self.stdout.write("Skipped:")
            tell_notes(self.stdout, [*skipped, *misfits], everything=options["all"])
        self.stdout.write(f"{time.monotonic() - started:.1f} s")
        if not found:
            raise CommandError("Nothing was imported.", returncode=2)

    def wanted(self, slug: str, runs: list[lm_eval_runs.Run]) -> SuiteSpec:
        """The suite that was asked for: a released one, or a new one of the runs' tasks; raises SourceError."""
        released = Suite.objects.filter(slug=slug).first()
        if released is not None:
            return specification(released)
        name, _, version = slug.partition("@")
        if not (version.isascii() and version.isdigit() and int(version) and name.replace("-", "").isalnum()):
            raise SourceError(f"{slug!r} is no suite: write name@version, such as ours@1.")
        return lm_eval_results.suite_of(name.lower(), int(version), runs)


def specification(suite: Suite) -> SuiteSpec:
    return msgspec.convert(suite.definition, SuiteSpec)
