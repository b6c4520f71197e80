"""The gateway's journal: every request before it is sent, every answer before it is given on.

One file a job, of lines as in `evaluator.journal`, appended only:

    base:S      what all attempts before session S had spent
    sent:S:N    request N of session S is about to be sent; the most that it can cost
    answer:K    the answer to the request with key K, of S:N, and what it cost
    seen:S:N    it brought an answer that was only looked at
    failed:S:N  it brought no answer: the kind of error, and the cost where that is unknown
    gone:S:N    the gateway was stopped while it was under way
    replayed:S:N  an answer was given again

Whatever was sent and has no end may have been paid: it counts with the most that it can have cost. A request is written
before it is sent and an answer before it is given on, so that a killed process loses nothing. Its way to the disk
(fsync) begins at once and is not waited for: a machine that dies loses the answers of its last moments, for which those
who asked are gone too.
"""

import asyncio
import fcntl
import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from evaluator import journal
from evaluator.contract import Spent
from evaluator.gateway.asking import Choice, Reply, Usage
from evaluator.gateway.meter import Cost, Meter

FILE = "requests.jsonl"
HELD_SECONDS = 10.0


class Ledger:
    """One session with the file in `folder` (made, with mode 0700), of which `damaged` lines were not readable.

    Raises OSError.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / FILE
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self.hold()
            self._found, self.damaged, whole = journal.read(self.path)
        except BaseException:
            os.close(self._file)
            raise
        self._begin = b"" if whole else b"\n"
        self._session = uuid.uuid4().hex
        self._answers = {
            name.removeprefix("answer:"): value["reply"]
            for name, value in self._found.items()
            if name.startswith("answer:")
        }
        self._syncing: asyncio.Task[None] | None = None
        self._unsynced = False
        self._broken: OSError | None = None

    def hold(self) -> None:
        """For this process alone. An attempt that was given up may take a moment to let go."""
        end = time.monotonic() + HELD_SECONDS
        while True:
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise OSError(f"{self.path} is in use by another attempt on this host.") from None
                time.sleep(0.1)

    def write(self, name: str, value: Any) -> None:
        """Append a line. Raises OSError when the disk is full, or lost what was written before."""
        if self._broken is not None:
            raise self._broken
        body = self._begin + journal.line(name, value)
        self._begin = b"\n"  # should this stop in the middle
        while body:
            body = body[os.write(self._file, body) :]
        self._begin = b""

    def sync(self) -> None:
        """Bring what is written to the disk soon. One call of fsync serves all that came before it."""
        self._unsynced = True
        if self._syncing is None or self._syncing.done():
            self._syncing = asyncio.create_task(self._sync())

    async def _sync(self) -> None:
        while self._unsynced:
            self._unsynced = False
            try:
                await asyncio.to_thread(os.fsync, self._file)
            except OSError as error:
                self._broken = error
                return

    def begun(self, told: Spent) -> Spent:
        """Begin this session; returns what all earlier attempts spent, of which the site was `told` some."""
        base = spent_before(self._found, told)
        self._found = {}
        self.write(f"base:{self._session}", msgspec.to_builtins(base))
        return base

    def sent(self, number: int, most: Cost) -> None:
        self.write(f"sent:{self._session}:{number}", vars(most))

    def answered(self, number: int, key: str, reply: Reply, cost: Cost, seconds: float, first: float | None) -> None:
        value = {"reply": stored(reply), "of": f"{self._session}:{number}", "cost": vars(cost), "seconds": seconds}
        self.write(f"answer:{key}", value | {"first": first})
        self.sync()
        self._answers[key] = value["reply"]

    def seen(self, number: int, cost: Cost, seconds: float, first: float | None) -> None:
        """An answer that is not kept."""
        self.write(f"seen:{self._session}:{number}", {"cost": vars(cost), "seconds": seconds, "first": first})

    def failed(self, number: int, kind: str, unknown: Cost | None) -> None:
        value = {"kind": kind, "unknown": unknown and vars(unknown)}
        self.write(f"failed:{self._session}:{number}", value)

    def gone(self, number: int) -> None:
        self.write(f"gone:{self._session}:{number}", None)

    def replayed(self, number: int) -> None:
        self.write(f"replayed:{self._session}:{number}", None)

    def answer(self, key: str) -> Reply | None:
        """The answer that was received for this key, ever."""
        found = self._answers.get(key)
        return None if found is None else restored(found)

    async def close(self) -> None:
        if self._syncing is not None:
            await self._syncing
        os.close(self._file)


def stored(reply: Reply) -> dict[str, Any]:
    usage = reply.usage and vars(reply.usage)
    choices = [vars(one) for one in reply.choices]
    return {"choices": choices, "usage": usage, "model": reply.model, "fingerprint": reply.fingerprint}


def restored(value: Mapping[str, Any]) -> Reply:
    usage = value["usage"]
    return Reply(
        choices=tuple(Choice(**one) for one in value["choices"]),
        usage=None if usage is None else Usage(**usage),
        model=value["model"],
        fingerprint=value["fingerprint"],
    )


def spent_before(found: dict[str, Any], told: Spent) -> Spent:
    """What all earlier attempts spent: as the journal's last session has it, or as the site was `told`, whichever knows
    of more. The site may not have heard of a killed session's last requests; another host may have gone on since."""
    base = next((name for name in reversed(found) if name.startswith("base:")), None)
    if base is None:
        return told
    ours = of_session(found, base.removeprefix("base:"), msgspec.convert(found[base], Spent))
    return max(told, ours, key=lambda one: (one.requests + sum(one.errors.values()) + one.unknown, one.dollars))


def of_session(found: Mapping[str, Any], session: str, base: Spent) -> Spent:
    """What a session had spent in the end, with what it did not end at its most."""
    meter = Meter(base)
    for name, value in found.items():
        kind, _, rest = name.partition(":")
        about = value["of"] if kind == "answer" else rest
        if not about.startswith(f"{session}:"):
            continue
        number = int(about.partition(":")[2])
        if kind == "sent":
            meter.reserve(number, Cost(**value))
        elif kind in ("answer", "seen"):
            meter.answered(number, Cost(**value["cost"]), value["seconds"], value["first"])
        elif kind == "failed":
            meter.failed(number, value["kind"], unknown=value["unknown"] and Cost(**value["unknown"]))
        elif kind == "gone":
            meter.gone(number)
        elif kind == "replayed":
            meter.replayed()
    meter.gone_all()
    return meter.spent()
