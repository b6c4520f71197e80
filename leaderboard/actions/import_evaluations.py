"""Take in evaluations that were measured elsewhere: all of a source or nothing, in bulk."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from evaluator.contract import SuiteSpec, encode
from leaderboard.actions.catalogue import chunks, record_models, record_revisions, settle
from leaderboard.actions.errors import Conflict
from leaderboard.actions.load_suites import release
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.text import storable
from leaderboard.imports.evaluations import Evaluation, Note, Source
from leaderboard.models import Import, Imported, ImportedResult, ItemSet, Suite

COLUMNS = (
    "batch_id", "suite_id", "revision_id", "source", "key", "settings", "precision", "score", "stderr",
    "unranked_reason", "tasks", "facts", "evaluated_on", "digest",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What an import did. `batch` is None when it brought nothing new."""

    batch: Import | None
    new: int
    changed: int
    unchanged: int
    withdrawn: int
    skipped: list[Note]
    incomplete: list[Note]


@transaction.atomic
def import_evaluations(*, source: Source, suite: Suite) -> Report:
    """Store what is new in `source`, supersede what it says otherwise now, and rank the suite anew.

    The same again changes nothing. What was superseded, or withdrawn by a source that is one whole table, is kept.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('import'))")  # imports share models: one at a time
    there = Imported.objects.filter(suite=suite, source=source.name, superseded_at=None)
    current = {key: (pk, digest) for key, pk, digest in there.values_list("key", "pk", "digest")}
    said, skipped = without_older(source, there)
    digests = {key: one.digest for key, one in said.items()}
    fresh = [one for key, one in said.items() if key not in current or current[key][1] != digests[key]]
    changed = [current[one.key][0] for one in fresh if one.key in current]
    withdrawn = [pk for key, (pk, _) in current.items() if key not in said] if source.whole else []
    counts = {
        "new": len(fresh) - len(changed),
        "changed": len(changed),
        "unchanged": len(said) - len(fresh),
        "withdrawn": len(withdrawn),
    }
    batch = None
    if fresh or withdrawn:
        batch = Import.objects.create(
            suite=suite, source=source.name, title=source.title, url=source.url, as_of=source.as_of,
            digest=source.digest, report={**counts, "skipped": skipped, "incomplete": source.incomplete},
        )  # fmt: skip
        Imported.objects.filter(pk__in=[*changed, *withdrawn]).update(superseded_at=Now())
        store(batch, fresh, digests)
        build_snapshot(suite=suite)
    return Report(batch=batch, skipped=skipped, incomplete=source.incomplete, **counts)


def without_older(source: Source, there: QuerySet[Imported]) -> tuple[dict[str, Evaluation], list[Note]]:
    """The evaluations by key, and what is skipped: where a newer run is here already, an older one changes nothing."""
    said = {one.key: one for one in source.evaluations}
    if source.whole:
        return said, source.skipped
    older = []
    for key, ran_at in there.filter(key__in=said).values_list("key", "facts__ran_at"):
        if str(said[key].facts.get("ran_at") or "") < str(ran_at or ""):
            older.append(Note(key, "A newer run of the same model with the same settings is here already."))
            del said[key]
    return said, [*source.skipped, *older]


def store(batch: Import, evaluations: list[Evaluation], digests: dict[str, str]) -> None:
    """The rows of `evaluations`, with their models and revisions."""
    models = record_models(newest_facts(evaluations))
    revisions = record_revisions({(models[one.model], one.sha): one.of_revision for one in evaluations})
    settle(models=None)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY leaderboard_imported ({', '.join(COLUMNS)}) FROM STDIN") as rows,
    ):
        for one in evaluations:
            rows.write_row(
                (
                    batch.pk, batch.suite_id, revisions[models[one.model], one.sha], batch.source, one.key,
                    as_json(one.settings), one.precision, one.score, one.stderr, storable(one.unranked_reason),
                    as_json(one.tasks), as_json(one.facts), one.evaluated_on, digests[one.key],
                )
            )  # fmt: skip
    store_items(batch, [one for one in evaluations if one.items])


def newest_facts(evaluations: list[Evaluation]) -> dict[str, dict[str, Any]]:
    """What is said of each model: by its newest evaluation first, then by the older ones."""
    found: dict[str, dict[str, Any]] = {}
    for one in sorted(evaluations, key=lambda one: str(one.evaluated_on or ""), reverse=True):
        known = found.setdefault(one.model, {})
        for column, value in one.of_model.items():
            known.setdefault(column, storable(value))
    return found


def as_json(value: Any) -> str:
    return json.dumps(storable(value), ensure_ascii=False)


def store_items(batch: Import, evaluations: list[Evaluation]) -> None:
    """The item sets and scores of evaluations that have them."""
    rows = dict(Imported.objects.filter(batch=batch).values_list("key", "pk")) if evaluations else {}
    tasks = dict(batch.suite.tasks.values_list("task", "pk"))
    results = []
    for one in evaluations:
        for task, items in one.items.items():
            shared, _ = ItemSet.objects.get_or_create(
                digest=hashlib.sha256(items.hashes).hexdigest(),
                defaults={"n": len(items.scores), "hashes": items.hashes},
            )
            scores = np.asarray(items.scores, dtype="<f4").tobytes()
            results.append(
                ImportedResult(
                    imported_id=rows[one.key], task_id=tasks[task], n=len(items.scores), items=shared,
                    item_scores=scores,
                )
            )  # fmt: skip
    for some in chunks(results, 200):
        ImportedResult.objects.bulk_create(some)


@transaction.atomic
def ensure_imported_suite(*, spec: SuiteSpec) -> Suite:
    """The suite that holds a source's results; nobody evaluates it here. Raises Conflict when it is another one."""
    definition: dict[str, Any] = json.loads(encode(spec))
    existing = Suite.objects.filter(name=spec.name, version=spec.version).first()
    if existing is None:
        return release(spec, definition, None, imported=True)
    if not existing.imported or existing.definition != definition:
        raise Conflict(
            "released_suite_changed",
            f"{spec.slug} is already here as another suite. A released version never changes.",
        )
    return existing
