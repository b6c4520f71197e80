"""Asks chats and times them, as a process of its own: the gateway's callers are one too. Prints one JSON object.

    python -m tests.benchmarks.chat_client pairs DIRECT GATEWAY NUMBER       in turns: the seconds of each
    python -m tests.benchmarks.chat_client load URL NUMBER AT_ONCE           all through one URL
    python -m tests.benchmarks.chat_client ours URL NUMBER AT_ONCE           by the engine of our runs
    python -m tests.benchmarks.chat_client stock URL NUMBER AT_ONCE TRIES    by lm-eval's own client

The bearer token is OPENAI_API_KEY of the environment, where lm-eval looks for it.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import aiohttp

PROMPT = "Question: Natalia sold clips to 48 of her friends in April, and then half as many. How many? " * 20


def body(number: int) -> dict[str, Any]:
    message = {"role": "user", "content": f"{number} {PROMPT}"}
    return {"model": "bench", "messages": [message], "max_tokens": 64, "temperature": 0, "stop": ["\n\n"], "seed": 1}


async def ask(session: aiohttp.ClientSession, url: str, number: int) -> float:
    began = time.perf_counter()
    async with session.post(f"{url}/chat/completions", json=body(number)) as reply:
        reply.raise_for_status()
        await reply.read()
    return time.perf_counter() - began


def session(at_once: int) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    return aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=at_once))


async def pairs(direct: str, gateway: str, number: int) -> dict[str, Any]:
    times: dict[str, list[float]] = {direct: [], gateway: []}
    async with session(2) as asking:
        for one in range(number):
            for url, seconds in times.items():
                seconds.append(await ask(asking, url, one))
    return {"direct": times[direct][20:], "gateway": times[gateway][20:]}


async def load(url: str, number: int, at_once: int) -> dict[str, Any]:
    left = iter(range(number))
    async with session(at_once) as asking:

        async def one_after_another() -> None:
            for one in left:
                await ask(asking, url, one)

        began = time.perf_counter()
        await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return {"seconds": time.perf_counter() - began}


def ours(url: str, number: int, at_once: int) -> dict[str, Any]:
    """As a job of ours asks, without the tasks around it."""
    from evaluator.contract import Sampling
    from evaluator.engines.endpoint import load
    from evaluator.run import Behind

    token = os.environ["OPENAI_API_KEY"]
    behind = Behind(url=url, token=token, model="bench", chat=True, sampling=Sampling(), concurrency=at_once)
    return timed(load(behind, lambda _: None), number, json.dumps)


def stock(url: str, number: int, at_once: int, tries: int) -> dict[str, Any]:
    """As `lm_eval run --model local-chat-completions` asks, without the tasks around it."""
    from lm_eval.models.api_models import JsonChatStr
    from lm_eval.models.openai_completions import LocalChatCompletion

    model = LocalChatCompletion(
        model="bench", base_url=f"{url}/chat/completions", num_concurrent=at_once, max_retries=tries, timeout=300
    )
    return timed(model, number, lambda messages: JsonChatStr(json.dumps(messages)))


def timed(model: Any, number: int, prompt: Callable[[Any], Any]) -> dict[str, Any]:
    """So many generations by an lm-eval model."""
    from lm_eval.api.instance import Instance

    arguments = {"until": ["\n\n"], "max_gen_toks": 64}
    requests = [
        Instance("generate_until", {}, (prompt(body(one)["messages"]), arguments), one, metadata=("bench", one, 1))
        for one in range(number)
    ]
    began = time.perf_counter()
    try:
        model.generate_until(requests)
    except aiohttp.ClientResponseError as error:  # one request that stays unanswered aborts a stock run
        return {"seconds": time.perf_counter() - began, "aborted": str(error.status)}
    return {"seconds": time.perf_counter() - began, "aborted": ""}


def main() -> None:
    what, *rest = sys.argv[1:]
    if what == "pairs":
        told = asyncio.run(pairs(rest[0], rest[1], int(rest[2])))
    elif what == "load":
        told = asyncio.run(load(rest[0], int(rest[1]), int(rest[2])))
    elif what == "ours":
        told = ours(rest[0], int(rest[1]), int(rest[2]))
    else:
        told = stock(rest[0], int(rest[1]), int(rest[2]), int(rest[3]))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
