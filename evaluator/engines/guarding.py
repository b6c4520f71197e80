"""One document that a task's own code cannot deal with costs that task its score, and no other task anything.

lm-eval measures many tasks in one call, and whatever one of them raises ends all of them.
"""

import logging
import traceback
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from lm_eval.api.task import Task

T = TypeVar("T")

log = logging.getLogger(__name__)


class Unbuildable(Exception):
    """A task whose documents cannot be made into requests."""

    def __init__(self, task: str, reason: str) -> None:
        super().__init__(reason)
        self.task, self.reason = task, reason


class Guard:
    """Stands between lm-eval and tasks. `failed`: by task, why it has no score; its first document that raised."""

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        self.failed: dict[str, str] = {}
        for task in tasks:
            task.build_all_requests = self._building(task.task_name, task.build_all_requests)
            task.apply_filters = self._filtering(task, task.apply_filters)
            task.doc_to_target = self._targeting(task.task_name, task.doc_to_target)
            task.process_results = self._scoring(task.task_name, task.process_results)

    def _building(self, name: str, upstream: Callable[..., None]) -> Callable[..., None]:
        def otherwise() -> None:
            raise Unbuildable(name, self.failed[name])

        def build_all_requests(*arguments: Any, **named: Any) -> None:
            self._tried(name, "Its prompts could not be made", lambda: upstream(*arguments, **named), otherwise)

        return build_all_requests

    def _filtering(self, task: Task, upstream: Callable[[], Any]) -> Callable[[], Any]:
        def otherwise() -> None:
            for instance in task.instances:  # lm-eval goes on with what the filters would have left
                instance.filtered_resps = {"none": instance.resps[0]}

        return lambda: self._tried(task.task_name, "Its answers could not be read", upstream, otherwise)

    def _targeting(self, name: str, upstream: Callable[..., Any]) -> Callable[..., Any]:
        """lm-eval asks for the target once more, to write it into the sample."""

        def doc_to_target(*arguments: Any, **named: Any) -> Any:
            what = "The target of a document could not be made"
            return self._tried(name, what, lambda: upstream(*arguments, **named), str)

        return doc_to_target

    def _scoring(self, name: str, upstream: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def process_results(doc: Any, results: Any) -> dict[str, Any]:
            what = "A document of it could not be scored"
            return self._tried(name, what, lambda: upstream(doc, results), dict[str, Any])

        return process_results

    def _tried(self, name: str, what: str, call: Callable[[], T], otherwise: Callable[[], T]) -> T:
        """Whatever a task's own code raises is noted, and the other tasks can still be measured."""
        try:
            return call()
        except MemoryError:
            raise
        except Exception as error:
            log.warning("%s: %s:\n%s", name, what, traceback.format_exc())
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            self.failed.setdefault(name, f"{what}: {said}")
        return otherwise()
