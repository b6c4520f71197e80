"""Counts finished items while an engine works through lm-eval's requests.

lm-eval hands all requests of a type to the model at once and learns nothing until the last is done, so the count is
taken from the progress bar that the engine drives: a call that is 30 % through has done 30 % of its items.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from lm_eval.api.instance import Instance
from lm_eval.api.model import TemplateLM
from tqdm import tqdm

T = TypeVar("T")

Report = Callable[[int], None]
"""Takes the number of items done so far in the whole run."""


class ItemCounter:
    """Items done over all calls of one run. A document that appears in several calls counts in its first."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._finished: set[tuple[str | None, int | None]] = set()
        self._current: set[tuple[str | None, int | None]] = set()

    def begin(self, requests: Iterable[Instance]) -> None:
        """A call starts with these requests."""
        self._current = {(request.task_name, request.doc_id) for request in requests} - self._finished

    def advance(self, share: float) -> None:
        """The current call is `share` (0 to 1) through."""
        self._report(len(self._finished) + int(share * len(self._current)))

    def end(self) -> None:
        """The current call is done."""
        self._finished |= self._current
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
    """Mixed in before one of lm-eval's model classes: tells `counter` when a call begins and ends."""

    counter: ItemCounter

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        return self._counted(super().loglikelihood, requests, disable_tqdm)

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        return self._counted(super().loglikelihood_rolling, requests, disable_tqdm)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return self._counted(super().generate_until, requests, disable_tqdm)

    def _counted(self, call: Callable[..., list[T]], requests: list[Instance], disable_tqdm: bool) -> list[T]:
        self.counter.begin(requests)
        responses = call(requests, disable_tqdm=disable_tqdm)
        self.counter.end()
        return responses


class Mute:
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Nothing is kept, so nothing is due."""
