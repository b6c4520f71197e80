"""Which samples a reader asks for: by score, by filter, answered or not, by length, by a text, or a single item."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evaluator.contract import Sample
from leaderboard.chunks import EXTRACTED
from leaderboard.models import Result
from leaderboard.queries.errors import BadQuery

SHOWN = ("all", "right", "wrong")
ANSWERED = ("", "yes", "no")
LONGEST_TEXT = 200
UNREADABLE = frozenset({"", "[invalid]", "[none]"})
"""What lm-eval writes where a filter finds no answer."""
WHOLE = re.compile(r"[0-9]{1,7}")
ITEM = re.compile(r"[0-9a-f]{64}")


class Told(Protocol):
    """A sample, or what was read of it."""

    @property
    def item_hash(self) -> str: ...
    @property
    def responses(self) -> tuple[str, ...]: ...
    @property
    def thinking(self) -> tuple[str, ...]: ...
    @property
    def answers(self) -> Mapping[str, str]: ...
    @property
    def scores(self) -> Mapping[str, Mapping[str, float]]: ...


@dataclass(frozen=True)
class Wanted:
    """What is asked of samples. `filter` "": the task's own; lengths are characters of what the model wrote, together;
    `item`: the hash of one."""

    show: str = "all"
    filter: str = ""
    answered: str = ""
    longer: int | None = None
    shorter: int | None = None
    text: str = ""
    item: str = ""

    @property
    def narrow(self) -> bool:
        """Whether samples have to be read to know which fit."""
        return bool(self.filter or self.answered or self.text or self.item) or (self.longer, self.shorter) != (
            None, None,
        )  # fmt: skip

    def fits(self, sample: Sample, result: Result) -> bool:
        """Whether a sample is asked for."""
        return self.suits(sample, result) and (not self.text or holds(sample, self.text.lower()))

    def suits(self, sample: "Told", result: Result) -> bool:
        """The same but for the text that is looked for."""
        return (
            (not self.item or sample.item_hash == self.item)
            and (self.show == "all" or kind(sample, result, self.filter) == self.show)
            and (not self.answered or answered(sample) == (self.answered == "yes"))
            and (self.longer is None or length(sample) >= self.longer)
            and (self.shorter is None or length(sample) <= self.shorter)
        )


def wanted(query: Mapping[str, str]) -> Wanted:
    """From an address; raises BadQuery."""
    show, told = query.get("show") or "all", query.get("answered", "")
    if show not in SHOWN:
        raise BadQuery("show", f"Shown are {', '.join(SHOWN)}, not {show[:40]!r}.")
    if told not in ANSWERED:
        raise BadQuery("answered", f"Answered is yes or no, not {told[:40]!r}.")
    text, item = query.get("q", ""), query.get("item", "")
    if len(text) > LONGEST_TEXT or "\x00" in text:
        raise BadQuery("q", f"A text to look for has at most {LONGEST_TEXT} characters.")
    if item and not ITEM.fullmatch(item):
        raise BadQuery("item", "An item is named by its hash, 64 digits and letters a to f.")
    name = query.get("filter", "")
    if len(name) > LONGEST_TEXT:
        raise BadQuery("filter", "There is no filter of such a name.")
    return Wanted(show, name, told, whole(query, "longer"), whole(query, "shorter"), text, item)


def whole(query: Mapping[str, str], name: str) -> int | None:
    value = query.get(name, "")
    if not value:
        return None
    if not WHOLE.fullmatch(value):
        raise BadQuery(name, f"{name.capitalize()} is a number of characters, not {value[:40]!r}.")
    return int(value)


def score_of(sample: Told, result: Result, name: str = "") -> float | None:
    """The sample's score by the task's own metric, in its own filter or another one."""
    return sample.scores.get(name or result.task.filter, {}).get(result.task.metric)


def kind(sample: Told, result: Result, name: str = "") -> str:
    """Right for the full score, as the results keep it (float32); wrong for less; "" without a score."""
    score = score_of(sample, result, name)
    if score is None:
        return ""
    return "right" if np.float32(min(score, 2.0)) >= 1 else "wrong"


def answered(sample: Told) -> bool:
    """Whether an answer could be read: the task says so itself, or some filter found one."""
    told = [scores[EXTRACTED] for scores in sample.scores.values() if EXTRACTED in scores]
    if told:
        return max(told) >= 1
    if sample.answers:
        return any(answer.strip().lower() not in UNREADABLE for answer in sample.answers.values())
    return any(response.strip() for response in sample.responses)


def length(sample: Told) -> int:
    """Characters of what the model wrote, its thinking included."""
    return sum(map(len, sample.responses)) + sum(map(len, sample.thinking))


def holds(sample: Sample, text: str) -> bool:
    """Whether a text in small letters is in the prompt, the thinking, the output, an answer or the target."""
    every = (*sample.prompts, *sample.thinking, *sample.responses, *sample.answers.values(), sample.target)
    return any(text in one.lower() for one in every)
