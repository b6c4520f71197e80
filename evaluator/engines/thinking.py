"""Models that think before they answer: room for the thought, and what tasks cannot have one.

lm-eval itself cuts the thought off (`think_end_token`) and heeds a task's own stop sequences only behind it. A thought
that does not end within its room has no marker, and counts as the answer, as in lm-eval.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from lm_eval.api.task import Task

from evaluator.contract import Settings

LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""How a task may say how long an answer is, in lm-eval's order."""


def arguments_of(settings: Settings) -> dict[str, Any]:
    """What lm-eval's model classes are told."""
    return {"enable_thinking": settings.thinking, "think_end_token": settings.end_of_thought or None}


def thoughtless(tasks: Iterable[Task]) -> list[str]:
    """The tasks that compare log-likelihoods of given answers: nobody thinks before those."""
    return [task.task_name for task in tasks if task.OUTPUT_TYPE != "generate_until"]


def parted(text: str, end: str) -> tuple[str, str]:
    """The thought and what is behind its last `end`; all of it is the answer where there is none."""
    before, marker, after = text.rpartition(end) if end else ("", "", text)
    return (before, after) if marker else ("", text)


class Thinking(TemplateLM):
    """Mixed in before one of lm-eval's model classes: `room` tokens for the thought are added to what a task allows for
    its answer, as far as the context has them, so that no prompt is cut for it."""

    room = 0

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return list(super().generate_until(self.with_room(requests), disable_tqdm=disable_tqdm))

    def with_room(self, requests: list[Instance]) -> list[Instance]:
        """The requests as they are asked."""
        return [self._with_room(request) for request in requests] if self.room else requests

    def _with_room(self, request: Instance) -> Instance:
        context, told, *shown = request.args
        name = next((name for name in LIMITS if told.get(name) is not None), LIMITS[0])
        answer = int(told.get(name) or self.max_gen_toks)
        free = self.max_length - len(self.tok_encode(context))
        limit = max(answer, min(answer + self.room, free))
        return replace(request, arguments=(context, {**told, name: limit}, *shown))
