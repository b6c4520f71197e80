"""A submission's requests among several workers: which shard each belongs to, and in what order shard 0 asks.

Every worker builds all requests (building some of them would change the few-shot examples) and cuts them alike: into as
many stretches of about equal work as there are shards, at the borders of documents that have no context in common with
the one before, so that a context is computed once. Shard 0 goes through its own stretch and then through the others'
from their ends, a document of each in turn, until nothing is missing: whoever is slow, or is gone, is helped.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task import Task

from evaluator import run
from evaluator.contract import Shard

EACH = 200
"""What a request weighs beside its texts, in characters: what is generated, and what an engine spends on any."""

Keyed = tuple[str, Instance]


def cut(requests: Sequence[Instance], of: int) -> list[int]:
    """The shard (0 to `of` - 1) of each request."""
    blocks = list(groups(requests))
    weights = [sum(EACH + len(str(request.args[-1])) for request in block) + len(context(block[0])) for block in blocks]
    total, before = sum(weights), 0.0
    shards: list[int] = []
    for block, weight in zip(blocks, weights, strict=True):
        shards += [min(of - 1, int(of * (before + weight / 2) / total))] * len(block)
        before += weight
    return shards


def groups(requests: Iterable[Instance]) -> Iterable[list[Instance]]:
    """Neighbours that are of one document, or have one context."""
    block: list[Instance] = []
    for request in requests:
        if block and not (place(request) == place(block[-1]) or context(request) == context(block[-1])):
            yield block
            block = []
        block.append(request)
    if block:
        yield block


def place(request: Instance) -> tuple[str | None, int | None]:
    return request.task_name, request.doc_id


def context(request: Instance) -> str:
    return str(request.args[0])


def unscored(shard: Shard, tasks: Iterable[Task]) -> bool:
    """Whether another shard scores these tasks; then nothing is made here of what was answered."""
    if shard.helps:
        for task in tasks:
            task.apply_filters = lambda: None  # lm-eval scores what the filters have left: nothing
    return shard.helps


def answered(model: Any, seconds: dict[str, float]) -> run.Outcome:
    """What is told of a shard that scores nothing: its responses are in the journal."""
    told = {"requests": {"asked": model.asked, "replayed": model.replayed}, "seconds": seconds}
    return run.Outcome(
        tasks=(), table={}, provenance=told, load_seconds=seconds["loading"], evaluation_seconds=seconds["evaluating"]
    )


def in_order(missing: Iterable[Keyed], shard_of: dict[str, int], index: int) -> list[Keyed]:
    """What shard `index` asks, in the order in which it does. Shard 0: its own requests, and then those of the others
    from their ends, a document of each in turn."""
    if index:
        return [one for one in missing if shard_of[one[0]] == index]
    documents: dict[int, list[list[Keyed]]] = {}
    for key, request in missing:
        there = documents.setdefault(shard_of[key], [])
        if there and place(there[-1][-1][1]) == place(request):
            there[-1].append((key, request))
        else:
            there.append([(key, request)])
    own = documents.pop(0, [])
    others = [list(reversed(documents[shard])) for shard in sorted(documents)]
    rest = (document for turn in zip_longest(*others, fillvalue=[]) for document in turn)
    return list(chain.from_iterable(chain(own, rest)))
