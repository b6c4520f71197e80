"""A look at an endpoint before anything is spent on it: what it answers, and what it takes, in under ten seconds.

One completion comes first, in the submission's own sampling; whatever refuses that is the reason why the look fails.
Then the rest at once. Everything is asked through the gateway, which leaves out what an endpoint refuses (`learnt`).
Not found out: a context length that neither the list of models nor an error tells, for asking too much would be paid.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urlsplit

from evaluator.contract import Check, EndpointSpec, Preflight
from evaluator.echo import disagreement, prompt_tokens
from evaluator.journal import digest

if TYPE_CHECKING:
    from evaluator.gateway import Answer

SECONDS = 9.0
"""For all of it, where the operator wants no other patience: whoever submits is told within ten."""
LEAST_SECONDS = 1.0
FIRST, LIST, CHECK, ECHOED = 8 / 9, 3 / 9, 5 / 9, 4 / 9
"""Shares of the whole that one exchange of each kind may take."""
MOST_TOKENS = 64
WORD = "ready"
PROMPT = "The quick brown fox jumps over the lazy dog. The five boxing wizards jump quickly, and nobody knows why."
CONTEXT_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length", "max_input_tokens",
    "inputTokenLimit")  # fmt: skip
"""What servers and providers call the context length in their lists of models."""
SAID_FIELDS = ("id", "root", "parent", "owned_by", "version", "canonical_slug", "hugging_face_id", "quantization")
"""What a list says of a model and says again the next time (`created` is the time of the call at some)."""
CONTEXT_WORDS = re.compile(r"(?:context length|context window)\D{0,40}?([\d,]{4,12})", re.IGNORECASE)
NO_MODEL = re.compile(
    r"model\b.{0,120}\b(?:not exist|not found|unknown|invalid)|(?:unknown|invalid|no such) model", re.I
)
LATER = frozenset({"429", "throttled"})
"""Errors that say nothing of the endpoint but that now is not the time."""


class NotFit(Exception):
    """The endpoint cannot be evaluated. "model": it will not be fit a minute later either; "platform": it may."""

    def __init__(self, kind: Literal["model", "platform"], code: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.code, self.message = kind, code, message


class Asking(Protocol):
    """The part of a gateway that a look needs."""

    @property
    def learnt(self) -> frozenset[str]: ...

    def ask(
        self, body: Mapping[str, Any], path: Literal["chat", "completions", "models"] = "chat", timeout: float = ...
    ) -> Answer: ...


def look(gateway: Asking, endpoint: EndpointSpec, *, attempt: int, patience: float = SECONDS) -> Preflight:
    """What there is at an endpoint, found in `patience` seconds; raises NotFit with the reason."""
    look = Look(gateway, endpoint, patience)
    with ThreadPoolExecutor(5) as pool:
        listing = pool.submit(look.listed)
        answer = look.answered()
        others = [pool.submit(check) for check in (look.system_role, look.stop_sequences, look.echo)]
        models = listing.result()
        checks = [check for one in others if (check := one.result()) is not None]
    entry = look.entry(models, answer)
    length = context_of(entry) or context_said(answer)
    checks = [*look.basics(answer), *checks, *look.of_list(models, entry), context_check(length)]
    return Preflight(
        attempt=attempt,
        fingerprint=fingerprint(answer, entry),
        echo=any(check.name == ECHO and check.ok for check in checks),
        context_length=length,
        seconds=answer.seconds,
        checks=tuple(checks),
    )


ECHO = "prompt log-probabilities"


class Look:
    """The checks of one look, which begins now and takes `patience` seconds."""

    def __init__(self, gateway: Asking, endpoint: EndpointSpec, patience: float) -> None:
        self._gateway, self._endpoint, self._patience = gateway, endpoint, patience
        self._end = time.monotonic() + patience
        self.chats = endpoint.protocol != "openai-completions"

    def seconds(self, share: float) -> float:
        """How long an exchange may take now, which gets this share of the whole."""
        return max(LEAST_SECONDS, min(share * self._patience, self._end - time.monotonic()))

    def ask(self, text: str, share: float = 1.0, **more: Any) -> Answer:
        """One exchange in the endpoint's own way: a message, or a text to go on from."""
        body = {"model": self._endpoint.model, "max_tokens": MOST_TOKENS, **more}
        if not self.chats:
            return self._gateway.ask({**body, "prompt": text}, "completions", self.seconds(share))
        messages = [*body.pop("before", []), {"role": "user", "content": text}]
        return self._gateway.ask({**body, "messages": messages}, "chat", self.seconds(share))

    def answered(self) -> Answer:
        """The first completion; raises NotFit."""
        answer = self.ask(f"Reply with the word {WORD}.", FIRST)
        if answer.status != 200:
            raise unfit(answer, self._endpoint, FIRST * self._patience)
        return answer

    def listed(self) -> Answer:
        """The endpoint's list of models, asked for twice where it fails by chance."""
        answer = self._gateway.ask({}, "models", LIST * self._patience)
        passing = answer.status in (0, 429) or answer.status >= 500
        return self._gateway.ask({}, "models", self.seconds(LIST)) if passing else answer

    def system_role(self) -> Check | None:
        if not self.chats:
            return None
        answer = self.ask(f"Reply with the word {WORD}.", CHECK, before=[{"role": "system", "content": "Be brief."}])
        return verdict("system role", answer, "accepted")

    def stop_sequences(self) -> Check | None:
        if not self._endpoint.sampling.stop:
            return Check(name="stop sequences", ok=True, detail="not sent, as asked for; applied to its answers")
        answer = self.ask("Count from one to five in words.", CHECK, stop=["three"])
        if "stop" in self._gateway.learnt:
            return Check(name="stop sequences", ok=False, detail="refused; they are applied to its answers instead")
        return verdict("stop sequences", answer, "accepted")

    def echo(self) -> Check | None:
        """Whether a prompt's own log-probabilities are told: as many as there are tokens, and the same again where the
        same text has another end."""
        if self.chats:
            return None
        found = []
        for text in (PROMPT, PROMPT[: len(PROMPT) // 2].rpartition(" ")[0]):
            body = {"model": self._endpoint.model, "prompt": text, "max_tokens": 1, "echo": True, "logprobs": 1}
            answer = self._gateway.ask(body, "completions", self.seconds(ECHOED))
            if answer.status != 200:
                return verdict(ECHO, answer, "")
            tokens = prompt_tokens(answer.body, text)
            if isinstance(tokens, str):
                return Check(name=ECHO, ok=False, detail=tokens)
            found.append(tokens)
        problem = disagreement(*found)
        return Check(name=ECHO, ok=not problem, detail=problem or f"told and consistent for {len(found[0])} tokens")

    def basics(self, answer: Answer) -> list[Check]:
        """What the first answer has shown."""
        parts = urlsplit(self._endpoint.base_url)
        key = "accepted" if self._endpoint.api_key else "none was given and none was asked for"
        usage = answer.body.get("usage")
        told = "not told; every byte is counted as a token"
        if usage:
            told = f"{usage['prompt_tokens']} in, {usage['completion_tokens']} out"
        first = (
            "" if answer.first_token_seconds is None else f", the first token after {answer.first_token_seconds:.2f} s"
        )
        tls = "verified" if parts.scheme == "https" else "none: this site's operator allows plain http there"
        return [
            Check(name="address", ok=True, detail=f"{parts.hostname} may be contacted"),
            Check(name="TLS", ok=True, detail=tls),
            Check(name="credentials", ok=True, detail=key),
            Check(name="model", ok=True, detail=f"answers as {answer.body['model']}"[:1000]),
            Check(name="completion", ok=True, detail=f"after {answer.seconds:.2f} s{first}: {text_of(answer)[:80]!r}"),
            Check(name="token counts", ok=bool(usage), detail=told),
            *self.left_out(),
        ]

    def left_out(self) -> list[Check]:
        """What is asked without, or under another name, because the endpoint refuses it."""
        words = sorted(self._gateway.learnt - {"stop"})
        return [Check(name="parameters", ok=True, detail=f"asked without {', '.join(words)}")] if words else []

    def entry(self, models: Answer, answer: Answer) -> Mapping[str, Any]:
        """What the list of models says of this one; nothing where there is no list, or it is not on it."""
        listed = models.body.get("data") if models.status == 200 and isinstance(models.body, dict) else None
        entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        for name in (self._endpoint.model, answer.body["model"]):
            for one in entries:
                if str(one.get("id", "")).removeprefix("models/") == name.removeprefix("models/"):
                    return one
        return {}

    def of_list(self, models: Answer, entry: Mapping[str, Any]) -> list[Check]:
        if models.status != 200:
            return [Check(name="list of models", ok=False, detail=f"none: {models.message or models.status}"[:1000])]
        said = "names this model" if entry else "does not name this model, which answers all the same"
        return [Check(name="list of models", ok=bool(entry), detail=said)]


def verdict(name: str, answer: Answer, well: str) -> Check:
    """One thing that was asked for and answered, or not."""
    return Check(name=name, ok=answer.status == 200, detail=(well if answer.status == 200 else answer.message)[:1000])


def unfit(answer: Answer, endpoint: EndpointSpec, seconds: float) -> NotFit:
    """Why an endpoint that does not answer within so many seconds is not evaluated."""
    code, message = answer.error or str(answer.status), answer.message
    if code in LATER:
        return NotFit("platform", "throttled", message)
    if code in ("400", "422", "not_found") and NO_MODEL.search(message):
        return NotFit("model", "model_unknown", f"{message} It was asked for {endpoint.model}.")
    if code == "timeout":
        return NotFit("model", "no_answer", f"{message} A look waits {seconds:.0f} s; ask it once to wake it up.")
    if code == "connection":
        return NotFit("model", "unreachable", message)
    named = {"cut", "bad_json", "bad_http", "bad_encoding", "stream_error", "too_large"}
    if code in named:
        return NotFit("model", "strange_answer", message)
    if answer.status >= 500:
        return NotFit("model", "endpoint_failing", message)
    return NotFit("model", "request_refused" if code.isdigit() or code == "refused" else code, message)


def text_of(answer: Answer) -> str:
    choice = answer.body["choices"][0]
    return str(choice.get("text", "") or choice.get("message", {}).get("content", ""))


def fingerprint(answer: Answer, entry: Mapping[str, Any]) -> str:
    """Equal for equal models behind a name: what the endpoint calls the model that answered, and says of it. OpenAI's
    `system_fingerprint` changes from call to call and stays out."""
    said = {name: entry[name] for name in (*SAID_FIELDS, *CONTEXT_FIELDS) if name in entry}
    name = str(answer.body["model"])
    return f"{name[:120]} {digest(said)[:16]}" if said else name[:120]


def context_of(entry: Mapping[str, Any]) -> int | None:
    """The context length that a list of models tells, in tokens."""
    numbers = [entry.get(name) for name in CONTEXT_FIELDS]
    return next(
        (one for one in numbers if isinstance(one, int) and not isinstance(one, bool) and 0 < one < 2**31), None
    )


def context_said(*answers: Answer) -> int | None:
    """The context length that an error's words tell."""
    for answer in answers:
        found = CONTEXT_WORDS.search(answer.message)
        if found:
            return int(found[1].replace(",", ""))
    return None


def context_check(length: int | None) -> Check:
    return Check(
        name="context length", ok=length is not None, detail="not told" if length is None else f"{length:,} tokens"
    )
