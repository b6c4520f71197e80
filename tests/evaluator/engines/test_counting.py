"""Tokens of requests of every kind, asked in this run or taken from the journal."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from lm_eval.api.model import TemplateLM

from evaluator.engines.counting import Counter, Counting
from evaluator.records import Told

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Made:
    text: str
    tokens_in: int
    tokens_out: int
    finish_reason: str


@dataclass
class Model:
    """A letter is a token."""

    counts: dict[int, int] = field(default_factory=dict)
    completions: dict[Any, list[Made]] = field(default_factory=dict)
    max_length: int = 100
    max_gen_toks: int = 7
    kept_back: int = 1

    def tok_encode(self, text: str) -> list[int]:
        return [0] * len(text)


def sample(arguments: list[Any], resps: list[Any]) -> dict[str, Any]:
    return {"doc_id": 4, "arguments": arguments, "resps": resps}


def test_pairs_count_as_they_were_encoded_or_by_their_text() -> None:
    model, totals = Model(counts={hash(("Q:", " yes")): 2}), dict[str, int]()
    told = Counter(model, "t", totals)(sample([("Q:", " yes"), ("Q:", " no")], [[(-0.5, True)], [(-2.0, False)]]))
    assert told == Told(tokens_in=2 + len("Q: no"), tokens_out=0)
    assert totals == {"input": 7, "output": 0, "texts_cut": 0, "prompts_cut": 0}


def test_a_rolling_one_is_its_text() -> None:
    assert Counter(Model(), "t", {})(sample([("abc",)], [[-3.0]])) == Told(tokens_in=3, tokens_out=0)


def test_texts_count_as_the_engine_says_each_repeat() -> None:
    made = [Made("1 2", 9, 3, "stop"), Made("1 2 3", 9, 5, "length")]
    model, totals = Model(completions={("t", 4, 0): made}), {"input": 1}
    told = Counter(model, "t", totals)(sample([("prompt", {"until": []})], [["1", "1"]]))
    assert told == Told(tokens_in=18, tokens_out=8, finish=("stop", "length"))
    assert totals == {"input": 19, "output": 8, "texts_cut": 1, "prompts_cut": 0}


def test_texts_of_which_it_says_nothing_count_by_themselves() -> None:
    told = Counter(Model(), "t", {})(sample([("prompt", {"until": []})], [["1", "22"]]))
    assert told == Told(tokens_in=12, tokens_out=3, finish=("", ""))


def test_what_lm_eval_encodes_is_remembered() -> None:
    class Words(Counting, TemplateLM):
        eot_token_id = 0

        def tok_encode(self, string: str, **_: Any) -> list[int]:
            return [len(word) for word in string.split()]

        def _nothing(self, *_: Any, **__: Any) -> Any:
            raise NotImplementedError

        _loglikelihood_tokens = loglikelihood_rolling = generate_until = _nothing

    model = Words()
    assert model._encode_pair("a bc", " def") == ([1, 2], [3])
    assert model.counts == {hash(("a bc", " def")): 3}
    assert Words().counts == {}


@pytest.mark.parametrize(
    ("arguments", "cut"),
    [
        (("c" * 90, "d" * 9), 0),
        (("c" * 90, "d" * 10), 1),
        (("c" * 93, {}), 0),
        (("c" * 94, {}), 1),
        (("c" * 50, {"max_gen_toks": 51}), 1),
        (("c" * 500,), 0),
    ],
)
def test_prompts_that_do_not_fit_are_counted(arguments: Any, cut: int) -> None:
    """A rolling one is read in windows and loses nothing."""
    totals: dict[str, int] = {}
    Counter(Model(), "t", totals)(sample([arguments], [["1"]]))
    assert totals["prompts_cut"] == cut


def test_thoughts_are_told_and_counted() -> None:
    model, totals = Model(completions={("t", 4, 0): [Made("Hm.</think>4", 9, 9, "stop")]}), dict[str, int]()
    model.think_end_token = "</think>"  # type: ignore[attr-defined]
    told = Counter(model, "t", totals)(sample([("prompt", {})], [["4"]]))
    assert (told.thinking, totals["thinking"]) == (("Hm.",), 3)
