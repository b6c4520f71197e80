"""`make bench-path`: how long the running path takes. Prints what it does; the last line is one JSON object.

    ready_seconds       from the command of `make run` to a page that answers (environment and model already made)
    claim_ms            from the submission's row to the worker's claim, by the database's clock: median, p95 of 50
    worker_seconds      a submission's job from claim to results, engine load included, through the whole site
    lm_eval_seconds     `lm_eval run` for the same model, tasks, engine, dtype, limit and environment
    ratio               the first divided by the second (aim: at most 1.05)
    scores              both columns, task by task, and whether they are equal

Needs ../shared/hub for the real data. The engine runs in float32: only there are equal scores a fair claim.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from evaluator import hub
from evaluator.engines import environment
from leaderboard.demo import journey
from tests import stack as stacks
from tests.environment import ROOT, SHARED
from tests.evaluator.fake_hub import safetensors

TASKS = {
    "arc_easy": ("acc_norm", "none"),
    "hellaswag": ("acc_norm", "none"),
    "mmlu_astronomy": ("acc", "none"),
    "mmlu_marketing": ("acc", "none"),
    "mmlu_prehistory": ("acc", "none"),
    "gsm8k": ("exact_match", "strict-match"),
}
LIMIT = int(os.environ.get("BENCH_LIMIT", "50"))
CLAIMS = int(os.environ.get("BENCH_CLAIMS", "50"))


def write_suite(folder: Path) -> Path:
    tasks = [
        {"task": task, "title": task, "metric": metric, "filter": filter_, "limit": LIMIT}
        for task, (metric, filter_) in TASKS.items()
    ]
    path = folder / "bench@1.yaml"
    path.write_text(yaml.safe_dump({"name": "bench", "version": 1, "title": "Bench", "tasks": tasks}))
    return path


def prepared(folder: Path, name: str, suite: Path) -> Path:
    """A state folder with tables, the demo's model and this suite."""
    mirror = ROOT / ".parity" / "mirror"
    subprocess.run([sys.executable, "-m", "evaluator.engines.gguf", str(mirror)], check=True, cwd=ROOT)
    state = stacks.with_model(folder / name, mirror)
    for arguments in (["migrate", "--verbosity=0"], ["load_suites"], ["load_suites", str(suite)]):
        done = stacks.manage(state, *arguments)
        assert done.returncode == 0, done.stderr
    return state


def wait(http: httpx.Client, number: int, seconds: float) -> dict[str, Any]:
    """The submission once it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        body: dict[str, Any] = http.get(f"/api/v1/submissions/{number}/").raise_for_status().json()
        if body["state"] not in {"validating", "queued", "running", "scoring"}:
            return body
        assert time.monotonic() < deadline, body
        time.sleep(0.1)


def claims(folder: Path) -> tuple[float, list[float]]:
    """Seconds to a ready page, and milliseconds from submission to claim for many tiny models, one after another.

    The worker is real; its child is a stand-in without engine, so that the next claim can follow at once.
    """
    state = prepared(folder, "claims", write_suite(folder))
    models = folder / "tiny" / "models" / "bench"
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    for number in range(CLAIMS):
        one = models / f"m{number}"
        one.mkdir(parents=True)
        (one / "config.json").write_text(json.dumps(config))
        (one / "model.safetensors").write_bytes(safetensors({"w": ("F32", (number + 1, 8))}))
    more = {"PARITY_WORKER_CHILD": "tests.evaluator.fake_child", "PARITY_HUB_MIRROR": str(folder / "tiny")}
    with stacks.running(state, "--suite", "bench@1", **more) as stack:
        ready = stack.wait_for(stacks.READY, seconds=60)
        stack.wait_for(stacks.SERVING, seconds=60)
        waits = []
        with stack.http() as http:
            for number in range(CLAIMS):
                body = {"suite": "bench@1", "model": f"bench/m{number}"}
                made = http.post("/api/v1/submissions/", json=body).raise_for_status().json()
                ended = wait(http, made["id"], 60)
                assert ended["state"] == "succeeded", ended
                waits.append(1000 * (stamp(ended["started_at"]) - stamp(ended["created_at"])))
    return ready, waits


def stamp(text: str) -> float:
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float("0" + text[19:].rstrip("Z"))


def through_the_site(folder: Path, suite: Path) -> tuple[dict[str, Any], bytes]:
    """The real model on the real data, from the API to the scored submission and its samples (JSON lines)."""
    state = prepared(folder, "real", suite)
    more = {"PARITY_HUB_MIRROR": str(SHARED / "hub"), "HF_HUB_OFFLINE": "1"}
    with stacks.running(state, "--suite", suite.stem, **more) as stack:
        stack.wait_for(stacks.SERVING, seconds=3600)
        with stack.http() as http:
            row = journey.standing(http, suite.stem, check=lambda: None)
            assert row is not None, stack.said()[-2000:]
            address = f"/api/v1/submissions/{row['submission']}/"
            found: dict[str, Any] = http.get(address).raise_for_status().json()
            samples = http.get(f"{address}samples/").raise_for_status().content
    return found, samples


def by_lm_eval(folder: Path) -> tuple[float, dict[str, Any]]:
    """`lm_eval run` in the same environment and on the same data; seconds and its table."""
    datasets = hub.merge_datasets([SHARED / "hub"], folder / "datasets").resolve()
    model = ROOT / ".parity" / "mirror" / "models" / journey.MODEL
    arguments = f"pretrained={model},dtype=float32,enforce_eager=True,max_num_seqs=32,disable_log_stats=True"
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "vllm", "--model_args", arguments]
    command += ["--tasks", *TASKS, "--limit", str(LIMIT), "--output_path", str(folder / "stock.json"), "--log_samples"]
    started = time.monotonic()
    with (folder / "lm_eval.log").open("wb") as log:
        variables = {**environment.for_child(), "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(command, cwd=datasets, env=variables, stdout=log, stderr=log, check=False)
    seconds = time.monotonic() - started
    assert done.returncode == 0, (folder / "lm_eval.log").read_text()[-3000:]
    written = next(folder.glob("**/stock*.json"))
    table: dict[str, Any] = json.loads(written.read_text())["results"]
    return seconds, table


def main() -> None:
    if not (SHARED / "hub").is_dir():
        sys.exit("bench-path needs the real benchmark data in ../shared/hub")
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as name:
        folder = Path(name)
        print(f"claims: {CLAIMS} submissions, one after another", flush=True)
        ready, waits = claims(folder)
        print(f"real data through the site: {', '.join(TASKS)}, {LIMIT} items each, float32", flush=True)
        ours, _ = through_the_site(folder, write_suite(folder))
        print("the same by lm_eval run", flush=True)
        stock_seconds, table = by_lm_eval(folder)
    our_seconds = stamp(ours["finished_at"]) - stamp(ours["started_at"])
    scores = {}
    print(f"{'task':<18}{'metric':<28}{'Parity':>10}{'lm_eval':>10}")
    for result in ours["results"]:
        stock = table[result["task"]][f"{result['metric']},{result['filter']}"]
        scores[result["task"]] = {"parity": result["score"], "lm_eval": stock, "equal": result["score"] == stock}
        metric = f"{result['metric']},{result['filter']}"
        print(f"{result['task']:<18}{metric:<28}{result['score']:>10.4f}{stock:>10.4f}")
    report = {
        "ready_seconds": round(ready, 2),
        "claim_ms": {
            "median": round(statistics.median(waits), 1),
            "p95": round(statistics.quantiles(waits, n=20)[-1], 1),
            "n": len(waits),
        },
        "worker_seconds": round(our_seconds, 1),
        "worker_load_seconds": round(ours["provenance"]["load_seconds"], 1),
        "lm_eval_seconds": round(stock_seconds, 1),
        "ratio": round(our_seconds / stock_seconds, 3),
        "scores": scores,
        "all_equal": all(score["equal"] for score in scores.values()),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
