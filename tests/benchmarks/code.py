"""`make bench-code`: code@1 through the site against lm-eval's own scoring of the same answers. The last line is JSON.

SmolLM2 answers the first CODE_LIMIT (40) problems of each task, float32, from the API to the scored submission. Its
answers are then scored by lm-eval's own filters, metrics and means, with `code_eval` as the `evaluate` library has it
(`tests.evaluator.plain_code_eval`: plain processes, no sandbox; the library would download its own).

    tasks           pass@1 by both, and on how many problems they disagree
    all_equal       whether every score and every problem is the same
    worker_seconds  from claim to results, engine load included
    reasons         why programs did not pass, and how many of them

Needs ../shared/hub for the problems.
"""

import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from msgspec import to_builtins
from msgspec.structs import replace

from evaluator import suites
from evaluator.contract import Sample, decode_sample
from leaderboard.demo import journey
from tests.benchmarks.path import stamp, through_the_site
from tests.environment import SHARED
from tests.evaluator.engines.rescored import by_lm_eval

LIMIT = int(os.environ.get("CODE_LIMIT", "40"))
SPEC, _ = suites.find("code@1")
TASKS = [task.task for task in SPEC.tasks]


def write_suite(folder: Path) -> Path:
    """code@1 with a limit; a released suite has none, so this one has a name of its own."""
    tasks = [to_builtins(replace(task, limit=LIMIT)) for task in SPEC.tasks]
    path = folder / "code-first@1.yaml"
    path.write_text(yaml.safe_dump({"name": "code-first", "version": 1, "title": "Code, first", "tasks": tasks}))
    return path


def compared(found: dict[str, Any], samples: list[Sample], again: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By task, both scores and the number of problems on which they differ."""
    results = {one["task"]: one for one in found["results"]}
    told = {}
    for task in SPEC.tasks:
        items = again[task.task]["items"]
        ours = {one.doc_id: one.scores[task.filter][task.metric] for one in samples if one.task == task.task}
        told[task.task] = {
            "site": results[task.task]["score"],
            "lm_eval": again[task.task]["table"][f"{task.metric},{task.filter}"],
            "n": len(ours),
            "differing": sum(score != items[str(document)][task.metric] for document, score in ours.items()),
        }
    return told


def main() -> None:
    if not (SHARED / "hub").is_dir():
        sys.exit("bench-code needs the real benchmark data in ../shared/hub")
    with tempfile.TemporaryDirectory(prefix="parity-code-") as name:
        folder = Path(name)
        print(f"{', '.join(TASKS)} through the site, the first {LIMIT} problems each", flush=True)
        found, exported = through_the_site(folder, write_suite(folder))
        samples = folder / "samples.jsonl"
        samples.write_bytes(exported)
        print("the same answers by lm-eval's own scoring", flush=True)
        again = by_lm_eval(samples, TASKS, SHARED / "hub", folder)
        kept = [decode_sample(line) for line in samples.read_bytes().splitlines()]
    told = compared(found, kept, again)
    reasons = Counter(reason.partition(" (")[0].partition(":")[0] for one in kept for reason in one.reasons.values())
    report = {
        "model": journey.MODEL,
        "limit": LIMIT,
        "tasks": told,
        "all_equal": all(one["site"] == one["lm_eval"] and not one["differing"] for one in told.values()),
        "worker_seconds": round(stamp(found["finished_at"]) - stamp(found["started_at"]), 1),
        "reasons": dict(reasons.most_common(12)),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
