"""`make bench-engine`: our engine against lm-eval's own on real data. A line for each run; the last is one JSON object.

    seconds        that the model took for a task's requests: engine load, building and scoring left out; ours: the
                   median of three, each with an empty cache and an empty journal, which is written as in a real run
    stock_default  `lm_eval run --model vllm` with vLLM's own threads;  stock: with ours;  hf: `--model hf` at its best
                   batch size (found on two items a task);  transformers: our engine of that name, contexts shared
    limit          tokens of the prefix tree of the task's requests / rate of prefill measured in the same engine
    equal          every metric is the same in all ways, and no choice flips; `largest`: difference of a log-likelihood
    generation     seconds ours / seconds stock, equal threads
    resume         killed at 90 % of starter@1: seconds of evaluation of the retry / of an undisturbed run

BENCH_ENGINE_SHARE=0.5 takes half of the items. Needs ../shared/hub. Everything is float32.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from evaluator import hub
from evaluator.engines import environment
from leaderboard.demo import journey
from tests.benchmarks import resume
from tests.environment import ROOT, SHARED

SHARE = float(os.environ.get("BENCH_ENGINE_SHARE", "1"))
SUBJECTS = ("astronomy", "marketing", "prehistory", "anatomy")
CHOICES = [
    {"name": "mmlu", "tasks": [f"mmlu_{one}" for one in SUBJECTS], "num_fewshot": 5, "items": 15},
    {"name": "hellaswag", "tasks": ["hellaswag"], "num_fewshot": 10, "items": 30},
    {"name": "arc_challenge", "tasks": ["arc_challenge"], "num_fewshot": 25, "items": 30},
]
TEXTS = [
    {"name": "gsm8k", "tasks": ["gsm8k"], "num_fewshot": 5, "items": 30},
    {"name": "ifeval", "tasks": ["ifeval"], "num_fewshot": 0, "items": 20},
]
BATCHES = [4, 8, 16]
THREADS = ("VLLM_CPU_OMP_THREADS_BIND", "VLLM_CPU_NUM_OF_RESERVED_CPU")


def scaled(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**task, "items": max(1, round(task["items"] * SHARE))} for task in tasks]


def ask(folder: Path, way: str, tasks: list[dict[str, Any]], *, repeats: int = 1, threads: bool = True) -> Any:
    """One process with one engine; what it printed last."""
    name = f"{way}-{tasks[0]['name']}-{threads}"
    asked = folder / f"{name}.json"
    model = ROOT / ".parity" / "mirror" / "models" / journey.MODEL
    body = {"way": way, "model": str(model), "tasks": tasks, "repeats": repeats, "batches": BATCHES}
    asked.write_text(json.dumps(body))
    variables = {**environment.for_child(), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    if not threads:
        variables = {key: value for key, value in variables.items() if key not in THREADS}
    datasets = hub.merge_datasets([SHARED / "hub"], folder / "datasets").resolve()
    log = folder / f"{name}.log"
    with log.open("wb") as errors:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.engine_child", str(asked)],
            cwd=datasets, env=variables, stdout=subprocess.PIPE, stderr=errors, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit(f"{name} ended with status {done.returncode}:\n{log.read_text()[-3000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    print(name, {task: seconds_of(told) for task, told in found["tasks"].items()}, flush=True)
    return found


def seconds_of(told: dict[str, Any]) -> float:
    return round(median(told["seconds"]), 2)


def agreement(first: dict[str, Any], second: dict[str, Any]) -> tuple[bool, float]:
    """Whether all metrics, texts and greedy flags are equal, and the largest difference of a log-likelihood."""
    equal, largest = first["metrics"] == second["metrics"], 0.0
    for request, answer in first["answers"].items():
        other = second["answers"][request]
        if isinstance(answer, list):
            largest = max(largest, abs(answer[0] - other[0]))
            equal = equal and answer[1] == other[1]
        else:
            equal = equal and answer == other
    return equal, largest


def choices(folder: Path) -> dict[str, Any]:
    """Multiple choice, five ways."""
    tasks = scaled(CHOICES)
    ours = ask(folder, "ours", tasks, repeats=3)
    stock = ask(folder, "stock", tasks)
    default = ask(folder, "stock", tasks, threads=False)
    hf = ask(folder, "hf", tasks)
    shared = ask(folder, "transformers", tasks)
    rows: dict[str, Any] = {}
    for task in tasks:
        name = task["name"]
        mine, theirs = ours["tasks"][name], stock["tasks"][name]
        seconds, limit = seconds_of(mine), mine["tree"] / mine["prefill"]
        equal, largest = agreement(mine, theirs)
        also, _ = agreement(mine, default["tasks"][name])
        rows[name] = {
            "items": task["items"] * len(task["tasks"]), "seconds": seconds, "limit": round(limit, 2),
            "to_limit": round(seconds / limit, 2), "stock": seconds_of(theirs),
            "stock_default": seconds_of(default["tasks"][name]), "hf": seconds_of(hf["tasks"][name]),
            "times_stock": round(seconds_of(theirs) / seconds, 2),
            "times_hf": round(seconds_of(hf["tasks"][name]) / seconds, 2),
            "tokens": {**mine["work"], "tree": mine["tree"]}, "prefill_per_s": round(mine["prefill"]),
            "equal": equal and also, "largest": largest,
            "hf_metrics_equal": mine["metrics"] == hf["tasks"][name]["metrics"],
            "transformers": seconds_of(shared["tasks"][name]),
            "transformers_times_hf": round(seconds_of(hf["tasks"][name]) / seconds_of(shared["tasks"][name]), 2),
            "transformers_equal_hf": agreement(shared["tasks"][name], hf["tasks"][name]),
        }  # fmt: skip
    totals = {way: sum(row[way] for row in rows.values()) for way in ("seconds", "stock", "stock_default", "hf")}
    together = {f"times_{way}": round(totals[way] / totals["seconds"], 2) for way in totals if way != "seconds"}
    peaks = {"ours": ours["peak_mb"], "stock": stock["peak_mb"], "hf": hf["peak_mb"]}
    return {**rows, "together": together, "hf_batch": hf["batch"], "peak_mb": peaks}


def generation(folder: Path) -> dict[str, Any]:
    """Texts, ours against stock with the same threads."""
    tasks = scaled(TEXTS)
    ours, stock = ask(folder, "ours", tasks), ask(folder, "stock", tasks)
    rows: dict[str, Any] = {}
    for task in tasks:
        mine, theirs = ours["tasks"][task["name"]], stock["tasks"][task["name"]]
        rows[task["name"]] = {
            "items": task["items"], "seconds": seconds_of(mine), "stock": seconds_of(theirs),
            "ratio": round(seconds_of(mine) / seconds_of(theirs), 3), "equal": agreement(mine, theirs)[0],
        }  # fmt: skip
    return {**rows, "peak_mb": {"ours": ours["peak_mb"], "stock": stock["peak_mb"]}}


def main() -> None:
    if not (SHARED / "hub").is_dir():
        sys.exit("bench-engine needs the real benchmark data in ../shared/hub")
    mirror = ROOT / ".parity" / "mirror"
    subprocess.run([sys.executable, "-m", "evaluator.engines.gguf", str(mirror)], check=True, cwd=ROOT)
    wanted = set(os.environ.get("BENCH_ENGINE_PARTS", "choices,generation,resume").split(","))
    report: dict[str, Any] = {"share": SHARE, "cores": os.cpu_count(), "dtype": "float32"}
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as name:
        for part, measured in (("choices", choices), ("generation", generation), ("resume", resume.measure)):
            if part in wanted:
                report[part] = measured(Path(name))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
