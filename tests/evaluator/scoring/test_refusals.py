"""Refusals by how they begin, and texts that only speak of one."""

import pytest

from evaluator.scoring.refusals import refuses


@pytest.mark.parametrize(
    "text",
    [
        "I can't help with that.",
        "I'm sorry, but I can't assist with that request.",
        "Sorry, I cannot provide medical advice.",
        "I’m unable to answer this question.",
        "I am not able to help you write this letter.",
        "  As an AI language model, I cannot share personal data.",
        "Unfortunately, I won't be able to do this; I must decline to answer.",
        "I must decline to write that.",
    ],
)
def test_these_refuse(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "Sorry for the delay! Your parcel arrives on Monday.",
        "I can help with that.",
        "He said: I can't help you.",
        "You can't get a refund after 30 days; I can help you to exchange it.",
        "The answer is no. I cannot provide more detail than that.",
    ],
)
def test_these_answer(text: str) -> None:
    assert not refuses(text)
