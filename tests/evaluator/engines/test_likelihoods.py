"""Where a continuation begins in an echoed prompt, and what it comes to."""

from typing import Any

import pytest

from evaluator.engines.likelihoods import NotEchoed, behind, score, split


def echoed(tokens: list[str], numbers: list[float | None], *, given: int | None = None) -> dict[str, Any]:
    """A prompt of these tokens, one more of an answer, and the likeliest at each place 0.1 below the first number."""
    tops = [None, *({"x": -1.0} for _ in tokens)]
    likely = {"tokens": [*tokens, " end"], "token_logprobs": [*numbers, -9.0], "top_logprobs": tops}
    return {"choices": [{"logprobs": likely}], "usage": {"prompt_tokens": len(tokens) if given is None else given}}


TOKENS = ["The", " sky", " is", " deep", " blue"]
NUMBERS = [None, -4.0, -0.5, -0.75, -0.25]


def test_a_continuation_is_summed_and_its_greed_told() -> None:
    answer = echoed(TOKENS, NUMBERS)
    first = behind(answer, "The sky is", "The sky is deep blue")
    assert first == 3
    assert score(answer, first) == (-1.0, True)
    assert score(answer, 1) == (-5.5, False)


def test_a_mark_of_the_beginning_is_no_part_of_the_text() -> None:
    assert behind(echoed(["<s>", *TOKENS], [None, -9.0, *NUMBERS[1:]]), "The sky is", "The sky is deep blue") == 4


def test_a_token_over_the_border_is_the_continuations() -> None:
    assert behind(echoed(["The", " skyi", "s"], [None, -1.0, -1.0]), "The sky", "The skyis") == 1


def test_spaces_belong_to_the_continuation() -> None:
    assert split("Question: why?  ", "because") == ("Question: why?", "  because")
    assert split("Question:", " because") == ("Question:", " because")


def test_where_texts_do_not_tell_the_context_is_counted() -> None:
    """A character of several tokens, each of which reads as a replacement."""
    assert behind(echoed(["The", " \ufffd", "\ufffd"], [None, -1.0, -1.0]), "The", "The é") is None


@pytest.mark.parametrize(
    ("answer", "first"),
    [
        (echoed(TOKENS, NUMBERS), 0),
        (echoed(TOKENS, NUMBERS), 5),
        (echoed(TOKENS, NUMBERS, given=9), 3),
        (echoed(TOKENS, [None, -1.0, -1.0, None, -1.0]), 3),
        ({"choices": [{"logprobs": {"tokens": []}}], "usage": None}, 3),
    ],
)
def test_what_is_not_echoed_is_no_number(answer: dict[str, Any], first: int) -> None:
    with pytest.raises(NotEchoed):
        score(answer, first)


def test_without_the_likeliest_nothing_is_greedy() -> None:
    answer = echoed(TOKENS, NUMBERS)
    del answer["choices"][0]["logprobs"]["top_logprobs"]
    assert score(answer, 3) == (-1.0, False)
