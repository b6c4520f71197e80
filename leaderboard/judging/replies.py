"""Read a judge's reply. What cannot be read for sure is unreadable, and never a win."""

import re

from leaderboard.judging.forms import HIGHEST, LOWEST, PAIRS
from leaderboard.statistics.judging import Reply

WORDS = re.compile(r"[A-Za-z0-9]+")
SIDES = {"a": Reply.FIRST, "b": Reply.SECOND, "tie": Reply.TIE}
DRESS = " \t*_`#>.[](){}"
"""What models put around a line."""


def code_of(form: str, reply: str) -> int:
    """A `Reply` of a comparison, or a grade from 1 to 5; 0 where none can be read.

    The last line that says anything has to be the verdict, and no other line may say another one: so a verdict that
    stands in a quoted answer is at most a contradiction.
    """
    lines = [line for line in reply.splitlines() if line.strip(DRESS)]
    if not lines:
        return 0
    read = verdict_in if form == PAIRS else grade_in
    last = read(lines[-1])
    others = {found for line in lines[:-1] if (found := read(line))}
    return last if last and others <= {last} else 0


def verdict_in(line: str) -> int:
    """Of a line that says a verdict and nothing else."""
    words = [word.casefold() for word in WORDS.findall(line)]
    if words[:1] != ["verdict"] or ":" not in line:
        return 0
    rest = words[2:] if words[1:2] == ["answer"] else words[1:]
    return int(SIDES.get(rest[0], 0)) if len(rest) == 1 else 0


def grade_in(line: str) -> int:
    plain = line.strip(DRESS).removesuffix(f"/{HIGHEST}").removesuffix(f" out of {HIGHEST}")
    words = [word.casefold() for word in WORDS.findall(plain)]
    if len(words) != 2 or words[0] != "grade" or ":" not in line or "-" in line:
        return 0
    return int(words[1]) if words[1] in {str(one) for one in range(LOWEST, HIGHEST + 1)} else 0
