"""`make bench-fidelity`: the same weights three ways through the whole site, on identical items of parity-core@1.

SmolLM2 in the worker with its chat template, and the same weights in vLLM's own API server on loopback, asked as OpenAI
chat and as Anthropic messages: submitted, looked at, evaluated, scored and compared as anybody's. All in float32, in
which batches do not change greedy texts. Prints what it does; the last line is one JSON object:

    items, dtype                     of each top-level task, and the precision
    submissions                      by way: scores by task, suite score with its error, unreadable answers, seconds; of
                                     endpoints also what was spent, latency, and how long the look took
    same_texts, same_scores          of each endpoint against the weights: the share of items with the same text, and
                                     with the same score
    verdicts                         as /compare words it at a margin of BENCH_MARGIN points
    explained                        the first items whose texts differ, where there are some

Needs ../shared/hub for the real data. BENCH_ITEMS (25) and BENCH_MARGIN (5) change what is done. BENCH_FOLDER is a new
folder that is kept: its `state` can be served again, to look at the pages.
"""

import gzip
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from evaluator import suites
from evaluator.contract import Sample, decode_sample
from leaderboard.demo import journey
from tests import model_server
from tests import stack as stacks
from tests.environment import ROOT, SHARED

ITEMS = int(os.environ.get("BENCH_ITEMS", "25"))
MARGIN = float(os.environ.get("BENCH_MARGIN", "5"))
FOLDER = os.environ.get("BENCH_FOLDER", "")
SUITE, HELLO = "fidelity@1", "hello@1"
SUBMISSIONS = "/api/v1/submissions/"
LIVE = {"validating", "queued", "running", "scoring"}
PRICE = {"input": 0.1, "output": 0.4}
"""Dollars for a million tokens, so that a cost is shown; nobody pays it."""
HOURS = 2 * 3600
SHOWN = 3


def write_suites(folder: Path) -> list[Path]:
    """parity-core's tasks with fewer items; and one item of something else, for what the demonstration begins with."""
    spec, _ = suites.find("parity-core@1")
    tasks = [
        {"task": task.task, "title": task.title, "metric": task.metric, "filter": task.filter, "limit": ITEMS}
        for task in spec.tasks
    ]
    hello = [{"task": "gsm8k", "title": "One", "metric": "exact_match", "filter": "strict-match", "limit": 2}]
    paths = []
    for slug, listed in ((SUITE, tasks), (HELLO, hello)):
        name, _, version = slug.partition("@")
        paths.append(folder / f"{slug}.yaml")
        paths[-1].write_text(
            yaml.safe_dump({"name": name, "version": int(version), "title": name.title(), "tasks": listed})
        )
    return paths


def prepared(folder: Path) -> Path:
    """A state folder with tables, the demo's model and both suites."""
    state = stacks.with_model(folder / "state", ROOT / ".parity" / "mirror")
    listed = [["load_suites", str(path)] for path in write_suites(folder)]
    for arguments in (["migrate", "--verbosity=0"], ["load_suites"], *listed):
        done = stacks.manage(state, *arguments)
        assert done.returncode == 0, done.stderr
    return state


def submit(http: httpx.Client, **about: Any) -> dict[str, Any]:
    """Submit, wait until it has ended, and return it; `look_seconds` from its submission to the look's answer."""
    began = time.monotonic()
    made = http.post(SUBMISSIONS, json={"suite": SUITE, **about})
    assert made.status_code == 201, made.text
    number, looked = made.json()["id"], 0.0
    while True:
        body: dict[str, Any] = http.get(f"{SUBMISSIONS}{number}/").raise_for_status().json()
        if not looked and body["state"] != "validating":
            looked = time.monotonic() - began
        if body["state"] not in LIVE:
            break
        assert time.monotonic() - began < HOURS, body
        time.sleep(0.1 if body["state"] == "validating" else 1)
    assert body["state"] == "succeeded", body
    return {**body, "look_seconds": round(looked, 2), "seconds": round(time.monotonic() - began, 1)}


def at(server: model_server.ModelServer, protocol: str) -> dict[str, Any]:
    """The server as an endpoint."""
    return {
        "base_url": server.url, "protocol": protocol, "model": model_server.NAME, "api_key": model_server.KEY,
        "price": PRICE, "budget_tokens": 10_000_000, "concurrency": 32,
    }  # fmt: skip


def samples(state: Path, number: int) -> dict[str, Sample]:
    """What was stored of a submission, by item."""
    found = {}
    for path in sorted((state / "files" / "samples" / str(number)).glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            sample = decode_sample(line)
            found[sample.item_hash] = sample
    return found


def compared(first: dict[str, Sample], second: dict[str, Sample]) -> dict[str, Any]:
    """How many items have the same texts and scores, and the first whose texts differ."""
    assert set(first) == set(second), "the items are not the same"
    differ = [item for item in first if first[item].responses != second[item].responses]
    scores = [item for item in first if first[item].scores != second[item].scores]
    return {
        "same_texts": round(1 - len(differ) / len(first), 4),
        "same_scores": round(1 - len(scores) / len(first), 4),
        "differ": [difference(first[item], second[item]) for item in differ[:SHOWN]],
    }


def difference(first: Sample, second: Sample) -> dict[str, Any]:
    """Where two answers part."""
    one, other = first.responses[0], second.responses[0]
    place = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    place = min(len(one), len(other)) if place is None else place
    around = slice(max(0, place - 30), place + 30)
    return {"task": first.task, "from": place, "lengths": [len(one), len(other)], "texts": [one[around], other[around]]}


def told(body: dict[str, Any]) -> dict[str, Any]:
    """A submission for the report."""
    found = {
        "score": round(body["score"], 2),
        "stderr": round(body["stderr"], 2),
        "tasks": {result["task"]: round(result["score"], 4) for result in body["results"]},
        "unreadable": {result["task"]: result["unextracted"] for result in body["results"]},
        "seconds": body["seconds"],
        "evaluation_seconds": round(body["provenance"]["evaluation_seconds"], 1),
    }
    if body.get("endpoint"):
        names = ("requests", "input_tokens", "output_tokens", "dollars", "p50_seconds", "p95_seconds",
            "p50_first_token_seconds", "error_kinds")  # fmt: skip
        spent = {name: body["endpoint"]["spent"][name] for name in names}
        found |= {"look_seconds": body["look_seconds"], "spent": spent}
    return found


def verdicts(http: httpx.Client, numbers: dict[str, int]) -> dict[str, Any]:
    """The suite's verdicts of the endpoints against the weights, as the site words them."""
    query = [("m", f"s{number}") for number in numbers.values()]
    reply = http.get("/api/v1/compare/", params=[*query, ("margin", str(MARGIN))]).raise_for_status().json()
    rows = [row for row in reply["models"] if row.get("against")]
    return {way: row["against"] for way, row in zip(list(numbers)[1:], rows, strict=True)}


def measure(folder: Path) -> dict[str, Any]:
    """All of it."""
    state = prepared(folder)
    more = {"PARITY_HUB_MIRROR": str(SHARED / "hub"), "HF_HUB_OFFLINE": "1", "PARITY_ENDPOINT_ALLOW": "127.0.0.1"}
    with stacks.running(state, "--suite", HELLO, **more) as stack:
        stack.wait_for(stacks.SERVING, seconds=900)
        with stack.http() as http:
            print(f"weights in the worker: {journey.MODEL}, float32, chat template, {ITEMS} items a task", flush=True)
            settings = {"dtype": "float32", "apply_chat_template": True}
            ways = {"weights": submit(http, model=journey.MODEL, settings=settings)}
            print("the same weights in vLLM's server", flush=True)
            with model_server.serving(state / "mirror" / "models" / journey.MODEL, folder) as server:
                for protocol in ("openai-chat", "anthropic-messages"):
                    print(f"asked as {protocol}", flush=True)
                    ways[protocol] = submit(http, endpoint=at(server, protocol))
            numbers = {way: int(body["id"]) for way, body in ways.items()}
            words = verdicts(http, numbers)
        kept = {way: samples(state, number) for way, number in numbers.items()}
    pairs = {way: compared(kept["weights"], kept[way]) for way in numbers if way != "weights"}
    return {
        "items": ITEMS,
        "dtype": "float32",
        "submissions": {way: told(body) for way, body in ways.items()},
        "same_texts": {way: pair["same_texts"] for way, pair in pairs.items()},
        "same_scores": {way: pair["same_scores"] for way, pair in pairs.items()},
        "margin": MARGIN,
        "verdicts": words,
        "explained": {way: pair["differ"] for way, pair in pairs.items() if pair["differ"]},
    }


def main() -> None:
    if not (SHARED / "hub").is_dir():
        sys.exit("bench-fidelity needs the real benchmark data in ../shared/hub")
    if FOLDER:
        Path(FOLDER).mkdir(parents=True)
        print(json.dumps(measure(Path(FOLDER))))
        return
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as name:
        print(json.dumps(measure(Path(name))))


if __name__ == "__main__":
    main()
