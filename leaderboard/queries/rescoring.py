"""Which evaluations can be scored anew on a later version of their suite, and what is scored."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from evaluator.contract import Replies
from leaderboard import chunks
from leaderboard.models import EndpointUse, SampleChunk, Submission, Suite
from leaderboard.models.submissions import LIVE
from leaderboard.queries.trusted import measured_by_trusted

OWN = frozenset({"rechecked", "seconds", "load_seconds", "evaluation_seconds", "rescored_from", "task_hashes"})
"""What provenance says of the run itself, and not of its responses."""


def sources(suite: Suite) -> QuerySet[Submission]:
    """The newest evaluation of each revision with its settings on earlier versions of a suite, where this version has
    none yet."""
    earlier = Submission.objects.filter(
        suite__name=suite.name, suite__version__lt=suite.version, suite__imported=False,
        state=Submission.State.SUCCEEDED, revision__isnull=False,
    )  # fmt: skip
    there = Submission.objects.filter(
        suite=suite, state__in=[*LIVE, Submission.State.SUCCEEDED], revision=OuterRef("revision"),
        settings_digest=OuterRef("settings_digest"),
    )  # fmt: skip
    newest = earlier.order_by("revision", "settings_digest", "-suite__version", "-pk")
    return newest.filter(~Exists(there)).distinct("revision", "settings_digest").select_related("suite", "revision")


def suites_to_rescore() -> list[tuple[Suite, int]]:
    """Suites with evaluations of earlier versions only, and how many of them there are; a query for each suite that
    has more than one version."""
    later = Suite.objects.filter(version__gt=1, imported=False).order_by("name", "-version").distinct("name")
    counted = [(suite, sources(suite).count()) for suite in later]
    return [(suite, count) for suite, count in counted if count]


def why_not(source: Submission, suite: Suite) -> str:
    """Why the stored responses of an evaluation cannot be scored on `suite`, as far as the site can tell, or "". What
    the tasks' own files change is found out by the worker."""
    if EndpointUse.objects.filter(submission=source).exists():
        return "an endpoint answered it, and only what ran on a worker is scored anew"
    if not measured_by_trusted(source):
        return "a worker that this site does not trust measured it"
    if not chunks.kept(source).exists():
        return "its responses are not stored any more"
    return next(changed_prompts(source.suite.definition, suite.definition), "")


def changed_prompts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """What is asked otherwise on the later version, by the two definitions."""
    old = {task["task"]: task for task in before["tasks"]}
    for task in after["tasks"]:
        if task["task"] not in old:
            yield f"the task {task['task']} is new, and its items were not asked"
        elif task.get("num_fewshot") != old[task["task"]].get("num_fewshot"):
            yield f"{task['task']} shows another number of examples, so that its prompts changed"


def stored(submission: Submission) -> list[SampleChunk]:
    """The chunks that a submission's job scores anew, in order."""
    return list(chunks.kept(submission.rescored_from)) if submission.rescored_from else []


def replies_of(submission: Submission) -> Replies | None:
    """What a worker is told of them; None for a submission whose model is asked."""
    source = submission.rescored_from
    if source is None:
        return None
    length = source.provenance.get("max_length")
    return Replies(
        submission=source.pk,
        suite=source.suite.slug,
        digests=tuple(chunk.digest for chunk in stored(submission)),
        max_length=length if isinstance(length, int) else None,
    )


def carried(source: Submission, told: Mapping[str, Any]) -> dict[str, Any]:
    """The provenance of scores from stored responses: how these were made, how they were scored, and whose they are."""
    kept = {name: value for name, value in source.provenance.items() if name not in OWN}
    before = source.provenance.get("rescored_from", {})
    measured = before.get("measured") or (source.finished_at.isoformat() if source.finished_at else "")
    origin = {"submission": source.pk, "suite": source.suite.slug, "measured": measured}
    return {**kept, **told, "rescored_from": origin}
