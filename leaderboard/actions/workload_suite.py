"""The private suite of a workload's version: what its models are really run on, made when it is first needed."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np
from django.db import transaction

from evaluator.contract import SuiteSpec, encode
from evaluator.suites import SuiteError, workload
from leaderboard.actions.errors import Refused
from leaderboard.actions.load_suites import release
from leaderboard.models import Suite, WorkloadSuite, WorkloadVersion
from leaderboard.workloads.packed import items_in
from leaderboard.workloads.records import Item

TITLE = "Workload"
"""Of every private suite: names are private too, and a suite's definition goes to workers."""


@transaction.atomic
def private_suite(*, version: WorkloadVersion, shuffled: bool = False) -> Suite:
    """The suite of a version, whose bundle is its items as data; raises Refused where they are too large for one.

    `shuffled`: in an order that says nothing of them, so that the first ones stand for all. The order is drawn once.
    """
    row = WorkloadVersion.objects.select_for_update(of=("self",)).select_related("workload__owner").get(pk=version.pk)
    made = WorkloadSuite.objects.select_related("suite").filter(version=row, shuffled=shuffled).first()
    if made is not None:
        return made.suite
    places: list[int] = []
    tags: dict[str, list[int]] = {}
    asked: list[workload.Asked] = []
    for place, item in in_order(row, shuffled):
        for tag in item.tags:
            tags.setdefault(tag, []).append(len(places))
        places.append(place)
        asked.append(asked_of(item))
    longest = max((one.max_tokens or 0 for one in asked), default=0)
    head = workload.Head(scoring=told(row.scoring), max_tokens=max(longest, workload.ANSWER_TOKENS))
    try:
        data = workload.packed(head, asked)
    except SuiteError as error:
        raise Refused("workload_too_large", f"These items are too large to be run together. {error}") from error
    suite = release(*described(row, len(places), data, shuffled), data, owner=row.workload.owner)
    WorkloadSuite.objects.create(
        version=row, shuffled=shuffled, suite=suite, n=len(places), tags=tags,
        places=np.asarray(places, dtype="<i4").tobytes(),
    )  # fmt: skip
    return suite


def described(version: WorkloadVersion, n: int, data: bytes, shuffled: bool) -> tuple[SuiteSpec, dict[str, Any]]:
    """The suite's definition. Its name has a full stop, which no released suite's name can have."""
    task = workload.task_spec(n)
    name = f"workload.{version.workload_id}{'.shuffled' * shuffled}"
    spec = SuiteSpec(name=name, version=version.number, title=TITLE, tasks=(task,), bundle=workload.digest(data))
    return spec, json.loads(encode(spec))


def told(scoring: dict[str, Any]) -> dict[str, Any]:
    """How a worker scores. What judges decide is none of its business: it says which answers are there, in a way that
    workers of any age know."""
    if scoring.get("kind") != "judge":
        return scoring
    return {"kind": "regex", "pattern": "\\S", "extract": scoring.get("extract", "")}


def in_order(version: WorkloadVersion, shuffled: bool) -> Iterator[tuple[int, Item]]:
    """The items that count, with their places; all of them in memory where they are shuffled."""
    if not shuffled:
        yield from counted_items(version)
        return
    found = list(counted_items(version))
    secrets.SystemRandom().shuffle(found)
    yield from found


def counted_items(version: WorkloadVersion) -> Iterator[tuple[int, Item]]:
    """The items that count, with their places from 0 among all of the version's; a part in memory at a time."""
    for part in version.items.parts.order_by("first").iterator(chunk_size=1):
        for place, item in enumerate(items_in(part.data), start=part.first):
            if str(place) not in version.excluded:
                yield place, item


def asked_of(item: Item) -> workload.Asked:
    """What a worker gets of an item: the conversation, and what its answer is compared with. Neither its id nor its
    tags nor today's answer."""
    wished = item.settings.get("max_tokens")
    fits = isinstance(wished, int | float) and 1 <= wished <= workload.MOST_TOKENS
    tokens = int(wished) if fits and wished is not None else workload.ANSWER_TOKENS
    return workload.Asked(
        messages=tuple((one.role, one.content) for one in item.messages),
        references=item.references,
        choices=item.choices,
        max_tokens=tokens,
    )
