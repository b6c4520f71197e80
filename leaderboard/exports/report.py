"""A submission as `parity run` writes its results.json: `parity verify` runs it again and compares."""

from typing import Any

import numpy as np

from leaderboard import run_settings
from leaderboard.models import Result, Revision
from leaderboard.queries.errors import Missing
from leaderboard.queries.samples import results_of, submission_with_samples

HASH = 32
"""Bytes of an item's hash."""


def report(pk: int) -> dict[str, Any]:
    """Model, suite, settings, every task with its items, provenance; raises Missing, also for an endpoint's."""
    row = submission_with_samples(pk)
    settings = run_settings.engine_settings(row.settings)
    if row.revision is None or settings.engine == "endpoint":
        raise Missing("submission", f"Submission {pk} has no weights that could be run again.")
    results = results_of(row)
    provenance = row.provenance
    return {
        "model": row.requested_model,
        "revision": row.revision.sha,
        **base_of(row.revision),
        "suite": row.suite.slug,
        "definition": row.suite.definition,
        "settings": row.settings,
        "scoring": "strict" if provenance.get("path") == "strict" else "fast",
        "results": {
            one.task.task: {f"{one.task.metric},{one.task.filter}": one.score}
            for one in results
            if one.score is not None
        },
        "tasks": [task(one) for one in results],
        "load_seconds": provenance.get("load_seconds"),
        "evaluation_seconds": provenance.get("evaluation_seconds"),
        "provenance": provenance,
    }


def base_of(revision: Revision) -> dict[str, Any]:
    """Of an adapter, what it is on; nothing for others."""
    return {"base": {"name": revision.base_name, "sha": revision.base_sha}} if revision.base_sha else {}


def task(result: Result) -> dict[str, Any]:
    """As the contract's TaskResult."""
    hashes = bytes(result.items.hashes) if result.items else b""
    return {
        "task": result.task.task, "metric": result.task.metric, "filter": result.task.filter, "score": result.score,
        "stderr": result.stderr, "n": result.n, "unavailable": result.unavailable,
        "item_hashes": [hashes[at : at + HASH].hex() for at in range(0, len(hashes), HASH)],
        "item_scores": [float(score) for score in np.frombuffer(result.item_scores, dtype="<f4")],
    }  # fmt: skip
