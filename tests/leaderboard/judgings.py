"""Judgings as tests have them: a judge that reads its question as it is sent, and says what it is told to."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from evaluator import contract
from evaluator.contract import JobSpec
from evaluator.suites import bundle, workload
from leaderboard.actions import lease
from leaderboard.actions.begin_bakeoff import Candidate, Weights
from leaderboard.actions.begin_judging import Question, begin_judging
from leaderboard.models import Bakeoff, Bundle, Judging, Submission, WorkerToken
from tests.leaderboard import bakeoffs

Verdict = Callable[[str, str], str]
"""What a judge replies to the answers A and B; graded alone, to the answer and ""."""
PART = re.compile(r"^=== [0-9a-f]{16} (.+) ===$", re.MULTILINE)


def asked(spec: JobSpec) -> list[workload.Asked]:
    """The questions of a judge's job, from its bundle."""
    assert spec.suite.bundle is not None
    _, *lines = bundle.read(bytes(Bundle.objects.get(pk=spec.suite.bundle).data))[workload.FILE].splitlines()
    return [contract.decode(line, workload.Asked) for line in lines]


def parts(question: workload.Asked) -> dict[str, str]:
    """What stands between the marked lines, by name."""
    pieces = PART.split(question.messages[-1][1])[1:]
    return {name: text.strip("\n") for name, text in zip(pieces[::2], pieces[1::2], strict=True)}


def begun(
    made: Bakeoff, *judges: str, form: str = "pairs", items: int = 200, confirmed: bool = False,
    candidates: Sequence[Candidate] = (), rubric: str = "The right sum wins.", pair: tuple[int, int] = (1, 2),
) -> Judging:  # fmt: skip
    owner = made.version.workload.owner
    assert owner.user
    return begin_judging(
        owner=owner, maker=owner.user, bakeoff=made.pk, confirmed=confirmed,
        question=Question(*pair, form, rubric, items, salt="5" * 32),
        judges=[*(Weights(name, "f" * 40) for name in judges), *candidates],
    )  # fmt: skip


def worked(token: WorkerToken, says: dict[str, Verdict]) -> list[Submission]:
    """A worker does every job of a judge that waits; `says` by the judge's name."""
    done = []
    while (spec := lease.claim(token=token, request=bakeoffs.REQUEST)) is not None:
        questions, verdict = asked(spec), says[spec.model.name]

        def reply(_: str, number: int, questions: Any = questions, verdict: Verdict = verdict) -> str:
            found = parts(questions[number])
            if "answer" in found:
                return verdict(found["answer"], "")
            return verdict(found["answer A"], found["answer B"])

        done.append(bakeoffs.finished(spec, reply))
    return done


def longer(a: str, b: str) -> str:
    """A judge with one taste: it says the longer answer is better."""
    return f"One is longer.\nVERDICT: {'TIE' if len(a) == len(b) else 'A' if len(a) > len(b) else 'B'}"


def first_place(a: str, b: str) -> str:
    """A judge that looks at places alone."""
    return "The first is fine.\n\n**VERDICT: A**"


def graded(a: str, b: str) -> str:
    """A judge that gives a 5 to whatever has a number in it."""
    return f"GRADE: {5 if any(one.isdigit() for one in a) else 2}"
