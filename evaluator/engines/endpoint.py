"""A model that answers behind the gateway, asked by lm-eval's requests: generated answers, and where prompts can be
echoed with their log-probabilities, those of given answers.

The chat template is the messages themselves: they go out as they are, and whoever serves the model applies its own.
The gateway (in the worker's process) knows the endpoint and its key, adds the submission's sampling, paces, retries,
journals, counts, and cuts answers at stop sequences; here is only what a task asks for, and how many requests are in
flight.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

import httpx
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.task import Task

from evaluator.engines import likelihoods
from evaluator.journal import Journal
from evaluator.run import Behind, Unusable

Report = Callable[[int], None]
"""Takes the number of items done so far in the whole run, of every pass."""
Body = dict[str, Any]
T = TypeVar("T")

MAX_TOKENS = 256
"""Of an answer whose task does not say it: lm-eval's default for weights."""
REFUSED = "refused"
"""The gateway's code for a request that the endpoint refuses, and would again, while it answers others."""
MOST_REFUSED = 0.1
"""Of a task's items. One that is refused, by a filter of contents say, has an empty answer, as whoever asks gets none;
where more are, something else is the matter with the task."""


def why_not(task: Task, *, chat: bool) -> str:
    """Why an endpoint cannot be asked a task's items, or ""."""
    if task.OUTPUT_TYPE not in ("generate_until", "loglikelihood", "multiple_choice"):
        return "It asks for the likelihood of whole texts, which is not asked of endpoints."
    if task.OUTPUT_TYPE != "generate_until" and chat:
        return "It compares log-likelihoods of given answers, which a chat does not tell."
    if task.OUTPUT_TYPE != "generate_until" and without_context(task):
        return "It compares texts that nothing stands before; of a text's first token an endpoint tells no likelihood."
    if getattr(task, "MULTIMODAL", False):
        return "Its items have pictures or sound, which are not sent to endpoints."
    if task.get_config("gen_prefix"):
        return "It begins the answer in the model's place, which endpoints do not offer."
    return ""


def without_context(task: Task) -> bool:
    """Whether the first item's question is empty, as in tasks that compare whole sentences."""
    return bool(task.doc_to_text(task.eval_docs[0]) == "")


class EndpointLM(LM):
    """lm-eval's view of the model. `current_pass`: the one that runs, from 1; `refusals` counts refused items by task.

    Nothing is journalled here: the gateway gives again what an earlier attempt of the same job was answered.
    """

    journal: Journal | None = None
    max_length: int | None = None
    replayed = 0
    tokenizer_name = "messages"

    def __init__(self, behind: Behind, report: Report) -> None:
        super().__init__()
        self._behind, self._report = behind, report
        self._lock = Lock()
        self.current_pass, self.asked = 1, 0
        self.refusals: Counter[str] = Counter()
        self.refused_because = ""
        self._done: set[tuple[str, int | None, int]] = set()
        limits = httpx.Limits(max_connections=behind.concurrency, max_keepalive_connections=behind.concurrency)
        # The gateway says when it gives up; until then it waits as long as the endpoint wants it to.
        self._http = httpx.Client(base_url=behind.url, timeout=httpx.Timeout(None), trust_env=False, limits=limits)
        self._http.headers["Authorization"] = f"Bearer {behind.token}"

    def look_again(self) -> None:
        """The items so far are asked once more, with others: the gateway answers them, and they count once."""
        self.refusals.clear()
        self.asked = 0

    def path_facts(self) -> dict[str, Any]:
        """For the provenance."""
        refused = self.refusals.total()
        return {"path": "endpoint", "passes": self._behind.sampling.passes, "refused_requests": refused}

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Log-likelihood of each continuation, and whether it is greedy; raises Unusable where prompts are not echoed,
        and once the gateway answers no more."""
        return self._all(self._likelihood, requests)

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        raise NotImplementedError("Endpoints are not asked for the likelihood of whole texts.")

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The messages, as text on their way through lm-eval."""
        return json.dumps(chat_history, ensure_ascii=False)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Every answer in the requests' order; raises Unusable once the gateway answers no more."""
        bodies = self._numbered(self._body(*request.args) for request in requests)
        return self._all(self._text, requests, bodies)

    def too_often_refused(self, names: Iterable[str], items: int) -> str:
        """Why these tasks, of so many items together, have no score, or ""."""
        asked = items * self._behind.sampling.passes
        refused = sum(self.refusals[name] for name in names)
        if refused <= MOST_REFUSED * asked:
            return ""
        return f"The endpoint refused {refused:,} of {asked:,} requests. The last one: {self.refused_because}"

    def _body(self, prompt: str, arguments: dict[str, Any]) -> Body:
        """What is asked. Temperature and the like are the submission's and not the task's: the gateway adds them."""
        body: Body = {"model": self._behind.model}
        body |= {"messages": json.loads(prompt)} if self._behind.chat else {"prompt": prompt}
        until = arguments.get("until") or []
        stops = [stop for stop in ([until] if isinstance(until, str) else until) if stop]
        return {**body, "max_tokens": int(arguments.get("max_gen_toks", MAX_TOKENS)), "stop": stops}

    def _numbered(self, bodies: Iterable[Body]) -> list[Body]:
        """The bodies with what tells them from each other in the gateway's journal (`parity_pass`).

        Equal ones of two items are one where nothing is drawn; else each is a draw of its own.
        """
        drawn, passes = self._behind.sampling.temperature != 0, self._behind.sampling.passes
        seen: Counter[str] = Counter()
        found = []
        for body in bodies:
            same = json.dumps(body, sort_keys=True)
            found.append({**body, "parity_pass": self.current_pass + passes * seen[same] * drawn})
            seen[same] += 1
        return found

    def _text(self, request: Instance, body: Body) -> str:
        answer = self._ask(request, body)
        self._count(request)
        return text_of(answer, chat=self._behind.chat) if answer else ""

    def _likelihood(self, request: Instance) -> tuple[float, bool]:
        context, continuation = likelihoods.split(*request.args)
        answer = self._echoed(request, context + continuation)
        try:
            first = likelihoods.behind(answer, context, context + continuation) if answer else 0
            if first is None:
                first = likelihoods.given_tokens(self._echoed(request, context) or {})
            found = likelihoods.score(answer, first) if answer else (-math.inf, False)
        except likelihoods.NotEchoed as error:
            raise Unusable(
                "not_echoed", f"The endpoint does not echo prompts with log-probabilities: {error}."
            ) from error
        self._count(request)
        return found

    def _echoed(self, request: Instance, prompt: str) -> Body | None:
        body = {"model": self._behind.model, "prompt": prompt, "max_tokens": 1, "echo": True, "logprobs": 1}
        return self._ask(request, {**body, "parity_pass": self.current_pass})

    def _ask(self, request: Instance, body: Body) -> Body | None:
        """The answer; None where the endpoint refuses this one request. Raises Unusable."""
        reply = self._http.post("chat/completions" if self._behind.chat else "completions", json=body)
        code, message = ("", "") if reply.is_success else error_of(reply)
        if not reply.is_success and code != REFUSED:
            raise Unusable(code or "gateway_failed", message)
        with self._lock:
            self.asked += 1
            if code:
                self.refusals[str(request.task_name)] += 1
                self.refused_because = message
        return None if code else dict(reply.json())

    def _count(self, request: Instance) -> None:
        """An item is done with its first answer, once a pass."""
        with self._lock:
            self._done.add((str(request.task_name), request.doc_id, self.current_pass))
            self._report(len(self._done))

    def _all(self, answer: Callable[..., T], requests: Sequence[Instance], *more: Iterable[Any]) -> list[T]:
        """As many at once as the submission allows, in the requests' order."""
        pool = ThreadPoolExecutor(self._behind.concurrency)
        try:
            return list(pool.map(answer, requests, *more))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def load(behind: Behind, report: Report) -> EndpointLM:
    """The model behind the gateway; nothing is asked yet."""
    return EndpointLM(behind, report)


def text_of(answer: dict[str, Any], *, chat: bool) -> str:
    """The text of the gateway's answer."""
    choice = answer["choices"][0]
    return str(choice["message"]["content"] if chat else choice["text"])


def error_of(reply: httpx.Response) -> tuple[str, str]:
    """Code and message of the gateway's error."""
    try:
        error = reply.json()["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return "", f"The gateway answered {reply.status_code}: {reply.text[:400]}"
