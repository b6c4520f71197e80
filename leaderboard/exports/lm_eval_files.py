"""A submission as lm-eval 0.4.13's files: `<model>/results_<date>.json` and `samples_<task>_<date>.jsonl` beside it.

What lm-eval knows and a site does not keep (the documents, the task files) is empty or missing; what a site knows and
lm-eval does not (item hashes, the suite) stands beside its fields, where its tools pass over it. `leaderboard.imports`
is the inverse. Knows neither HTTP nor lm-eval.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluator.contract import SEPARATOR, Sample
from leaderboard.models import Result, Revision, Submission
from leaderboard.queries import samples
from leaderboard.queries.errors import Missing
from leaderboard.queries.samples import results_of, submission_with_samples

VERSION = "0.4.13"
Json = dict[str, Any]


class Leaf:
    """A task with documents: how many, and of each (filter, metric) the sum of the scores and their number."""

    def __init__(self) -> None:
        self.n = 0
        self.likelihoods = False
        self.filters: list[str] = []
        self.totals: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])

    def add(self, sample: Sample) -> None:
        self.n += 1
        self.likelihoods |= any(SEPARATOR in prompt for prompt in sample.prompts)
        for filter_, metrics in sample.scores.items():
            if filter_ not in self.filters:
                self.filters.append(filter_)
            for metric, value in metrics.items():
                total = self.totals[filter_, metric]
                total[0], total[1] = total[0] + value, total[1] + 1


def write(pk: int, folder: Path) -> list[Path]:
    """Write a submission's files below `folder`; returns them, the results first. Raises Missing."""
    row = submission_with_samples(pk)
    results = results_of(row)
    if row.finished_at is None or row.revision is None:
        raise Missing("samples", f"Submission {pk} has no results yet.")
    place = folder / sanitised(row.revision.model.name)
    place.mkdir(parents=True, exist_ok=True)
    date = dated(row.finished_at)
    leaves: dict[str, Leaf] = {}
    groups: dict[str, list[str]] = {}
    written: dict[str, Path] = {}
    with ExitStack() as stack:
        files: dict[str, Any] = {}
        for sample in samples.export(pk):
            if sample.task not in files:
                written[sample.task] = place / f"samples_{sample.task.replace('/', '__')}_{date}.jsonl"
                files[sample.task] = stack.enter_context(written[sample.task].open("w", encoding="ascii"))
                leaves[sample.task] = Leaf()
                if sample.suite_task and sample.suite_task != sample.task:
                    groups.setdefault(sample.suite_task, []).append(sample.task)
            leaves[sample.task].add(sample)
            for line in lines_of(sample):
                files[sample.task].write(json.dumps(line, ensure_ascii=True) + "\n")
    told = place / f"results_{date}.json"
    told.write_text(json.dumps(report(row, results, leaves, groups), indent=2, ensure_ascii=True), encoding="ascii")
    return [told, *written.values()]


def sanitised(name: str) -> str:
    """A model's name as lm-eval makes a folder of it."""
    return re.sub(r'["<>:/|\\?*\[\]]+', "__", name)


def dated(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H-%M-%S.%f")


def lines_of(sample: Sample) -> Iterator[Json]:
    """One line for each filter, as lm-eval has them."""
    arguments = {
        f"gen_args_{number}": {f"arg_{place}": part for place, part in enumerate(prompt.split(SEPARATOR))}
        for number, prompt in enumerate(sample.prompts)
    }
    prompt = sample.prompts[0] if sample.prompts else ""
    for filter_ in {**sample.answers, **sample.scores} or {"none": ""}:
        scores = sample.scores.get(filter_, {})
        yield {
            "doc_id": sample.doc_id, "doc": {}, "target": sample.target, "arguments": arguments,
            "resps": [[response] for response in sample.responses],
            "filtered_resps": [sample.answers[filter_]] if filter_ in sample.answers else [],
            "filter": filter_, "metrics": list(scores),
            "doc_hash": sample.item_hash, "prompt_hash": hashed(prompt), "target_hash": hashed(sample.target),
            **scores, "item_hash": sample.item_hash, "suite_task": sample.suite_task,
        }  # fmt: skip


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def pretrained(revision: Revision) -> Json:
    """Which weights, in lm-eval's arguments: of an adapter its base, and itself by name."""
    name, sha = revision.model.name, revision.sha
    if not revision.base_sha:
        return {"pretrained": name, "revision": sha}
    return {"pretrained": revision.base_name, "revision": revision.base_sha, "lora_local_path": f"{name}@{sha}"}


def report(row: Submission, results: list[Result], leaves: dict[str, Leaf], groups: dict[str, list[str]]) -> Json:
    """The results file."""
    assert row.revision is not None
    assert row.finished_at is not None
    provenance, tasks = row.provenance, {result.task.task: result for result in results}
    group_of = {leaf: group for group, inner in groups.items() for leaf in inner}
    rows = {leaf: leaf_row(leaf, found) for leaf, found in leaves.items() if leaf not in tasks}
    rows |= {name: task_row(result) for name, result in tasks.items() if result.score is not None}
    measured = {leaf: tasks[group_of.get(leaf, leaf)] for leaf in leaves if group_of.get(leaf, leaf) in tasks}
    higher = {name: {result.task.metric: result.task.higher_is_better} for name, result in tasks.items()}
    settings, versions = row.settings, provenance.get("versions", {})
    return {
        "results": rows,
        "groups": {group: rows[group] for group in groups if group in rows},
        "group_subtasks": groups,
        "configs": {leaf: config(leaf, leaves[leaf], result) for leaf, result in measured.items()},
        "versions": provenance.get("task_versions", {}),
        "n-shot": {leaf: result.task.num_fewshot for leaf, result in measured.items()},
        "higher_is_better": higher | {leaf: higher[group] for leaf, group in group_of.items() if group in higher},
        "n-samples": {leaf: {"original": found.n, "effective": found.n} for leaf, found in leaves.items()},
        "config": {
            "model": settings.get("engine", ""),
            "model_args": {**pretrained(row.revision), "dtype": settings.get("dtype", "auto")},
            "model_dtype": provenance.get("dtype") or settings.get("dtype", "auto"), "model_sha": row.revision.sha,
            "limit": None, "gen_kwargs": None, "bootstrap_iters": None, "batch_size": "auto",
        },
        "date": row.finished_at.timestamp(),
        "lm_eval_version": versions.get("lm_eval") or VERSION,
        "transformers_version": versions.get("transformers"),
        "task_hashes": provenance.get("task_hashes", {}),
        "model_source": settings.get("engine", ""),
        "model_name": row.revision.model.name,
        "model_name_sanitized": sanitised(row.revision.model.name),
        "chat_template": "(its text is not kept)" if settings.get("apply_chat_template") else None,
        "chat_template_sha": provenance.get("chat_template_sha"),
        "parity": {
            "submission": row.pk, "suite": row.suite.slug, "settings": settings, "score": row.score,
            "stderr": row.stderr, "unranked_reason": row.unranked_reason, "provenance": provenance,
            "unavailable": {name: one.unavailable for name, one in tasks.items() if one.score is None},
        },
    }  # fmt: skip


def task_row(result: Result) -> Json:
    metric, filter_ = result.task.metric, result.task.filter
    return {
        "name": result.task.task, "alias": result.task.task, "sample_len": result.n,
        f"{metric},{filter_}": result.score,
        f"{metric}_stderr,{filter_}": "N/A" if result.stderr is None else result.stderr,
    }  # fmt: skip


def leaf_row(name: str, leaf: Leaf) -> Json:
    """A part of a group: the means of its items."""
    means = {f"{metric},{filter_}": total / n for (filter_, metric), (total, n) in leaf.totals.items()}
    return {"name": name, "alias": f" - {name}", "sample_len": leaf.n, **means}


def config(name: str, leaf: Leaf, result: Result) -> Json:
    task = result.task
    return {
        "task": name, "num_fewshot": task.num_fewshot,
        "output_type": "multiple_choice" if leaf.likelihoods else "generate_until",
        "metric_list": [{"metric": task.metric, "higher_is_better": task.higher_is_better}],
        "filter_list": [{"name": filter_} for filter_ in leaf.filters],
    }  # fmt: skip
