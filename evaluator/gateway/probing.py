"""One raw exchange, for looking at an endpoint: at once, without the journal and without trying again."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from evaluator.gateway import asking, learning
from evaluator.gateway.asker import Asker
from evaluator.gateway.asking import Asked
from evaluator.gateway.outcomes import Failed, Fault, NoMore, Refusal

ASK_SECONDS = 10.0
Path = Literal["chat", "completions", "models"]


@dataclass(frozen=True)
class Answer:
    """What came of it. `status` 0: no HTTP answer that could be read, and `error` says what went wrong: a kind as in
    `Spent.errors`, an `Ended.code`, or "refused" where the gateway cannot ask this. `body`: as the loopback side gives
    it (OpenAI's form), or `{"error": {"message": ...}}`; of "models", the endpoint's own. Nothing in it holds the key.
    """

    status: int
    body: Any
    seconds: float
    first_token_seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    message: str = ""


async def probe(asker: Asker, body: Mapping[str, Any], path: Path, timeout: float) -> Answer:
    """Ask once; what the endpoint refuses of our parameters is learnt, and asked without."""
    began, asked = time.monotonic(), None
    try:
        if path == "models":
            status, said, headers = await asker.wire.get("/models", timeout)
            return Answer(status, said, time.monotonic() - began, headers=headers)
        asked = asking.read(body, chat=path == "chat")
        heard = await asker.at_once(asked, began + timeout)
    except Refusal as error:
        return no_answer(0, "refused", error.message, began)
    except NoMore as error:
        return no_answer(0, error.ended.code, error.ended.message, began)
    except Failed as error:
        return of_fault(asker, asked, error.fault, began)
    reply = heard.reply if asked.likely else heard.reply.cut_at(asked.stop)
    said = asking.written(reply, chat=asked.chat, model=asker.spec.model)
    return Answer(200, said, heard.seconds, heard.first, heard.headers)


def of_fault(asker: Asker, asked: Asked | None, fault: Fault, began: float) -> Answer:
    """What a run would end with, where it would; else the kind of error."""
    ends = fault.ends
    if ends is None and asked is not None and not fault.retry:
        ends = learning.sampling_refused(fault.said, asker.wire.body(asked, asker.refused), asker.spec.sampling)
    if ends is not None:
        return no_answer(fault.status, ends.code, ends.message, began)
    return no_answer(fault.status, fault.kind, fault.message, began)


def no_answer(status: int, error: str, message: str, began: float) -> Answer:
    body = {"error": {"message": message}}
    return Answer(status, body, time.monotonic() - began, error=error, message=message)
