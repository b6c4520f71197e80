"""Count what a report says of a workload's answers once, when they are scored."""

from typing import NamedTuple

import numpy as np

from evaluator.contract import Sample
from evaluator.scoring.refusals import refuses
from evaluator.suites.workload import FILTER
from leaderboard import chunks
from leaderboard.answer_flags import CUT, EMPTY, EXTRACTED, REFUSED
from leaderboard.chunks import EXTRACTED as EXTRACTED_METRIC
from leaderboard.models import Submission, WorkloadAnswers


class Noted(NamedTuple):
    """Item by item: flags, and tokens in and out, -1 where nobody counted."""

    flags: bytes
    tokens_in: bytes
    tokens_out: bytes


def answers_of(row: Submission) -> Noted:
    """Read all answers of a submission on a workload's suite; raises chunks.Unreadable."""
    flags, tokens_in, tokens_out = bytearray(), [], []
    for sample in chunks.stored(chunks.kept(row)):
        flags.append(flags_of(sample))
        tokens_in.append(-1 if sample.tokens_in is None else sample.tokens_in)
        tokens_out.append(-1 if sample.tokens_out is None else sample.tokens_out)
    return Noted(bytes(flags), packed(tokens_in), packed(tokens_out))


def flags_of(sample: Sample) -> int:
    text = sample.responses[0] if sample.responses else ""
    found = sample.scores.get(FILTER, {}).get(EXTRACTED_METRIC, 0.0) >= 1
    cut = "length" in sample.finish
    return EXTRACTED * found | REFUSED * refuses(text) | CUT * cut | EMPTY * (not text.strip())


def packed(counts: list[int]) -> bytes:
    return np.asarray(counts, dtype="<i4").tobytes()


def note(*, submission: Submission, noted: Noted) -> None:
    """Keep what was counted, in the caller's transaction."""
    WorkloadAnswers.objects.create(submission=submission, **noted._asdict())
