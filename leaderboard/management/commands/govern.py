"""`manage.py govern flag|note|answer|retract|hide|show ... --reason TEXT --by USER`: what the staff does to scores."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leaderboard.actions.errors import Refused
from leaderboard.actions.hide_texts import hide_texts, show_texts
from leaderboard.actions.remarks import answer, flag, note_contamination
from leaderboard.actions.retract import retract
from leaderboard.models import User

ACTS = ("flag", "note", "answer", "retract", "hide", "show")


class Command(BaseCommand):
    help = (
        "flag SUBMISSION: a doubt beside a score. note MODEL [--task T]: a note of contamination. answer REMARK "
        "[--close]. retract SUBMISSION: a result leaves the ranking, its page says why. hide TASK, show TASK: its "
        "items' texts."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=ACTS, metavar="ACT", help=", ".join(ACTS))
        parser.add_argument("subject", help="a number, a model org/name, or a task")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--evidence", default="", help="of a flag or a note: an address, items, a run")
        parser.add_argument("--task", default="", help="of a note: the task whose items were seen")
        parser.add_argument("--close", action="store_true", help="of an answer: the remark is settled")
        parser.add_argument("--by", required=True, help="a user of this site's staff")

    def handle(self, *_: Any, act: str, subject: str, **options: Any) -> None:
        by = User.objects.filter(username=options["by"]).first()
        if by is None:
            raise CommandError(f"There is no user {options['by']!r}.", returncode=2)
        try:
            self.stdout.write(self.done(act, subject, by, options))
        except Refused as error:
            raise CommandError(error.message, returncode=2) from error

    def done(self, act: str, subject: str, by: User, options: dict[str, Any]) -> str:
        """Do it; returns what was done."""
        reason, evidence = options["reason"], options["evidence"]
        if act == "note":
            made = note_contamination(model=subject, task=options["task"], reason=reason, evidence=evidence, by=by)
            return f"remark {made.pk}: noted"
        if act == "hide":
            hide_texts(task=subject, reason=reason, by=by)
            return f"{subject}: its texts are hidden"
        if act == "show":
            show_texts(task=subject, reason=reason, by=by)
            return f"{subject}: its texts are shown"
        if not (subject.isascii() and subject.isdigit() and len(subject) < 10):
            raise CommandError(f"{act} takes a number, not {subject[:40]!r}.", returncode=2)
        if act == "flag":
            return f"remark {flag(submission=int(subject), reason=reason, evidence=evidence, by=by).pk}: flagged"
        if act == "answer":
            made = answer(remark=int(subject), reason=reason, closes=options["close"], by=by)
            return f"remark {made.pk}: answered"
        retract(submission=int(subject), reason=reason, by=by)
        return f"submission {subject}: withdrawn"
