"""Release suites. A released version never changes: the same file again is a no-op, a different one is refused."""

import difflib
import hashlib
import json
from pathlib import Path
from typing import Any

from django.db import DataError, transaction

from evaluator import suites
from evaluator.contract import SuiteSpec, encode
from leaderboard.actions.errors import Conflict
from leaderboard.models import Bundle, Owner, Suite, SuiteTask

NOT_FRACTIONS = frozenset({"perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "bleu", "chrf", "ter"})


@transaction.atomic
def load_suite(*, path: Path) -> tuple[Suite, bool]:
    """Release the suite in `path`; returns it and whether it is new. Raises Conflict, suites.SuiteError."""
    spec, data = suites.load(path)
    definition: dict[str, Any] = json.loads(encode(spec))  # as the database gives it back
    existing = Suite.objects.filter(name=spec.name, version=spec.version).first()
    if existing is not None:
        if existing.definition != definition:
            raise Conflict("released_suite_changed", changed(spec, existing.definition, definition, path))
        return existing, False
    for task in spec.tasks:
        if task.metric in NOT_FRACTIONS:
            raise suites.SuiteError(
                f"{path.name}, task {task.task}: {task.metric} is not a fraction from 0 to 1, which a score here is. "
                "Choose another metric of the task."
            )
    try:
        with transaction.atomic():
            return release(spec, definition, data), True
    except (DataError, ValueError) as error:
        raise suites.SuiteError(f"{path.name} does not fit the tables: {' '.join(str(error).split())}") from error


def release(
    spec: SuiteSpec,
    definition: dict[str, Any],
    data: bytes | None,
    *,
    imported: bool = False,
    owner: Owner | None = None,
) -> Suite:
    """The rows of a suite, in the caller's transaction. `owner`: a workload's, which is theirs alone."""
    if data is not None:
        Bundle.objects.get_or_create(digest=hashlib.sha256(data).hexdigest(), defaults={"data": data})
    suite = Suite.objects.create(
        name=spec.name,
        version=spec.version,
        slug=spec.slug,
        title=spec.title,
        description=spec.description,
        normalise=spec.normalise,
        imported=imported,
        owner=owner,
        definition=definition,
        bundle_id=spec.bundle,
    )
    fields = ("task", "title", "metric", "filter", "num_fewshot", "limit", "higher_is_better", "baseline")
    SuiteTask.objects.bulk_create(
        SuiteTask(suite=suite, position=position, **{field: getattr(task, field) for field in fields})
        for position, task in enumerate(spec.tasks)
    )
    return suite


def changed(spec: SuiteSpec, before: dict[str, Any], after: dict[str, Any], path: Path) -> str:
    """What differs, in words: a released version is a promise to everybody who was scored on it."""
    old, new = (json.dumps(value, indent=1, sort_keys=True).splitlines() for value in (before, after))
    lines = [line for line in difflib.unified_diff(old, new, lineterm="", n=0) if line[:1] in "+-"][2:]
    return (
        f"{path} differs from the released {spec.slug}; a released version never changes. "
        f"Give the file a new version. The difference:\n" + "\n".join(lines)
    )
