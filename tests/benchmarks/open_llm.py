"""`make bench-open-llm`: open-llm@1 through the site, its worker killed twice, against an undisturbed `lm_eval run`.

SmolLM2 on the real data of ../shared/hub, 25 items a task and 2 for each subject of MMLU, float32. Every metric that
the suite scores is compared. Prints both columns; the last line is one JSON object. Tasks whose data is absent are
named with the site's reason.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from msgspec import to_builtins

from evaluator import hub, suites
from evaluator.engines import environment
from leaderboard.demo import journey
from tests import stack as stacks
from tests.benchmarks.survive import Database, ended, kill_the_worker
from tests.environment import ROOT, SHARED

ITEMS, SUBJECT_ITEMS = 25, 2
NAME = "open-llm-short"


def write_suite(folder: Path) -> Path:
    """open-llm@1 with limits, as a suite file of its own."""
    suite, _ = suites.find("open-llm@1")
    tasks = []
    for task in suite.tasks:
        fields = {key: value for key, value in to_builtins(task).items() if value is not None}
        tasks.append({**fields, "limit": SUBJECT_ITEMS if task.task == "mmlu" else ITEMS})
    path = folder / f"{NAME}@1.yaml"
    path.write_text(yaml.safe_dump({"name": NAME, "version": 1, "title": "Open LLM, short", "tasks": tasks}))
    return path


def through_the_site(folder: Path) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """The submission, whose worker was killed in its first and its second attempt."""
    mirror = ROOT / ".parity" / "mirror"
    subprocess.run([sys.executable, "-m", "evaluator.engines.gguf", str(mirror)], check=True, cwd=ROOT)
    state = stacks.with_model(folder / "state", mirror)
    for arguments in (["migrate", "--verbosity=0"], ["load_suites"], ["load_suites", str(write_suite(folder))]):
        done = stacks.manage(state, *arguments)
        assert done.returncode == 0, done.stderr
    more = {"PARITY_HUB_MIRROR": str(SHARED / "hub"), "HF_HUB_OFFLINE": "1", "PARITY_MAX_LOSSES": "4"}
    more |= {"PARITY_LEASE_SECONDS": "10", "PARITY_HEARTBEAT_SECONDS": "2"}
    with stacks.running(state, "--suite", f"{NAME}@1", **more) as stack:
        stack.wait_for(stacks.READY, seconds=300)
        database = Database(state)
        while (found := database.row("SELECT max(id) FROM leaderboard_submission")[0]) is None:
            time.sleep(0.2)
        kills = [kill_the_worker(stack, database, found, attempt=attempt) for attempt in (1, 2)]
        return ended(stack, found), kills


def by_lm_eval(folder: Path) -> dict[str, Any]:
    """The same tasks by `lm_eval run`, a call for each, as a call has one number of few-shot examples and one limit."""
    suite, _ = suites.find("open-llm@1")
    datasets = hub.merge_datasets([SHARED / "hub"], folder / "datasets").resolve()
    model = ROOT / ".parity" / "mirror" / "models" / journey.MODEL
    arguments = f"pretrained={model},dtype=float32,enforce_eager=True,max_num_seqs=32,disable_log_stats=True"
    table: dict[str, Any] = {}
    for task in suite.tasks:
        out = folder / f"{task.task}.json"
        limit = SUBJECT_ITEMS if task.task == "mmlu" else ITEMS
        command = [sys.executable, "-m", "lm_eval", "run", "--model", "vllm", "--model_args", arguments]
        command += ["--tasks", task.task, "--limit", str(limit), "--output_path", str(out)]
        if task.num_fewshot is not None:
            command += ["--num_fewshot", str(task.num_fewshot)]
        with (folder / f"{task.task}.log").open("wb") as log:
            variables = {**environment.for_child(), "HF_HUB_OFFLINE": "1"}
            done = subprocess.run(command, cwd=datasets, env=variables, stdout=log, stderr=log, check=False)
        written = list(folder.glob(f"**/{task.task}*_*.json"))
        if done.returncode == 0 and written:
            found = json.loads(written[0].read_text())
            table |= found["results"] | found.get("groups", {})
        print(f"  lm_eval {task.task}: {'done' if task.task in table else 'cannot be built'}", flush=True)
    return table


def main() -> None:
    if not (SHARED / "hub").is_dir():
        sys.exit("bench-open-llm needs the real benchmark data in ../shared/hub")
    with tempfile.TemporaryDirectory(prefix="parity-open-llm-") as name:
        folder = Path(name)
        started = time.monotonic()
        ours, kills = through_the_site(folder)
        seconds = time.monotonic() - started
        started = time.monotonic()
        table = by_lm_eval(folder)
        stock_seconds = time.monotonic() - started
    rows: dict[str, Any] = {}
    for result in ours["results"]:
        stock = table.get(result["task"], {}).get(f"{result['metric']},{result['filter']}")
        rows[result["task"]] = {"parity": result["score"], "lm_eval": stock, "equal": result["score"] == stock}
        if result["score"] is None:
            rows[result["task"]]["why"] = result["unavailable"]
        print(f"{result['task']:<18}{result['score']!s:>24}{stock!s:>24}")
    report = {
        "state": ours["state"],
        "kills": kills,
        "seconds": round(seconds, 1),
        "lm_eval_seconds": round(stock_seconds, 1),
        "tasks": rows,
        "all_equal": all(row["equal"] for row in rows.values()),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
