"""The gateway itself: an event loop in a thread of the worker, between a run and the endpoint that it measures."""

import asyncio
import contextlib
import secrets
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from evaluator.addresses.pinned import Lookup, system_lookup, system_tls
from evaluator.contract import EndpointSpec, Spent
from evaluator.gateway import probing
from evaluator.gateway.asker import Asker
from evaluator.gateway.books import Books
from evaluator.gateway.exchange import Wire
from evaluator.gateway.ledger import Ledger
from evaluator.gateway.limits import Limits
from evaluator.gateway.loopback import application
from evaluator.gateway.meter import Meter
from evaluator.gateway.outcomes import Ended
from evaluator.gateway.probing import ASK_SECONDS, Answer

SHUTDOWN_SECONDS = 1.0


class Gateway:
    """The only part of a run's way that knows the API key. Use as a context manager; then `url` and `token` are set.

    `journal`: the job's own folder for what was asked and answered, so that nothing is paid twice; None: nothing is
    kept, and equal requests are asked each time. `lookup`, `tls` and `limits` are for tests.
    """

    def __init__(
        self,
        endpoint: EndpointSpec,
        *,
        journal: Path | None,
        lookup: Lookup = system_lookup,
        tls: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.url = ""
        self.token = secrets.token_urlsafe(24)
        self._spec, self._journal, self._lookup, self._tls = endpoint, journal, lookup, tls
        self._limits = limits or Limits()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._problem: BaseException | None = None
        self._stop: asyncio.Event | None = None
        self._asker: Asker | None = None
        self._meter = Meter(endpoint.spent, endpoint.budget_tokens, endpoint.budget_dollars)

    def __enter__(self) -> Self:
        """Raises OSError when the journal cannot be opened. An address that is refused ends the gateway instead."""
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._problem is not None:
            self._thread.join()
            raise self._problem
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What is under way is given up, and counts with the most that it can cost."""
        assert self._loop is not None
        assert self._stop is not None
        assert self._thread is not None
        with contextlib.suppress(RuntimeError):  # the loop broke before; its error follows
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._problem is not None:
            raise self._problem

    def spent(self) -> Spent:
        """What the endpoint was asked and what that cost, over all attempts of the job, up to now."""
        return self._meter.spent()

    def ended(self) -> Ended | None:
        """Why no request is answered any more; None while they are. Set once, and for all."""
        return self._asker.ended if self._asker is not None else None

    @property
    def learnt(self) -> frozenset[str]:
        """What the endpoint was found to refuse and is asked without: max_tokens (max_completion_tokens is sent), stop
        (applied to its answers), seed, stream, stream_options."""
        return self._asker.refused if self._asker is not None else frozenset()

    def ask(
        self,
        body: Mapping[str, Any],
        path: Literal["chat", "completions", "models"] = "chat",
        timeout: float = ASK_SECONDS,
    ) -> Answer:
        """One exchange, at once and without the journal, of a body as the loopback side takes it.

        It is paid and counts as any other. A parameter that is found refused is left out as in a run (`learnt`).
        "models": the list of models, asked for with GET; `body` is not used.
        """
        assert self._loop is not None
        assert self._asker is not None
        asking = probing.probe(self._asker, body, path, timeout)
        return asyncio.run_coroutine_threadsafe(asking, self._loop).result()

    def _run(self) -> None:
        """The thread."""
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # it belongs to the thread that waits
            self._problem = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            ledger = None if self._journal is None else Ledger(self._journal)
            if ledger is not None:
                stack.push_async_callback(ledger.close)
            books = Books(self._meter, ledger)
            books.begin(self._spec.spent)
            wire = Wire(self._spec, lookup=self._lookup, tls=self._tls or system_tls(), limits=self._limits)
            stack.push_async_callback(wire.close)
            self._asker = Asker(wire, books)
            app = application(self._asker, self.token, self._limits.asked_bytes)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
            stack.push_async_callback(self._asker.close)
            self._started.set()
            await self._stop.wait()
