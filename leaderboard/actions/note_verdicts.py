"""Read a judge's replies once, when its submission is scored."""

from leaderboard import chunks
from leaderboard.judging.replies import code_of
from leaderboard.models import Judge, Judging, Submission


def verdicts_of(row: Submission) -> bytes | None:
    """A byte a reply, in the suite's order; None for a submission that judges nothing. Raises chunks.Unreadable."""
    judging = Judging.objects.filter(suite=row.suite_id).first()
    if judging is None:
        return None
    replies = (sample.responses[0] if sample.responses else "" for sample in chunks.stored(chunks.kept(row)))
    codes = bytes(code_of(judging.form, reply) for reply in replies)
    return codes[: 2 * judging.n].ljust(2 * judging.n, b"\0")  # what is missing is unreadable


def note_verdicts(*, submission: Submission, codes: bytes) -> None:
    """Keep them, in the caller's transaction."""
    Judge.objects.filter(submission=submission).update(codes=codes)
