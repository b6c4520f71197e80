"""A wire in userspace: bytes between hosts and the site come later, some much later, and now and then it breaks.

Loss is what TCP makes of it. A lost packet is sent again after a while, and everything behind it waits; a connection
of which too many are lost ends, and nobody knows how much of it arrived.
"""

import asyncio
import math
import random
import threading
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PACKET = 1448
"""Bytes."""
AGAIN = 0.2
"""Seconds until a lost packet is sent again: the least that Linux waits."""
READ = 65_536


@dataclass(frozen=True)
class Wire:
    """`latency`: seconds one way, and up to half of it more. `loss`: share of the packets. `cut`: share of the packets
    that take their connection with them."""

    latency: float = 0.0
    loss: float = 0.0
    cut: float = 0.0


class Cut(Exception):
    """The wire broke."""


class Relay:
    """Carries what comes to `address` to `upstream`, in a thread of its own, inside a `with` block.

    `counted`: packets, lost, cut, connections.
    """

    def __init__(self, address: tuple[str, int], upstream: tuple[str, int], wire: Wire, chance: random.Random) -> None:
        self.address, self.upstream, self.wire = address, upstream, wire
        self.url = f"http://{address[0]}:{address[1]}"
        self.counted = Counter[str]()
        self._chance = chance
        self._loop = asyncio.new_event_loop()
        self._listening, self._over = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._listening.wait(10):
            raise OSError(f"The relay cannot listen at {self.url}.")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        open_now: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.counted["connections"] += 1
            task = self._loop.create_task(self._connection(reader, writer))
            open_now.add(task)
            task.add_done_callback(open_now.discard)

        server = await asyncio.start_server(connected, *self.address)
        self._listening.set()
        await self._over.wait()
        server.close()
        for task in open_now:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until both sides have ended it or the wire breaks."""
        ends = [writer]
        try:
            site_reader, site_writer = await asyncio.open_connection(*self.upstream)
            ends.append(site_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, site_writer))
                both.create_task(self._carry(site_reader, writer))
        except* (OSError, Cut):  # whoever is at the other end sees it, as with any wire
            for end in ends:
                end.transport.abort()
        finally:
            for end in ends:
                end.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction: what is read at one moment is written at a later one, in the same order."""
        way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

        async def arrive() -> None:
            while True:
                due, data = await way.get()
                await asyncio.sleep(due - self._loop.time())
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()

        async with asyncio.TaskGroup() as ends:
            ends.create_task(arrive())
            due = 0.0
            while True:
                data = await reader.read(READ)
                due = max(due, self._loop.time() + self._delay(len(data)))
                await way.put((due, data))
                if not data:
                    break

    def _delay(self, size: int) -> float:
        """Seconds until so many bytes are there; raises Cut."""
        late = self.wire.latency * self._chance.uniform(1.0, 1.5)
        for _ in range(math.ceil(size / PACKET)):
            self.counted["packets"] += 1
            if self._chance.random() < self.wire.cut:
                self.counted["cut"] += 1
                raise Cut
            wait = AGAIN
            while self._chance.random() < self.wire.loss:
                self.counted["lost"] += 1
                late, wait = late + wait, 2 * wait
        return late
