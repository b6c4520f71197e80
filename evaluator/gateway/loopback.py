"""The loopback side: a small HTTP server that speaks OpenAI's chat and completions to whoever knows the token."""

import hmac
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from evaluator.gateway import asking
from evaluator.gateway.asker import Asker
from evaluator.gateway.outcomes import Ended, NoMore, Refusal

STATUS = {"budget": 402, "model": 403, "platform": 503}
"""Of every answer once the gateway has ended, by kind."""


def application(asker: Asker, token: str, most_bytes: int) -> web.Application:
    """The server; it stops nothing when a caller goes away."""

    async def chat(request: web.Request) -> web.Response:
        return await answered(request, chat=True)

    async def completions(request: web.Request) -> web.Response:
        return await answered(request, chat=False)

    async def answered(request: web.Request, *, chat: bool) -> web.Response:
        if not admitted(request, token):
            return problem(401, "unauthorized", "The gateway is for its own run: this bearer token is not its.")
        try:
            asked = asking.read(await body_of(request), chat=chat)
            reply = await asker.answer(asked)
        except Refusal as error:
            return problem(error.status, "refused", error.message)
        except NoMore as error:
            return stopped(error.ended)
        return as_json(200, asking.written(reply, chat=chat, model=asker.spec.model))

    app = web.Application(client_max_size=most_bytes)
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_post("/v1/completions", completions)
    return app


def admitted(request: web.Request, token: str) -> bool:
    said = request.headers.get("Authorization", "")
    return hmac.compare_digest(said.encode("utf-8", "surrogateescape"), f"Bearer {token}".encode())


async def body_of(request: web.Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise Refusal(400, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Refusal(400, "The body is not a JSON object.")
    return body


def stopped(ended: Ended) -> web.Response:
    return problem(STATUS[ended.kind], ended.code, ended.message, kind=f"parity_{ended.kind}")


def problem(status: int, code: str, message: str, *, kind: str = "parity_refused") -> web.Response:
    """An error as OpenAI's clients know it."""
    return as_json(status, {"error": {"message": message, "type": kind, "code": code, "param": None}})


def as_json(status: int, body: Mapping[str, Any]) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")
