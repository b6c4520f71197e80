"""The vision engine without a model that sees, for test_vision: python -m tests.evaluator.engines.looks

vLLM, the tokenizer and the processor are told what to say. The last line of stdout is JSON: what was asked of vLLM and
of the template, and what came of it.
"""

import json
from types import SimpleNamespace
from typing import Any

from lm_eval.api.instance import Instance

from evaluator.engines.reporting import ItemCounter
from evaluator.engines.vision import VisionVLLM

END = "</think>"
SAID = f"It is blue.\n\nOr is it red?{END} Red\n\nQuestion: what else?"


class Told:
    """In vLLM's place: says the same each time."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def generate(self, prompts: list[Any], *, sampling_params: Any, **_: Any) -> list[Any]:
        many = sampling_params if isinstance(sampling_params, list) else [sampling_params] * len(prompts)
        self.asked += [[one.max_tokens, sorted(one.stop)] for one in many]
        text = SimpleNamespace(text=SAID, token_ids=[1] * 9, finish_reason="stop")
        return [SimpleNamespace(outputs=[text], prompt_token_ids=[1] * 20) for _ in prompts]


def made(*, thinking: bool) -> Any:
    model: Any = VisionVLLM.__new__(VisionVLLM)
    heard: list[Any] = []
    words = SimpleNamespace(decode=lambda _: "<end>", eos_token="<end>", eos_token_id=0)
    vars(model).update(
        model=Told(), tokenizer=words, counter=ItemCounter(lambda _: None), completions={}, messages={}, _ended=[],
        heard=heard,
        processor=SimpleNamespace(apply_chat_template=lambda history, **told: heard.append(told) or "prompt"),
        enable_thinking=True if thinking else None, think_end_token=END if thinking else None,
        room=100 if thinking else 0, _max_length=500, data_parallel_size=1, lora_request=None, batch_size="auto",
        interleave=True, max_images=7, chat_applied=False, image_width=None, image_height=None, image_max_side=None,
        _rank=0, truncation_side="left", _max_gen_toks=16,
    )  # fmt: skip
    model.tok_encode = lambda text: [list(one) for one in text] if isinstance(text, tuple) else list(text)
    model.tell_the_template()
    return model


def answers(*, thinking: bool) -> dict[str, Any]:
    model = made(thinking=thinking)
    model.apply_chat_template([{"role": "user", "content": "<image> What colour?"}])
    told = {"until": ["\n\n"], "max_gen_toks": 10, "do_sample": False}
    picture = SimpleNamespace(size=(8, 8))
    shown = [("What colour?", told, {"visual": [picture]}), ("What?", told, {"visual": [picture] * 2})]
    seen = [Instance("generate_until", {}, one, 0, ("seen", place, 1)) for place, one in enumerate(shown)]
    read = [Instance("generate_until", {}, ("Why?", told), 0, ("read", 0, 1))]
    texts = [*model.generate_until(seen), *model.generate_until(read)]
    kept = {f"{place[0]} {place[1]}": [one.text for one in found] for place, found in model.completions.items()}
    return {"texts": texts, "asked": model.model.asked, "template": model.heard, "kept": kept, "requests": model.asked}


if __name__ == "__main__":
    print(json.dumps({"said": SAID, "thinking": answers(thinking=True), "plain": answers(thinking=False)}))
