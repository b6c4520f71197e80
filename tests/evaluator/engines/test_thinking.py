"""Room for a thought, and where none can be."""

from types import SimpleNamespace
from typing import Any

import pytest
from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM

from evaluator import harness, run
from evaluator.contract import ModelRef, Settings
from evaluator.engines.thinking import Thinking, arguments_of, parted
from evaluator.run import Unusable
from tests.conftest import suite_spec

pytestmark = pytest.mark.engine


class Letters(TemplateLM):
    """A letter is a token; its answers are what it was asked."""

    max_length, max_gen_toks, eot_token_id = 100, 7, 0

    def tok_encode(self, string: str, **_: Any) -> list[int]:
        return [0] * len(string)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> Any:
        return [request.args for request in requests]

    def _nothing(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    _loglikelihood_tokens = loglikelihood_rolling = _nothing


class Thinker(Thinking, Letters):
    pass


def asked(model: Thinker, context: str, told: dict[str, Any]) -> Any:
    request = Instance("generate_until", {}, (context, told), 0, metadata=("t", 3, 1))
    return model.generate_until([request])[0]


def test_without_room_requests_go_as_they_are() -> None:
    assert asked(Thinker(), "why?", {"until": ["x"]}) == ("why?", {"until": ["x"]})


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"max_gen_toks": 10}, {"max_gen_toks": 30}),
        ({}, {"max_gen_toks": 27}),
        ({"max_tokens": 5, "until": ["x"]}, {"max_tokens": 25, "until": ["x"]}),
        ({"max_gen_toks": 90}, {"max_gen_toks": 96}),
        ({"max_gen_toks": 99}, {"max_gen_toks": 99}),
    ],
)
def test_room_is_added_as_far_as_the_context_has_it(told: dict[str, Any], expected: dict[str, Any]) -> None:
    model = Thinker()
    model.room = 20
    before = dict(told)
    assert asked(model, "why?", told) == ("why?", expected)
    assert told == before, "the task's own is left alone: lm-eval writes it into the sample"


def test_a_thought_ends_at_its_last_marker() -> None:
    assert parted("a</think>b</think>c", "</think>") == ("a</think>b", "c")
    assert parted("no end", "</think>") == ("", "no end")
    assert parted("anything", "") == ("", "anything")


def test_what_lm_eval_is_told() -> None:
    assert arguments_of(Settings()) == {"enable_thinking": None, "think_end_token": None}
    assert arguments_of(Settings(thinking=True)) == {"enable_thinking": True, "think_end_token": "</think>"}


def test_given_answers_are_refused_before_anything_is_loaded() -> None:
    def spec(settings: Settings) -> run.RunSpec:
        model = ModelRef(name="o/m", sha="a" * 40)
        return run.RunSpec(model=model, model_path="/", suite=suite_spec(), settings=settings)

    tasks = [
        SimpleNamespace(task_name="arc", OUTPUT_TYPE="multiple_choice"),
        SimpleNamespace(task_name="gsm8k", OUTPUT_TYPE="generate_until"),
    ]
    loaded: Any = [(None, task) for task in tasks]
    with pytest.raises(Unusable, match=r"^arc compare log-likelihoods"):
        harness.check_thinking(spec(Settings(thinking=True)), loaded)
    harness.check_thinking(spec(Settings(thinking=True)), loaded[1:])
    harness.check_thinking(spec(Settings(think_end="</think>")), loaded)
