"""What the tests of the gateway share: an endpoint's specification, and a caller."""

from typing import Any

import httpx
import msgspec

from evaluator.contract import EndpointSpec, Price, Protocol
from evaluator.gateway import Gateway, Limits
from tests.hostile_endpoint import Endpoint

PLAIN = httpx.create_ssl_context(verify=False)
"""Loopback needs no certificates, which take long to read."""
KEY = "sk-canary-5f2e81c04b7d"
HASTY = Limits(
    connect_seconds=2, try_seconds=2, silent_seconds=1, wait_seconds=1, backoff_seconds=0.01,
    longest_backoff_seconds=0.05, patience_seconds=2, tries=3,
)  # fmt: skip


def spec_of(endpoint: Endpoint, protocol: Protocol = "openai-chat", **about: Any) -> EndpointSpec:
    spec = EndpointSpec(
        base_url=endpoint.url, protocol=protocol, model="named", api_key=KEY, allowed=("127.0.0.1",),
        price=Price(input=1.0, output=10.0), budget_tokens=10_000_000, budget_dollars=100.0,
    )  # fmt: skip
    return msgspec.structs.replace(spec, **about)


def body_of(text: str = "Hi", **about: Any) -> dict[str, Any]:
    """A request as lm-eval's client makes it."""
    message = {"role": "user", "content": text}
    return {"model": "x", "messages": [message], "max_tokens": 16, "temperature": 0, "seed": 1234, **about}


def post(
    gateway: Gateway, body: dict[str, Any] | None = None, path: str = "/chat/completions", timeout: float = 60
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {gateway.token}"}
    sent = body_of() if body is None else body
    return httpx.post(
        f"{gateway.url}{path}", json=sent, headers=headers, timeout=timeout, trust_env=False, verify=PLAIN
    )


def text_of(reply: httpx.Response) -> str:
    assert reply.status_code == 200, reply.text
    return str(reply.json()["choices"][0]["message"]["content"])
