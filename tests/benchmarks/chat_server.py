"""An endpoint that answers chats at once, or after a while, and only so many a second: for timing what asks it.

    python -m tests.benchmarks.chat_server [A_SECOND STORE LATENCY]

Prints its port. Above A_SECOND (a token bucket that holds STORE) it answers 429 with Retry-After: 1. GET /counts tells
how many requests were answered and refused.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field

from aiohttp import web

WORDS = "The answer is 42. "
USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}


@dataclass
class Server:
    """`a_second` requests, of which `store` may wait unused; infinite: no limit. `latency` in seconds."""

    a_second: float = float("inf")
    store: float = float("inf")
    latency: float = 0.0
    answered: int = 0
    refused: int = 0
    _left: float = field(init=False)
    _filled: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._left = self.store

    def admits(self) -> bool:
        now = time.monotonic()
        if self.store < float("inf"):
            self._left = min(self.store, self._left + (now - self._filled) * self.a_second)
        self._filled = now
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        self.answered += 1
        return True

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not self.admits():
            error = {"error": {"message": "Rate limit reached", "type": "requests"}}
            return web.json_response(error, status=429, headers={"Retry-After": "1"})
        await asyncio.sleep(self.latency)
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": WORDS}, "finish_reason": "stop"}
            return web.json_response({"model": "bench", "choices": [choice], "usage": USAGE})
        reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await reply.prepare(request)
        for chunk in (
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": WORDS}}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": USAGE},
        ):
            await reply.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        await reply.write(b"data: [DONE]\n\n")
        await reply.write_eof()
        return reply

    async def counts(self, request: web.Request) -> web.Response:
        return web.json_response({"answered": self.answered, "refused": self.refused})


async def main() -> None:
    server = Server(*(float(argument) for argument in sys.argv[1:]))
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.chat)
    app.router.add_get("/counts", server.counts)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
