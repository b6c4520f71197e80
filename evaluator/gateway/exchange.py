"""One exchange with the endpoint: a request that is sent once, and the answer that is heard, or why there is none."""

import contextlib
import json
import ssl
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from evaluator.addresses import AddressRefused, Allowed, check_url
from evaluator.addresses.pinned import Lookup
from evaluator.contract import EndpointSpec
from evaluator.gateway import connect, faults, reading
from evaluator.gateway.asking import Asked, Reply, size
from evaluator.gateway.limits import Limits
from evaluator.gateway.outcomes import Ended, Failed, Fault, Unreadable
from evaluator.gateway.protocols import DIALECTS, dialect
from evaluator.gateway.secrecy import Mask

ERROR_BYTES = 2**16
PLAIN_HEADERS = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "Parity"}


@dataclass(frozen=True)
class Heard:
    """An answer. `seconds` until all of it was there, `first` until its first token, where it was streamed."""

    reply: Reply
    seconds: float
    first: float | None
    headers: Mapping[str, str] = field(default_factory=dict)


class Wire:
    """The connection to one endpoint, and the only holder of its key. Belongs to one event loop."""

    def __init__(self, spec: EndpointSpec, *, lookup: Lookup, tls: ssl.SSLContext, limits: Limits) -> None:
        """`problem`: why nothing may be sent there, as far as the address's form tells."""
        self.spec, self.limits, self.mask = spec, limits, Mask(spec.api_key)
        self.dialect = DIALECTS[spec.protocol]
        self.problem: Ended | None = None
        self._base = ""
        self._headers: dict[str, str] = {}
        self._session: aiohttp.ClientSession | None = None
        try:
            allowed = Allowed.parse(",".join(spec.allowed))
            target = check_url(spec.base_url, allowed)
            self._session = connect.session(target, allowed, lookup=lookup, tls=tls, limits=limits)
            self._base = target.url.rstrip("/")
            self._headers = PLAIN_HEADERS | dialect.headers(spec)
        except AddressRefused as error:
            self.problem = Ended("model", error.code, error.message)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self.problem is not None:
            raise AddressRefused(self.problem.code, self.problem.message)
        assert self._session is not None
        return self._session

    def body(self, asked: Asked, refused: Set[str]) -> dict[str, Any]:
        return self.dialect.make(self.spec, asked, refused)

    async def send(self, body: Mapping[str, Any], *, seconds: float | None = None) -> Heard:
        """Send one request; raises Failed. `seconds`: for all of it, instead of the usual bound."""
        began = time.monotonic()
        with faults.as_faults(self.mask):
            async with self.session.post(
                URL(f"{self._base}{self.dialect.path}", encoded=True),
                data=json.dumps(body).encode(),
                headers=self._headers,
                allow_redirects=False,
                timeout=self.timeout(seconds),
            ) as response:
                if response.status != 200:
                    raise Failed(await self.fault(response))
                reply, first = await self.hear(response, began)
                if sum(size(one.text) for one in reply.choices) > self.limits.answer_bytes:
                    raise reading.TooLarge
                return Heard(self.masked(reply), time.monotonic() - began, first, self.shown(response))

    async def get(self, path: str, seconds: float) -> tuple[int, Any, Mapping[str, str]]:
        """Status, JSON and headers of a page beside the protocol's, such as /models; raises Failed."""
        with faults.as_faults(self.mask):
            url = URL(f"{self._base}{path}", encoded=True)
            async with self.session.get(
                url, headers=self._headers, allow_redirects=False, timeout=self.timeout(seconds)
            ) as response:
                said = await reading.whole(response, self.limits)
                value = reading.parsed(said) if response.status == 200 else said[:ERROR_BYTES].decode(errors="replace")
                return response.status, self.mask.value(value), self.shown(response)

    def timeout(self, seconds: float | None) -> aiohttp.ClientTimeout:
        limits = self.limits
        total = limits.try_seconds if seconds is None else seconds
        return aiohttp.ClientTimeout(
            total=total, sock_connect=min(total, limits.connect_seconds), sock_read=min(total, limits.silent_seconds)
        )

    async def fault(self, response: aiohttp.ClientResponse) -> Fault:
        said = b""
        with contextlib.suppress(reading.TooLarge, Unreadable):  # the status says enough
            async for piece in reading.pieces(response, self.limits.answer_bytes):
                said += piece
                if len(said) >= ERROR_BYTES:
                    break
        words = self.mask.text(said[:ERROR_BYTES].decode(errors="replace"))
        return faults.of_status(response.status, response.headers, words, self.limits)

    async def hear(self, response: aiohttp.ClientResponse, began: float) -> tuple[Reply, float | None]:
        """The reply, and the seconds to its first token. An endpoint may answer in one piece though asked to stream."""
        if response.content_type != "text/event-stream":
            return self.dialect.read(reading.parsed(await reading.whole(response, self.limits))), None
        listener, first = self.dialect.listen(), None
        async with contextlib.aclosing(reading.events(response, self.limits)) as events:
            async for data in events:
                if data.strip() == "[DONE]":
                    break
                listener.hear(reading.parsed(data))
                if first is None and listener.begun:
                    first = time.monotonic() - began
                if listener.over:
                    break
        await reading.drained(response)
        return listener.ended(), first

    def masked(self, reply: Reply) -> Reply:
        choices = tuple(
            type(one)(self.mask.text(one.text), self.mask.text(one.finish), self.mask.value(one.likely))
            for one in reply.choices
        )
        return Reply(choices, reply.usage, self.mask.text(reply.model), self.mask.text(reply.fingerprint))

    def shown(self, response: aiohttp.ClientResponse) -> Mapping[str, str]:
        """The answer's headers, by lower-case name."""
        return {name.lower(): self.mask.text(value) for name, value in response.headers.items()}
