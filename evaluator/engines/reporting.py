"""Counts finished items while an engine works through lm-eval's requests.

lm-eval hands all requests of a type to the model at once and learns nothing until the last is done, so the count is
taken from the progress bar that the engine drives: a call that is 30 % through has done 30 % of its items. With a
journal, the requests go to the engine in slices, and a slice counts once it is on disk.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from tqdm import tqdm

from evaluator.contract import Shard
from evaluator.engines import sharding
from evaluator.journal import Journal, digest

T = TypeVar("T")

Report = Callable[[int], None]
"""Takes the number of items done so far in the whole run."""

Place = tuple[str | None, int | None, int]
"""Where a request belongs: task, document, and its number within the document."""

FIRST_SLICE = 32
"""Requests in the first slice, and the fewest in any: as many as a CPU host has in flight (`vllm.CPU_SEQUENCES`)."""
SLICE_SECONDS = 15.0


class ItemCounter:
    """Items done over all calls of one run. A document that appears in several calls counts in its first."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._finished: set[tuple[str | None, int | None]] = set()
        self._current: set[tuple[str | None, int | None]] = set()
        self._held = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is reported inside: what is done is not on disk yet."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def begin(self, requests: Iterable[Instance]) -> None:
        """A call starts with these requests."""
        self._current = {(request.task_name, request.doc_id) for request in requests} - self._finished

    def advance(self, share: float) -> None:
        """The current call is `share` (0 to 1) through."""
        if not self._held:
            self._report(len(self._finished) + int(share * len(self._current)))

    def end(self, *, counts: bool = True) -> None:
        """The current call is done; it does not count where others have done it."""
        self._finished |= self._current if counts else set()
        self._current = set()
        self._report(len(self._finished))


def bar_for(progress: Callable[[float], None]) -> type[tqdm]:
    """A progress bar that prints nothing and tells `progress` its share; those of preparation ("Rendering prompts") do
    not."""

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.counts = str(kwargs.get("desc", "")).startswith(("Processed", "Running"))
            super().__init__(*args, **{**kwargs, "disable": False, "mininterval": 0.2, "file": Mute()})

        def update(self, n: float | None = 1) -> bool | None:
            shown = super().update(n)
            if self.counts and self.total:
                progress(min(1.0, self.n / self.total))
            return bool(shown)

    return Bar


class Reporting(TemplateLM):
    """Mixed in before one of lm-eval's model classes: tells `counter` when a call begins and ends.

    With a `journal`, what it holds is answered from there, and the rest is asked in slices: each is on disk before it
    is reported. `replayed` and `asked` count requests. With a `shard`, what other shards have answered meanwhile is
    taken from the journal too.
    """

    counter: ItemCounter
    journal: Journal | None = None
    shard: Shard | None = None
    replayed = 0
    asked = 0

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.completions: dict[Place, list[Any]] = {}
        """What engines tell of the texts they made, by request, one for each repeat; empty where they tell nothing."""
        self.messages: dict[str, str] = {}
        """What was said in the messages that became a prompt by the chat template (`spoken`), by that prompt."""

    def begin_again(self, report: Report) -> None:
        """Another run with the same engine: nothing of the last one is counted, or written to its journal."""
        self.counter = ItemCounter(report)
        self.replayed = self.asked = 0
        self.completions, self.messages = {}, {}
        if self.journal is not None:
            self.journal.close()
            self.journal = None

    def look_again(self) -> None:
        """The items so far are asked once more, with others: the journal answers them, and they count once."""
        self.completions = {}
        self.replayed = -self.asked

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """As upstream; remembers what was said."""
        text = str(super().apply_chat_template(chat_history, add_generation_prompt))
        self.messages[text] = spoken(chat_history, add_generation_prompt)
        return text

    def said(self, text: str) -> str:
        """What a prompt says before any chat template."""
        return self.messages.get(text, text)

    def path_facts(self) -> dict[str, Any]:
        """For the provenance: how log-likelihoods were computed; `path` is part of what a response depends on."""
        return {"path": "strict"}

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        answers = self._answered(super().loglikelihood, requests, disable_tqdm)
        return [(score, greedy) for score, greedy in answers]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        return self._answered(super().loglikelihood_rolling, requests, disable_tqdm)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return self._answered(super().generate_until, requests, disable_tqdm)

    def _answered(self, call: Callable[..., list[T]], requests: list[Instance], disable_tqdm: bool) -> list[T]:
        journal = self.journal
        if journal is None:
            self.asked += len(requests)
            return self._counted(call, requests, disable_tqdm)
        keys = keys_of(requests)
        there = [key in journal for key in keys]
        missing: dict[str, Instance] = {}
        for key, request, known in zip(keys, requests, there, strict=True):
            if not known:
                missing.setdefault(key, request)
        self.replayed += sum(there)
        before = self.asked
        chosen = self._chosen(keys, requests, missing)
        open_documents = {(request.task_name, request.doc_id) for request in missing.values()}
        self.counter.begin(one for one in requests if (one.task_name, one.doc_id) not in open_documents)
        self.counter.end()
        for some in Slices(chosen, journal if self.shard else None):
            self.asked += len(some)
            self.counter.begin(request for _, request in some)
            with self.counter.held():
                responses = call([request for _, request in some], disable_tqdm=disable_tqdm)
            journal.record((key, plain(response)) for (key, _), response in zip(some, responses, strict=True))
            self.counter.end()
        if self.shard is not None and self.shard.helps:
            return [journal[key] if key in journal else blank(one) for key, one in zip(keys, requests, strict=True)]
        self.replayed += len(missing) - (self.asked - before)  # by others, meanwhile
        self.counter.begin(requests)
        self.counter.end()
        return [journal[key] for key in keys]

    def _chosen(
        self, keys: list[str], requests: list[Instance], missing: dict[str, Instance]
    ) -> list[tuple[str, Instance]]:
        """What is missing and to be asked here, in the order in which it is asked."""
        if self.shard is None:
            return list(missing.items())
        shard_of: dict[str, int] = {}
        for key, shard in zip(keys, sharding.cut(requests, self.shard.of), strict=True):
            shard_of.setdefault(key, shard)
        return sharding.in_order(missing.items(), shard_of, self.shard.index)

    def _in_rounds(self, call: Callable[[list[Instance]], list[T]], requests: list[Instance]) -> list[T]:
        """For engines whose `call` asks the journal itself, under keys of its own: round after round of what this shard
        asks, so that each begins with what others have answered meanwhile. Shard 0 ends with a call for all of them."""
        assert self.shard is not None
        assert self.journal is not None
        replayed, before = self.replayed, self.asked
        keyed = [(str(number), request) for number, request in enumerate(requests)]
        shard_of = dict(zip((key for key, _ in keyed), sharding.cut(requests, self.shard.of), strict=True))
        answers: dict[str, T] = {}
        for some in Slices(sharding.in_order(keyed, shard_of, self.shard.index), asked=lambda: self.asked):
            self.journal.refresh()
            asked = self.asked
            self.counter.begin([request for _, request in some])
            answers |= zip((key for key, _ in some), call([request for _, request in some]), strict=True)
            self.counter.end(counts=self.asked > asked)
        if self.shard.helps:
            return [answers[key] if key in answers else blank(request) for key, request in keyed]
        for request in requests:
            self.completions.pop(place_of(request), None)  # they come once more, in their order
        found = self._counted(lambda some, **_: call(some), requests, True)
        self.replayed = replayed + len(requests) - (self.asked - before)
        return found

    def _counted(self, call: Callable[..., list[T]], requests: list[Instance], disable_tqdm: bool) -> list[T]:
        self.counter.begin(requests)
        responses = call(requests, disable_tqdm=disable_tqdm)
        self.counter.end()
        return responses


def spoken(messages: list[dict[str, str]], add_generation_prompt: bool) -> str:
    """A name for messages before any template: equal for equal ones."""
    return f"messages {digest([messages, add_generation_prompt])}"


def place_of(request: Instance) -> Place:
    return request.task_name, request.doc_id, request.idx


def keys_of(requests: Iterable[Instance]) -> list[str]:
    """What decides each response, beside the journal's identity: SHA-256 (hex) over method, arguments and repeat.

    Equal requests of two documents are one, unless the answer is drawn: then each document has its own.
    """
    seen: Counter[str] = Counter()
    keys = []
    for request in requests:
        of = [request.request_type, list(request.args)]
        document = digest([*of, request.task_name, request.doc_id, request.idx])
        drawn = any(isinstance(part, dict) and is_drawn(part) for part in request.args)
        keys.append(digest([*of, seen[document], document if drawn else ""]))
        seen[document] += 1
    return keys


def is_drawn(arguments: dict[str, Any]) -> bool:
    """Whether generation arguments ask for sampling."""
    return bool(arguments.get("do_sample")) or float(arguments.get("temperature") or 0.0) > 0.0


def blank(request: Instance) -> Any:
    """In place of a response that another shard is to get, where nothing is scored."""
    return {"loglikelihood": [0.0, False], "loglikelihood_rolling": 0.0}.get(request.request_type, "")


def plain(response: Any) -> Any:
    """A response as JSON: text, a number, or log-likelihood and whether it is greedy."""
    if isinstance(response, str):
        return response
    if isinstance(response, tuple | list):
        return [float(response[0]), bool(response[1])]
    return float(response)


class Slices:
    """Requests in their order, as many together as take about `SLICE_SECONDS`; those of a document stay together. What
    others have written into the `journal` before their slice comes is left out. `asked`: how many requests an engine
    has been asked so far, where it is not all that it was given.

    What a crash repeats is one slice at most; what a slice costs is the engine running empty at its end.
    """

    def __init__(
        self,
        requests: list[tuple[str, Instance]],
        journal: Journal | None = None,
        asked: Callable[[], int] | None = None,
    ) -> None:
        self._requests, self._journal, self._asked = requests, journal, asked

    def __iter__(self) -> Iterator[list[tuple[str, Instance]]]:
        size, start = FIRST_SLICE, 0
        while start < len(self._requests):
            end = min(start + size, len(self._requests))
            while end < len(self._requests) and self._document(end) == self._document(end - 1):
                end += 1
            some = self._missing(self._requests[start:end])
            start = end
            if some:
                began, before = time.monotonic(), self._asked() if self._asked else 0
                yield some
                asked = self._asked() - before if self._asked else len(some)
                rate = asked / max(time.monotonic() - began, 1e-3)
                size = max(FIRST_SLICE, min(4 * size, int(rate * SLICE_SECONDS)))

    def _missing(self, some: list[tuple[str, Instance]]) -> list[tuple[str, Instance]]:
        if self._journal is None:
            return some
        self._journal.refresh()
        return [one for one in some if one[0] not in self._journal]

    def _document(self, at: int) -> tuple[str | None, int | None]:
        return self._requests[at][1].task_name, self._requests[at][1].doc_id


class Mute:
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Nothing is kept, so nothing is due."""
