"""The real table of the Open LLM Leaderboard, varied to any number of models, measured on a suite of 40 tasks.

Every fact of a model is that of a real row; the six real columns stay the first six tasks, a little moved in each
variation, and the others are mixtures of them with noise of their own, so that columns look and tie as real ones do.
Standard errors are those of N items. The best TOP rows have item scores too, so that neighbours are tested in pairs.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Model

from evaluator.contract import Settings, SuiteSpec, TaskSpec, canonical_json, encode, settings_digest, spelled
from leaderboard.actions.accounts import create_person
from leaderboard.actions.catalogue import record_models, record_revisions
from leaderboard.actions.import_evaluations import ensure_imported_suite, import_evaluations
from leaderboard.actions.load_suites import release
from leaderboard.imports.evaluations import Evaluation, Source
from leaderboard.imports.open_llm_leaderboard import SUITE, read
from leaderboard.models import ItemSet, Job, Result, Submission, Suite

TASKS = 40
N = 1_000
"""Items of each task, for its standard error."""
TOP, ITEMS = 300, 200
"""So many rows have scores of so many items."""
MISSING = 0.02
"""Share of models that lack a task, and so have no rank."""
NOW = datetime(2026, 11, 1, tzinfo=UTC)
WHY = "The harness could not load this task's data."

Values = np.ndarray[Any, np.dtype[np.float64]]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def fill(csv: Path, models: int) -> Suite:
    """Import the real table as it is, and put `models` measured ones on the suite bench@1; returns that suite."""
    source = read(csv)
    say(f"importing the {len(source.evaluations):,} evaluations of {csv.name}")
    import_evaluations(source=source, suite=ensure_imported_suite(spec=SUITE))
    return measured(source, models)


def suite_spec() -> SuiteSpec:
    tasks = [TaskSpec(task=one.task, title=one.title, metric=one.metric, baseline=one.baseline) for one in SUITE.tasks]
    tasks += [
        TaskSpec(task=f"bench_{place:02}", title=f"Bench {place}", metric="acc", baseline=0.25 if place % 3 else 0.0)
        for place in range(len(tasks), TASKS)
    ]
    return SuiteSpec(name="bench", version=1, title="Forty tasks", tasks=tuple(tasks))


def measured(source: Source, models: int) -> Suite:
    """`models` succeeded submissions with their results."""
    chance = np.random.default_rng(7)
    spec = suite_spec()
    suite = release(spec, json.loads(encode(spec)), None)
    whole = [one for one in source.evaluations if all(cell["score"] is not None for cell in one.tasks.values())]
    picked = [whole[place % len(whole)] for place in range(models)]
    names = [
        one.model if place < len(whole) else f"{one.model}-v{place // len(whole)}" for place, one in enumerate(picked)
    ]
    names = unique(names, picked)
    say(f"recording {models:,} models and revisions")
    keys = record_models({name: one.of_model for name, one in zip(names, picked, strict=True)})
    wanted = {
        (keys[name], sha(place)): one.of_revision for place, (name, one) in enumerate(zip(names, picked, strict=True))
    }
    revisions = record_revisions(wanted)
    scores = columns(picked, chance)
    load(suite, names, picked, list(map(revisions.__getitem__, wanted)), scores, chance)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return suite


def unique(names: list[str], picked: list[Evaluation]) -> list[str]:
    """The table has models at several precisions; here each is a model."""
    seen: set[str] = set()
    found = []
    for name, one in zip(names, picked, strict=True):
        name = name if name not in seen else f"{name}-{one.precision}"
        while name in seen:
            name += "x"
        seen.add(name)
        found.append(name)
    return found


def sha(place: int) -> str:
    return f"{place:040x}"


def columns(picked: list[Evaluation], chance: np.random.Generator) -> Values:
    """Scores (models, TASKS), fractions."""
    real = np.array([[cell["score"] for cell in one.tasks.values()] for one in picked], dtype=float)
    mixture = chance.dirichlet(np.ones(real.shape[1]), TASKS - real.shape[1])
    made = real @ mixture.T + chance.normal(0, 0.04, (len(real), len(mixture)))
    real = real + chance.normal(0, 0.01, real.shape)
    return np.clip(np.concatenate([real, made], axis=1), 0.0, 1.0)


def load(
    suite: Suite, names: list[str], picked: list[Evaluation], revisions: list[int], scores: Values,
    chance: np.random.Generator,
) -> None:  # fmt: skip
    """Copy submissions, jobs and results into their tables; the triggers and keys are what the data is made for."""
    owner = create_person(username="bench", password=None).owner
    stderr = np.sqrt(scores * (1 - scores) / N)
    lacks = np.where(chance.random(len(names)) < MISSING, chance.integers(0, TASKS, len(names)), -1)
    total, error = 100 * scores.mean(axis=1), 100 * np.sqrt((stderr**2).sum(axis=1)) / TASKS
    best = set(np.argsort(-np.where(lacks < 0, total, -1))[:TOP].tolist())
    settings = {dtype: Settings(dtype=dtype) for dtype in ("auto", "bfloat16", "float16")}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        say(f"copying {len(names):,} submissions")
        with copied(
            cursor, Submission, "id, owner_id, submitter_id, suite_id, requested_model, requested_revision, "
            "revision_id, settings, settings_digest, state, error_code, error_message, score, stderr, unranked_reason, "
            "provenance, created_at, finished_at",
        ) as write:  # fmt: skip
            for place, (name, one) in enumerate(zip(names, picked, strict=True)):
                chosen = settings.get(one.precision, settings["auto"])
                whole = lacks[place] < 0
                write((
                    place + 1, owner.pk, owner.user_id, suite.pk, name, "main", revisions[place],
                    canonical_json(spelled(chosen)).decode(), settings_digest(chosen), "succeeded", "", "",
                    float(total[place]) if whole else None, float(error[place]) if whole else None,
                    "" if whole else WHY, "{}", NOW, NOW,
                ))  # fmt: skip
        with copied(
            cursor, Job, "id, submission_id, kind, priority, queue, engine, architecture, needs_bytes, "
            "limit_seconds, state, attempt, losses, not_before, token_digest, cancel_requested, phase, done, total, "
            "log, results_digest, spent, created_at",
        ) as write:  # fmt: skip
            for key in range(1, len(names) + 1):
                write((
                    key, key, "evaluation", 0, "gpu", "vllm", "", 0, 86_400.0, "done", 1, 0, NOW, "", False, "", 0, 0,
                    "", "", "{}", NOW,
                ))  # fmt: skip
        say(f"copying {len(names) * TASKS:,} results")
        load_results(cursor, suite, scores, stderr, lacks, best)
        for table in ("submission", "job", "result"):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('leaderboard_{table}', 'id'), max(id)) FROM leaderboard_{table}"
            )
        cursor.execute("SET session_replication_role = origin")


@contextmanager
def copied(cursor: Any, model: type[Model], columns: str) -> Iterator[Callable[[tuple[Any, ...]], None]]:
    """Rows of these columns into a model's table; what it has besides gets its default, as a new row would."""
    named = columns.split(", ")
    rest = {
        field.column: field.get_db_prep_save(field.get_default(), connection)
        for field in model._meta.concrete_fields
        if field.column not in named and not field.null and not field.primary_key
    }
    with cursor.copy(f"COPY {model._meta.db_table} ({', '.join([*named, *rest])}) FROM STDIN") as rows:
        yield lambda row: rows.write_row((*row, *rest.values()))


def load_results(
    cursor: Any, suite: Suite, scores: Values, stderr: Values, lacks: np.ndarray[Any, Any], best: set[int]
) -> None:
    tasks = list(suite.tasks.order_by("position"))
    sets = [item_set(task.task) for task in tasks]
    with copied(
        cursor, Result, "submission_id, task_id, job_id, attempt, score, stderr, n, unavailable, items_id, "
        "item_scores, created_at",
    ) as write:  # fmt: skip
        for place in range(len(scores)):
            for number, task in enumerate(tasks):
                key = place + 1
                if lacks[place] == number:
                    write((key, task.pk, key, 1, None, None, 0, WHY, None, b"", NOW))
                    continue
                told = solved(scores[place, number]) if place in best else None
                write((
                    key, task.pk, key, 1, float(scores[place, number]), float(stderr[place, number]),
                    N if told is None else ITEMS, "", None if told is None else sets[number].digest,
                    b"" if told is None else told, NOW,
                ))  # fmt: skip


def item_hash(task: str, number: int) -> str:
    return hashlib.sha256(f"{task}{number}".encode()).hexdigest()


def item_set(task: str) -> ItemSet:
    """The items of a task: a hash names its task too, so that no two tasks share one."""
    hashes = b"".join(bytes.fromhex(item_hash(task, number)) for number in range(ITEMS))
    return ItemSet.objects.create(digest=set_of(task), n=ITEMS, hashes=hashes)


def set_of(task: str) -> str:
    """What its items are called."""
    return f"{task:0>64.64}"


def solved(score: float) -> bytes:
    """Items of which this share is solved, the easiest first, as models agree on what is easy."""
    return (np.arange(ITEMS) < round(score * ITEMS)).astype("<f4").tobytes()


def main() -> None:
    """`python -m tests.benchmarks.board.dataset CSV MODELS`."""
    fill(Path(sys.argv[1]), int(sys.argv[2]))


if __name__ == "__main__":
    main()
