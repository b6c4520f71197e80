"""From lm-eval's runs to evaluations on a suite: which runs fit it, and the scores of their tasks and items."""

import ast
import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.contract import SuiteSpec, TaskSpec, canonical_json, item_hash
from leaderboard.imports.evaluations import Evaluation, Items, Note, Source, SourceError
from leaderboard.imports.lm_eval_runs import Json, Run, lines, mapping
from leaderboard.statistics.aggregate import TaskScore, suite_score

NAME = "lm-eval"
TITLE = "lm-eval results"
HASH = re.compile(r"[0-9a-f]{64}")


def together(runs: list[Run]) -> dict[str, list[Run]]:
    """Runs of the same model with the same settings, by key, the newest first."""
    found: defaultdict[str, list[Run]] = defaultdict(list)
    for run in reversed(runs):
        found[run.key].append(run)
    return dict(found)


def misfit(task: TaskSpec, run: Run) -> str:
    """Why a run's number is not the score of a suite's task, or ""."""
    row = run.table.get(task.task)
    if row is None:
        return "the files do not have it"
    if number(row.get(f"{task.metric},{task.filter}")) is None:
        known = ", ".join(sorted(key for key in row if "," in key and "_stderr" not in key)) or "no metric"
        return f"it has no {task.metric} with filter {task.filter}, but {known}"
    for leaf in run.leaves(task.task):
        shots = run.shots(leaf)
        if task.num_fewshot is not None and shots is not None and shots != task.num_fewshot:
            return f"{shots} examples were shown, not {task.num_fewshot}"
        counts = run.counts(leaf)
        if counts is not None:
            wanted = counts[0] if task.limit is None else min(task.limit, counts[0])
            if counts[1] != wanted:
                return f"{counts[1]} items were evaluated, not {wanted}"
        elif run.limit != task.limit:
            return f"the limit was {run.limit or 'none'}, not {task.limit or 'none'}"
    return ""


def choose(task: TaskSpec, runs: list[Run]) -> tuple[Run | None, str]:
    """The newest of `runs` that fits, or why none does."""
    reasons = []
    for run in runs:
        reason = misfit(task, run)
        if not reason:
            return run, ""
        reasons.append(reason)
    return None, next((reason for reason in reasons if reason != "the files do not have it"), reasons[0])


def fitting(suites: Iterable[SuiteSpec], runs: list[Run]) -> tuple[SuiteSpec | None, str]:
    """The newest version of the one suite of which the runs have every task; or None and why."""
    found: dict[str, SuiteSpec] = {}
    nearest: tuple[int, str] = (0, "They share no task with any suite.")
    for suite in sorted(suites, key=lambda suite: suite.version):
        reasons = {task.task: reason for task in suite.tasks if (reason := choose(task, runs)[1])}
        shared = sum(any(task.task in run.table for run in runs) for task in suite.tasks)
        if not reasons:
            found[suite.name] = suite
        elif shared > nearest[0]:
            said = "; ".join(f"{task}: {reason}" for task, reason in list(reasons.items())[:3])
            nearest = (shared, f"Nearest is {suite.slug}, but {said}.")
    if len(found) == 1:
        return next(iter(found.values())), ""
    if found:
        slugs = ", ".join(sorted(suite.slug for suite in found.values()))
        return None, f"They fit several suites ({slugs}): name one with --suite."
    return None, f"They fit no suite. {nearest[1]} Name a suite with --suite; a new name makes one of these tasks."


def suite_of(name: str, version: int, runs: list[Run]) -> SuiteSpec:
    """A suite of all tasks that the runs were asked for, scored by the first metric that is a fraction.

    Raises SourceError when there is none.
    """
    tasks: dict[str, TaskSpec] = {}
    for run in runs:
        for task in run.tops():
            spec = specification(task, run)
            if spec is not None:
                tasks.setdefault(task, spec)
    if not tasks:
        raise SourceError("None of the results is a fraction from 0 to 1, which a score here is.")
    return SuiteSpec(
        name=name,
        version=version,
        title=name.replace("-", " ").capitalize(),
        description="Imported results of lm-eval; nobody evaluates it here.",
        tasks=tuple(tasks.values()),
    )


def specification(task: str, run: Run) -> TaskSpec | None:
    row = run.table[task]
    for key, value in row.items():
        metric, comma, filter_ = key.partition(",")
        score = number(value)
        if not comma or "_stderr" in metric or score is None or not 0 <= score <= 1:
            continue
        leaves = run.leaves(task)
        shots = {run.shots(leaf) for leaf in leaves}
        better = mapping(mapping(run.content.get("higher_is_better")).get(task)).get(metric)
        return TaskSpec(
            task=task,
            title=str(row.get("alias") or task).strip(" -"),
            metric=metric,
            filter=filter_,
            num_fewshot=shots.pop() if len(shots) == 1 else None,
            limit=int(run.limit) if run.limit and run.limit >= 1 else None,
            higher_is_better=better is not False,
        )
    return None


def evaluation(suite: SuiteSpec, runs: list[Run]) -> tuple[Evaluation, list[Note]]:
    """What `runs` of one model say on `suite`; tasks that do not fit are dashes with the reason."""
    newest = runs[0]
    tasks: dict[str, Json] = {}
    items: dict[str, Items] = {}
    notes: list[Note] = []
    used: list[Run] = []
    for task in suite.tasks:
        run, reason = choose(task, runs)
        cell: Json = {"score": None, "stderr": None, "n": 0, "metric": task.metric, "filter": task.filter}
        tasks[task.task] = cell | {"unavailable": f"Not imported: {reason}." if reason else ""}
        if run is None:
            notes.append(Note(f"{newest.model}, {task.task}", f"Not imported: {reason}."))
            continue
        used.append(run)
        score, stderr = numbers(task, run)
        if score is None or not 0 <= score <= 1:
            tasks[task.task]["unavailable"] = "Its score is not a fraction from 0 to 1."
            notes.append(Note(f"{newest.model}, {task.task}", "Its score is not a fraction from 0 to 1."))
            continue
        found, missing = items_of(task, run)
        if found is not None:
            items[task.task] = found
            stderr = error_of(found, score) if stderr is None else stderr
        else:
            notes.append(Note(f"{newest.model}, {task.task}", missing))
        known = sum(counts[1] for leaf in run.leaves(task.task) if (counts := run.counts(leaf)))
        tasks[task.task] |= {"score": score, "stderr": stderr, "n": len(found.scores) if found else known}
    score, stderr, reason = total(suite, tasks)
    return (
        Evaluation(
            key=newest.key, model=newest.model, sha=newest.sha, settings=newest.settings, precision=newest.precision,
            score=score, stderr=stderr, unranked_reason=reason, tasks=tasks, facts=facts(used),
            evaluated_on=newest.ran_at.date() if newest.ran_at else None, items=items,
        ),
        notes,
    )  # fmt: skip


def numbers(task: TaskSpec, run: Run) -> tuple[float | None, float | None]:
    """The score and standard error that lm-eval printed."""
    row = run.table[task.task]
    stderr = number(row.get(f"{task.metric}_stderr,{task.filter}"))
    return number(row.get(f"{task.metric},{task.filter}")), stderr if stderr is None or 0 <= stderr <= 1 else None


def total(suite: SuiteSpec, tasks: dict[str, Json]) -> tuple[float | None, float | None, str]:
    """Suite score, its standard error if every task has one, and why there is no score."""
    missing = [
        f"{task.title}: {tasks[task.task]['unavailable']}" for task in suite.tasks if tasks[task.task]["score"] is None
    ]
    if missing:
        return None, None, " ".join(missing)
    cells = [(tasks[task.task], task) for task in suite.tasks]
    scores = [TaskScore(cell["score"], cell["stderr"] or 0.0, task.baseline) for cell, task in cells]
    found = suite_score(scores, normalised=suite.normalise)
    sure = all(cell["stderr"] is not None for cell, _ in cells)
    return found.score, found.stderr if sure else None, ""


def facts(runs: list[Run]) -> Json:
    """What a reader needs to judge the numbers, and when the newest of them was made."""
    made = max((run.ran_at for run in runs if run.ran_at), default=None)
    versions = {str(run.content["lm_eval_version"]) for run in runs if run.content.get("lm_eval_version")}
    tasks = {task: version for run in runs for task, version in mapping(run.content.get("versions")).items()}
    return {"ran_at": made.isoformat() if made else None, "lm_eval": sorted(versions), "task_versions": tasks}


def items_of(task: TaskSpec, run: Run) -> tuple[Items | None, str]:
    """The items of a task in the order of its subtasks and documents, or why there are none. Raises SourceError."""
    found: list[tuple[str, float]] = []
    for leaf in run.leaves(task.task):
        path = run.samples(leaf)
        if path is None:
            return None, "There are no samples, so no scores of single items."
        here = items_in(path, leaf, task, run)
        counts = run.counts(leaf)
        if counts is not None and counts[1] != len(here):
            return None, f"The samples are not those of the results: {len(here)} of {counts[1]} items have a score."
        found += here
    if not found:
        return None, f"The samples have no {task.metric} of single items."
    return Items(bytes.fromhex("".join(item for item, _ in found)), tuple(score for _, score in found)), ""


def items_in(path: Path, leaf: str, task: TaskSpec, run: Run) -> list[tuple[str, float]]:
    """(item hash, score) of the documents in a file of samples that have a score, in document order.

    There is a sample for each document and filter; older versions name no filter, but write all documents of the first
    filter, then those of the second.
    """
    config = mapping(mapping(run.content["configs"]).get(leaf))
    filters = [str(mapping(one).get("name")) for one in config.get("filter_list") or []] or ["none"]
    choices = config.get("output_type") == "multiple_choice"
    seen: Counter[int] = Counter()
    found: dict[int, tuple[str, float]] = {}
    for sample in lines(path):
        document = sample.get("doc_id")
        if not isinstance(document, int):
            continue
        filter_ = sample.get("filter") or filters[min(seen[document], len(filters) - 1)]
        seen[document] += 1
        score = number(sample.get(task.metric))
        if filter_ == task.filter and score is not None:
            told = str(sample.get("item_hash"))  # of a site's own export, which has no documents
            known = HASH.fullmatch(told) is not None
            target = target_of(sample.get("target"), choices=choices)
            found[document] = (told if known else item_hash(leaf, sample.get("doc", {}), target), score)
    return [found[document] for document in sorted(found)]


def target_of(written: Any, *, choices: bool) -> Any:
    """A target as the task had it: lm-eval writes str(target), and the item hash is of the target itself.

    The index of a choice is a number; several targets are a list. Anything else was a text.
    """
    if not isinstance(written, str) or not (choices or written.startswith("[")):
        return written
    try:
        found = ast.literal_eval(written)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return written
    return found if isinstance(found, list) or (choices and type(found) is int) else written


def error_of(items: Items, score: float) -> float | None:
    """The standard error of a score that is the mean of its items, where lm-eval printed none."""
    n = len(items.scores)
    if n < 2 or not math.isclose(float(np.mean(items.scores)), score, abs_tol=1e-9):
        return None
    return float(np.std(items.scores, ddof=1) / math.sqrt(n))


def number(value: Any) -> float | None:
    """A finite number; True and False count as 1 and 0; None for "N/A" and the like."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def source_of(runs: list[Run], evaluations: list[Evaluation], notes: list[Note]) -> Source:
    """All evaluations on one suite, as one source."""
    made = [one.evaluated_on for one in evaluations if one.evaluated_on]
    digests = sorted(hashlib.sha256(run.path.read_bytes()).hexdigest() for run in runs)
    return Source(
        name=NAME,
        title=TITLE,
        url="",
        as_of=max(made, default=None),
        digest=hashlib.sha256(canonical_json(digests)).hexdigest(),
        whole=False,
        evaluations=evaluations,
        incomplete=notes,
    )


def by_suite(
    runs: list[Run], suites: list[SuiteSpec], wanted: SuiteSpec | None
) -> tuple[list[tuple[SuiteSpec, Source]], list[Note]]:
    """The evaluations in `runs` by suite, and what fits none: on `wanted` if it is given, else each where it fits."""
    evaluations: defaultdict[str, list[Evaluation]] = defaultdict(list)
    notes: defaultdict[str, list[Note]] = defaultdict(list)
    specs: dict[str, SuiteSpec] = {}
    skipped: list[Note] = []
    for same in together(runs).values():
        suite, reason = fitting(suites, same) if wanted is None else (wanted, "")
        if suite is not None and all(choose(task, same)[0] is None for task in suite.tasks):
            reason = f"None of its tasks fits {suite.slug}: {choose(suite.tasks[0], same)[1]}."
            suite = None
        if suite is None:
            skipped.append(Note(f"{same[0].model} ({', '.join(sorted(run.path.name for run in same))})", reason))
            continue
        found, missing = evaluation(suite, same)
        specs[suite.slug] = suite
        evaluations[suite.slug].append(found)
        notes[suite.slug] += missing
    return [(specs[slug], source_of(runs, found, notes[slug])) for slug, found in evaluations.items()], skipped
