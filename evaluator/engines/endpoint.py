"""A model that answers behind the gateway, asked by lm-eval's requests: generated answers only.

The chat template is the messages themselves: they go out as they are, and whoever serves the model applies its own.
The gateway (in the worker's process) knows the real endpoint and its key, paces, retries, journals and counts; here is
only how many requests are in flight, and what a task and the submission's sampling ask for.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import httpx
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.task import Task

from evaluator.journal import Journal
from evaluator.run import Behind, Unusable

Report = Callable[[int], None]
"""Takes the number of items done so far in the whole run, passes counted one by one."""
Body = dict[str, Any]

MAX_TOKENS = 256
"""Of an answer where neither task nor submission says it: lm-eval's own default for weights."""
MOST_STOPS = 4
"""As many stop sequences are sent as every provider takes; all of them are applied to what comes back."""
REFUSED_ITEM = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "context_length_exceeded",
        "invalid_prompt",
        "string_above_max_length",
    }
)
"""Codes of refusals that are about one item: it has an empty answer, and the others are asked."""


def why_not(task: Task) -> str:
    """Why an endpoint cannot be asked a task's items, or ""."""
    if task.OUTPUT_TYPE != "generate_until":
        return (
            "It compares log-likelihoods of given answers, which an endpoint does not tell; only answers are generated."
        )
    if getattr(task, "MULTIMODAL", False):
        return "Its items have pictures or sound, which are not sent to endpoints."
    if task.get_config("gen_prefix"):
        return "It begins the answer in the model's place, which endpoints do not offer."
    return ""


class EndpointLM(LM):
    """lm-eval's view of the model. `passes` says how often its items are asked; `number` is the current pass, from 1.

    Nothing is journalled here: the gateway replays what an earlier attempt of the same job was answered.
    """

    journal: Journal | None = None
    max_length: int | None = None
    replayed = 0
    tokenizer_name = "messages"

    def __init__(self, behind: Behind, report: Report) -> None:
        super().__init__()
        self._behind, self._report = behind, report
        self._lock = Lock()
        self.passes, self.number = behind.sampling.passes, 1
        self.chat = behind.chat
        self.asked = self.refused = self._done = 0
        limits = httpx.Limits(max_connections=behind.concurrency, max_keepalive_connections=behind.concurrency)
        # The gateway says when it gives up; it also waits, paces and retries for as long as the endpoint asks for.
        self._http = httpx.Client(base_url=behind.url, timeout=httpx.Timeout(None), trust_env=False, limits=limits)
        self._http.headers["Authorization"] = f"Bearer {behind.token}"

    def path_facts(self) -> dict[str, Any]:
        """For the provenance."""
        return {"path": "endpoint", "passes": self.passes, "refused_items": self.refused}

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        raise NotImplementedError("An endpoint tells no log-likelihoods.")

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        raise NotImplementedError("An endpoint tells no log-likelihoods.")

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The messages, as text on their way through lm-eval."""
        return json.dumps(chat_history, ensure_ascii=False)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Every answer in the requests' order; raises Unusable for what the gateway will not try again."""
        bodies = [self.body(*request.args) for request in requests]
        stops = [stops_of(request.args[1]) for request in requests]
        pool = ThreadPoolExecutor(self._behind.concurrency)
        try:
            return list(pool.map(self._answer, numbered(bodies, self.number, self.passes), stops))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def body(self, prompt: str, arguments: dict[str, Any]) -> Body:
        """What is sent for a request; parameters that the submission leaves out are not sent."""
        sampling = self._behind.sampling
        body: Body = {"model": self._behind.model}
        body |= {"messages": json.loads(prompt)} if self.chat else {"prompt": prompt}
        body["max_tokens"] = sampling.max_tokens or int(arguments.get("max_gen_toks", MAX_TOKENS))
        stops = stops_of(arguments)[:MOST_STOPS]
        if sampling.stop and stops:
            body["stop"] = stops
        for name in ("temperature", "top_p"):
            if getattr(sampling, name) is not None:
                body[name] = getattr(sampling, name)
        return body

    def _answer(self, body: Body, stops: Sequence[str]) -> str:
        reply = self._http.post("chat/completions" if self.chat else "completions", json=body)
        text = ""
        if reply.is_success:
            text = cut(text_of(reply.json(), chat=self.chat), stops)
        elif error_of(reply)[0] not in REFUSED_ITEM:
            code, message = error_of(reply)
            raise Unusable(code or "endpoint_refused", f"The endpoint answered {reply.status_code}: {message}")
        with self._lock:
            self.asked += 1
            self.refused += not reply.is_success
            self._done += 1
            self._report(self._done)
        return text


def load(behind: Behind, report: Report) -> EndpointLM:
    """The model behind the gateway; nothing is asked yet."""
    return EndpointLM(behind, report)


def numbered(bodies: Iterable[Body], number: int, passes: int) -> list[Body]:
    """The bodies of one pass with what tells them from each other in the gateway's journal (`parity_pass`).

    Equal ones of two items are one where the answer is not drawn; else each is a draw of its own.
    """
    seen: Counter[str] = Counter()
    found = []
    for body in bodies:
        same = json.dumps(body, sort_keys=True)
        draw = seen[same] if body.get("temperature") != 0 else 0
        found.append({**body, "parity_pass": number + passes * draw})
        seen[same] += 1
    return found


def stops_of(arguments: dict[str, Any]) -> list[str]:
    """The texts that end an answer."""
    until = arguments.get("until") or []
    return [stop for stop in ([until] if isinstance(until, str) else until) if stop]


def cut(text: str, stops: Iterable[str]) -> str:
    """A text up to the first stop sequence, as a server that was sent it would have ended."""
    for stop in stops:
        text = text.partition(stop)[0]
    return text


def text_of(answer: dict[str, Any], *, chat: bool) -> str:
    """The text of an OpenAI-like answer; "" for one that is only thought. Raises Unusable for anything else."""
    try:
        choice = answer["choices"][0]
        return str((choice["message"].get("content") if chat else choice["text"]) or "")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise Unusable("strange_answer", f"The endpoint's answer has no text in it ({error!r}).") from error


def error_of(reply: httpx.Response) -> tuple[str, str]:
    """Code and message of an OpenAI-like error, or ("", the begin of the body)."""
    try:
        error = reply.json()["error"]
        return str(error.get("code") or error.get("type") or ""), str(error["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", reply.text[:400]
