"""Asking well: paced, within the budget, again where that helps, and never twice for what was answered."""

import asyncio
import contextlib
import logging
import math
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from evaluator import journal
from evaluator.gateway import learning
from evaluator.gateway.asking import Asked, Reply, Usage, size
from evaluator.gateway.books import Books
from evaluator.gateway.exchange import Heard, Wire
from evaluator.gateway.meter import Cost
from evaluator.gateway.outcomes import Ended, Failed, Fault, NoMore, Refusal
from evaluator.gateway.pacing import Pacer

log = logging.getLogger(__name__)

OVERLOADED = frozenset({"503", "529", "timeout"})
UNHEARD = 20
"""So many requests refused, and none ever answered: the endpoint is not asked on."""


class Asker:
    """All requests to one endpoint. Lives on one event loop; `ended` and the meter may be read from elsewhere."""

    def __init__(self, wire: Wire, books: Books) -> None:
        self.spec, self.wire, self.books, self.meter = wire.spec, wire, books, books.meter
        self.limits = wire.limits
        self.ended: Ended | None = None
        self.refused: frozenset[str] = frozenset()
        self._pacer = Pacer(self.spec.concurrency)
        self._line = asyncio.Lock()
        self._change, self._over = asyncio.Event(), asyncio.Event()
        self._running: dict[str, asyncio.Task[Reply]] = {}
        self._tasks: set[asyncio.Task[Reply]] = set()
        self._answered_at, self._refusals = -math.inf, 0
        if wire.problem is not None:
            self.end(wire.problem)
        elif self.spec.budget_dollars is not None and self.spec.price is None:
            self.end(Ended("model", "no_price", "The budget is in dollars and no price is known: give one, or tokens."))

    def end(self, ended: Ended) -> NoMore:
        """Send nothing any more; the first reason stands. Returns what to raise."""
        if self.ended is None:
            self.ended = ended
            log.warning("The endpoint is asked no more (%s): %s", ended.code, ended.message)
        self._over.set()
        self._change.set()
        return NoMore(self.ended)

    async def close(self) -> None:
        """Give up what is under way; it counts with the most that it can cost."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def answer(self, asked: Asked) -> Reply:
        """The answer to a request, from the journal where it is there; raises NoMore and Refusal.

        A caller that goes away stops nothing: the answer is waited for, kept, and found by whoever asks again.
        """
        key = self.key(asked)
        if not self.books.keeps:
            return await asyncio.shield(self.begun(asked, key))
        known = self.books.known(key)
        task = self._running.get(key)
        if known is None and task is None:
            task = self._running[key] = self.begun(asked, key)
            task.add_done_callback(lambda _: self._running.pop(key))
            return await asyncio.shield(task)
        reply = known if task is None else await asyncio.shield(task)
        assert reply is not None
        with self.written():
            self.books.replayed()
        return reply

    def begun(self, asked: Asked, key: str) -> asyncio.Task[Reply]:
        task = asyncio.create_task(self.persist(asked, key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def key(self, asked: Asked) -> str:
        """Equal for requests with the same answer: model, protocol, sampling, what is asked, and the pass."""
        spec = self.spec
        sampling = msgspec.structs.replace(spec.sampling, passes=1)
        asks = [asked.chat, asked.messages, asked.prompts, asked.max_tokens, asked.stop, asked.seed, dict(asked.likely)]
        return journal.digest([spec.model, spec.protocol, msgspec.to_builtins(sampling), asks, asked.number])

    async def persist(self, asked: Asked, key: str) -> Reply:
        """Ask until there is an answer, or there will be none."""
        tries, since = 0, time.monotonic()
        while True:
            if self.ended:
                raise NoMore(self.ended)
            body = self.wire.body(asked, self.refused)
            number, sent_at = await self.turn(asked)
            try:
                heard = await self.once(number, body, sent_at)
                return self.keep(number, asked, key, heard)
            except Failed as error:
                fault = error.fault
            if self.teaches(fault, asked, body):
                continue
            self.judge(fault, body)
            if fault.kind == "429":
                self.be_patient(fault, since)
                continue
            tries += 1
            if tries >= self.limits.tries:
                message = f"The endpoint gave no answer in {tries} tries. The last one: {fault.message}"
                raise self.end(Ended("platform", "endpoint_failing", message))
            await self.rest(max(fault.wait_seconds or 0.0, self.backoff(tries)))

    async def at_once(self, asked: Asked, end: float) -> Heard:
        """One answer by `end` (monotonic), neither paced nor kept nor tried again; raises Failed, NoMore and Refusal.

        A refusal that teaches how to ask is no failure: it is asked so.
        """
        while True:
            most = self.most(asked)
            if self.ended or not self.meter.fits(most):
                raise self.end(self.used_up(most))
            body = self.wire.body(asked, self.refused)
            number, sent_at = self.sending(most)
            try:
                heard = await self.once(number, body, sent_at, max(0.001, end - time.monotonic()))
            except Failed as error:
                if not self.teaches(error.fault, asked, body):
                    raise
                continue
            with self.written():
                self.books.seen(number, self.cost(asked, heard.reply), heard.seconds, heard.first)
            return heard

    async def turn(self, asked: Asked) -> tuple[int, float]:
        """Wait, in order, until this request may be sent and paid, and note that it is."""
        most = self.most(asked)
        async with self._line:
            while True:
                if self.ended:
                    raise NoMore(self.ended)
                if not self.meter.fits(most):
                    if not self.meter.waiting:
                        raise self.end(self.used_up(most))
                    await self.changed(math.inf)
                    continue
                wait = self._pacer.wait(time.monotonic())
                if wait <= 0:
                    break
                await self.changed(wait)
            return self.sending(most)

    def sending(self, most: Cost) -> tuple[int, float]:
        now = time.monotonic()
        with self.written():
            number = self.books.sending(most)
        self._pacer.sent(now)
        return number, now

    async def changed(self, seconds: float) -> None:
        """Wait until something came back or ended, at most so long."""
        self._change.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._change.wait(), None if math.isinf(seconds) else seconds)

    async def rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)

    async def once(self, number: int, body: Mapping[str, Any], sent_at: float, seconds: float | None = None) -> Heard:
        """One exchange, accounted for unless it brought an answer; raises Failed."""
        try:
            return await self.wire.send(body, seconds=seconds)
        except Failed as error:
            fault = error.fault
            with self.written():
                self.books.failed(number, fault.kind, paid=fault.paid)
            if fault.kind == "429":
                self._pacer.throttled(time.monotonic(), sent_at, fault.wait_seconds or 0.0)
            elif fault.kind in OVERLOADED:
                self._pacer.overloaded(time.monotonic(), sent_at, fault.wait_seconds or 0.0)
            raise
        except BaseException:  # cancelled, or a mistake of ours: it was sent all the same
            with self.written():
                self.books.gone(number)
            raise
        finally:
            self._pacer.back()
            self._change.set()

    def keep(self, number: int, asked: Asked, key: str, heard: Heard) -> Reply:
        """Account for an answer and write it down; only then it is given on."""
        reply = heard.reply if asked.likely else heard.reply.cut_at(asked.stop)
        self._pacer.answered()
        self._answered_at, self._refusals = time.monotonic(), 0
        self._change.set()
        with self.written():
            self.books.answered(number, key, reply, self.cost(asked, heard.reply), heard.seconds, heard.first)
        return reply

    def most(self, asked: Asked) -> Cost:
        """The most that a request can cost."""
        thinking = self.spec.sampling.thinking_tokens or 0
        output = self.spec.sampling.max_tokens or asked.max_tokens + thinking
        most = Usage(
            asked.most_input, max(output, asked.max_tokens if asked.likely else 0) * max(1, len(asked.prompts))
        )
        return Cost.of(most, self.spec.price)

    def cost(self, asked: Asked, reply: Reply) -> Cost:
        """As the endpoint says; where it says nothing, a token for each byte."""
        usage = reply.usage or Usage(asked.most_input, sum(size(one.text) for one in reply.choices))
        return Cost.of(usage, self.spec.price)

    def teaches(self, fault: Fault, asked: Asked, body: Mapping[str, Any]) -> bool:
        """Whether a refusal says how to ask instead; it is remembered, for those under way too."""
        if fault.status not in (400, 422):
            return False
        word = learning.learnt(fault.said, body, self.refused)
        if word is not None:
            self.refused |= {word}
        return self.wire.body(asked, self.refused) != body

    def judge(self, fault: Fault, body: Mapping[str, Any]) -> None:
        """Raise unless the same request may be sent again."""
        if fault.ends is not None:
            raise self.end(fault.ends)
        if fault.retry:
            return
        ended = learning.sampling_refused(fault.said, body, self.spec.sampling)
        if ended is not None:
            raise self.end(ended)
        self._refusals += 1
        if self._refusals >= UNHEARD and math.isinf(self._answered_at):
            message = f"The endpoint refused each of the first {self._refusals} requests. The last one: {fault.message}"
            raise self.end(Ended("model", "requests_refused", message))
        raise Refusal(fault.status or 502, fault.message)

    def be_patient(self, fault: Fault, since: float) -> None:
        """Raise if too many requests a second is all that the endpoint says, for too long."""
        if time.monotonic() - max(since, self._answered_at) > self.limits.patience_seconds:
            message = f"The endpoint has answered nothing for {self.limits.patience_seconds:.0f} s. {fault.message}"
            raise self.end(Ended("platform", "throttled", message))

    def backoff(self, tries: int) -> float:
        longest = min(self.limits.longest_backoff_seconds, self.limits.backoff_seconds * 2**tries)
        return random.uniform(longest / 2, longest)  # noqa: S311 (no secret)

    def used_up(self, most: Cost) -> Ended:
        spent = self.meter.spent()
        used = f"{spent.input_tokens + spent.output_tokens:,} tokens and ${spent.dollars:.4f}"
        message = f"The budget is used up: {used} are spent, and the next request may take {most.tokens:,} tokens"
        return Ended("budget", "budget", f"{message} and ${most.dollars:.4f}. Raise the budget to go on.")

    @contextlib.contextmanager
    def written(self) -> Iterator[None]:
        """Around whatever writes into the journal: without it nothing is asked any more."""
        try:
            yield
        except OSError as error:
            message = f"What is asked and answered cannot be written down on this host: {error.strerror or error}"
            raise self.end(Ended("platform", "journal_failed", message)) from None
