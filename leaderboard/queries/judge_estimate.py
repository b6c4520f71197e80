"""What judges are going to take, before anything is spent, from the very questions that they would be asked."""

from collections.abc import Sequence

from leaderboard.judging.prompts import Messages
from leaderboard.models import Model
from leaderboard.queries.bakeoff_estimate import CHARACTERS, Expected, Planned
from leaderboard.queries.history import speeds_of

REPLY = 120
"""Tokens of a reply, where it says in three sentences why."""


def expected_judging(asked: Sequence[Messages], planned: Sequence[Planned]) -> list[Expected]:
    """Each judge in turn."""
    read = sum(len(text) for messages in asked for _, text in messages) // CHARACTERS
    return [one(len(asked), read, judge) for judge in planned]


def one(requests: int, read: int, judge: Planned) -> Expected:
    said = requests * REPLY
    dollars = None if judge.price is None else (read * judge.price.input + said * judge.price.output) / 1e6
    row = None if judge.endpoint else Model.objects.filter(name=judge.name).first()
    rates = [speed.tokens for speed in speeds_of(row) if speed.tokens] if row else []
    seconds = (read + said) / max(rates) if rates else None
    why = "Time as fast as this site measured it." if rates else "How long it takes is not known before a first run."
    basis = f"{CHARACTERS} characters a token of what is asked, and {REPLY} tokens of a reply. {why}"
    return Expected(judge.name, requests, read, said, dollars, seconds, basis)
