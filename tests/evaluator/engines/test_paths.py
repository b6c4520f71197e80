"""`fast`, `strict` and lm-eval's own command on the same items: four architectures, every kind of request, float32.

Equal metrics, no flipped choice, no other text; the largest difference of a log-likelihood is printed. In bfloat16 the
difference of the paths stands beside what the stock path differs from itself when its batches are others.
`make families` runs all of it; `make test` the real Llama alone.
"""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from evaluator import hub, run
from evaluator.contract import ModelRef, SuiteSpec, TaskSpec, decode_sample
from evaluator.contract import Settings as EngineSettings
from evaluator.engines import environment
from evaluator.planner import plans
from evaluator.run import Scoring
from tests.environment import ROOT
from tests.evaluator.engines.families import write
from tests.evaluator.engines.in_turn import STOCK

pytestmark = pytest.mark.engine

TOLERANCE = 1e-3
"""Of a log-likelihood in float32: hundreds of terms for a rolling one, summed in another order."""
HALF_TOLERANCE = {"mmlu_abstract_algebra": 0.2, "arc_easy": 0.5, "wikitext": 5.0}
"""The same in bfloat16, on average over the answers: 8 bits of a number are kept, and sums have more terms."""
SHOTS, ITEMS = 2, 6
TASKS = ("mmlu_abstract_algebra", "arc_easy", "wikitext", "gsm8k")
"""Choices of one token, choices of several, rolling, texts."""
EVERY = os.environ.get("PARITY_FAMILIES") == "all"
MODELS = ("smollm2", "gemma3", "olmo3", "gpt_oss") if EVERY else ("smollm2",)
WAYS = ("fast", "strict", "stock")
HALF = ("fast", "strict", "strict in fours")
"""In bfloat16, of SmolLM2."""

Answer = tuple[float, bool]


@dataclass(frozen=True)
class Found:
    """What one way gave: metrics by task and key; by task, the answers to log-likelihoods, and the texts."""

    metrics: dict[str, dict[str, Any]]
    likelihoods: dict[str, list[Answer]]
    texts: dict[str, list[str]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, demo_mirror: Path) -> dict[str, Path]:
    """SmolLM2 is a real Llama; the others are random."""
    folder = tmp_path_factory.mktemp("models")
    smollm2 = demo_mirror / "models" / "parity-demo" / "SmolLM2-135M-Instruct-Q4_1"
    return {"smollm2": smollm2, **{name: write(name, folder / name, smollm2) for name in MODELS[1:]}}


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory, models: dict[str, Path], shared_hub: Path
) -> dict[tuple[str, str], Found]:
    """By model (or "smollm2 in bfloat16") and way."""
    place = tmp_path_factory.mktemp("paths")
    folders = {(name, way): prepared(place / f"{name}-{way}", models[name], way) for name in MODELS for way in WAYS}
    for way in HALF if EVERY else ():
        key = ("smollm2 in bfloat16", way)
        folders[key] = prepared(place / f"half-{way}".replace(" ", "-"), models["smollm2"], way, dtype="bfloat16")
    command = [sys.executable, "-m", "tests.evaluator.engines.in_turn", *map(str, folders.values())]
    with (place / "log").open("wb") as log:
        subprocess.run(
            command, cwd=hub.merge_datasets([shared_hub], place / "datasets").resolve(), timeout=1500, check=False,
            env={**environment.for_child(), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log,
        )  # fmt: skip
    for folder in folders.values():
        assert (folder / "status").read_text() == "0", run.log_tail(folder, limit=3_000)
    return {key: (of_stock if key[1] == "stock" else of_ours)(folder) for key, folder in folders.items()}


def prepared(folder: Path, model: Path, way: str, *, dtype: str = "float32") -> Path:
    """A folder for `in_turn`."""
    folder.mkdir()
    if way == "stock":
        (folder / STOCK).write_text(json.dumps(stock_arguments(folder, model, dtype)))
        return folder
    settings = EngineSettings(dtype=dtype)  # type: ignore[arg-type]
    plan, _ = plans(model, model.name, settings, {})
    plan = replace(plan, max_num_seqs=4) if way == "strict in fours" else plan
    scoring: Scoring = "fast" if way == "fast" else "strict"
    tasks = [TaskSpec(task=name, title=name, metric="", num_fewshot=SHOTS, limit=ITEMS) for name in TASKS]
    spec = run.RunSpec(
        model=ModelRef(name=model.name, sha="a" * 40), model_path=str(model), settings=settings, plan=plan,
        suite=SuiteSpec(name="paths", version=1, title="Paths", tasks=tuple(tasks)), scoring=scoring,
    )  # fmt: skip
    run.write(folder, run.SPEC, spec)
    return folder


def stock_arguments(folder: Path, model: Path, dtype: str) -> list[str]:
    arguments = f"pretrained={model},dtype={dtype},enforce_eager=True,disable_log_stats=True"
    command = ["run", "--model", "vllm", "--model_args", arguments, "--tasks", ",".join(TASKS)]
    command += ["--num_fewshot", str(SHOTS), "--limit", str(ITEMS)]
    return [*command, "--log_samples", "--output_path", str(folder)]


def of_ours(folder: Path) -> Found:
    outcome = run.read_outcome(folder)
    assert outcome is not None and outcome.provenance["path"] == ("fast" if "fast" in folder.name else "strict")
    kept = [decode_sample(line) for line in (folder / run.SAMPLES).read_bytes().splitlines()]
    return parted(outcome.table, [(one.task, list(map(read, one.responses))) for one in kept])


def of_stock(folder: Path) -> Found:
    results = json.loads(next(folder.rglob("results_*.json")).read_text())["results"]
    rows: list[tuple[str, list[Any]]] = []
    for task in TASKS:
        lines = next(folder.rglob(f"samples_{task}_*.jsonl")).read_text().splitlines()
        by_document = {one["doc_id"]: one for one in map(json.loads, lines)}
        rows += [(task, flat(by_document[number]["resps"])) for number in sorted(by_document)]
    return parted(results, rows)


def flat(resps: list[list[Any]]) -> list[Any]:
    """One answer a request from lm-eval's file, in which numbers are texts."""
    return [tuple(map(read, one)) if isinstance(one, list) else read(one) for request in resps for one in request]


def read(response: Any) -> Any:
    """A number, an answer, or a text as it is."""
    try:
        return ast.literal_eval(response) if isinstance(response, str) else response
    except (ValueError, SyntaxError):
        return response


def parted(table: dict[str, dict[str, Any]], rows: Iterable[tuple[str, list[Any]]]) -> Found:
    metrics = {task: {key: value for key, value in table[task].items() if "," in key} for task in TASKS}
    likelihoods: dict[str, list[Answer]] = {task: [] for task in TASKS if task != "gsm8k"}
    texts: dict[str, list[str]] = {"gsm8k": []}
    for task, answers in rows:
        if task in texts:
            texts[task] += [str(answer) for answer in answers]
        else:  # a rolling one is a number alone
            likelihoods[task] += [one if isinstance(one, tuple) else (float(one), True) for one in answers]
    return Found(metrics, likelihoods, texts)


def differences(one: Found, other: Found, task: str) -> list[float]:
    return [abs(a - b) for (a, _), (b, _) in zip(one.likelihoods[task], other.likelihoods[task], strict=True)]


def choices(found: Found, task: str) -> list[int]:
    """The likeliest choice of each document of a task with four choices."""
    answers = [score for score, _ in found.likelihoods[task]]
    rows = [answers[start : start + 4] for start in range(0, len(answers), 4)]
    return [row.index(max(row)) for row in rows]


@pytest.mark.timeout(1600)
@pytest.mark.parametrize("way", ["strict", "stock"])
@pytest.mark.parametrize("name", MODELS)
def test_float32_is_the_same_every_way(found: dict[tuple[str, str], Found], name: str, way: str) -> None:
    ours, other = found[name, "fast"], found[name, way]
    for task in ("mmlu_abstract_algebra", "arc_easy"):
        assert ours.metrics[task] == other.metrics[task]
        assert choices(ours, task) == choices(other, task)
        assert [greedy for _, greedy in ours.likelihoods[task]] == [greedy for _, greedy in other.likelihoods[task]]
    assert ours.texts == other.texts and ours.metrics["gsm8k"] == other.metrics["gsm8k"]
    assert ours.metrics["wikitext"] == pytest.approx(other.metrics["wikitext"], rel=1e-6)
    largest = {task: max(differences(ours, other, task)) for task in ours.likelihoods}
    print(f"{name}, fast and {way}: largest difference " + ", ".join(f"{t} {d:.1e}" for t, d in largest.items()))
    assert max(largest.values()) < TOLERANCE


@pytest.mark.skipif(not EVERY, reason="run by `make families`")
@pytest.mark.timeout(1600)
def test_bfloat16_differs_no_more_than_the_stock_path_from_itself(found: dict[tuple[str, str], Found]) -> None:
    fast, strict, fours = (found["smollm2 in bfloat16", way] for way in HALF)
    for task in ("mmlu_abstract_algebra", "arc_easy", "wikitext"):
        between, noise = differences(fast, strict, task), differences(strict, fours, task)
        flips = sum(a != b for a, b in zip(choices(fast, task), choices(strict, task), strict=True))
        print(
            f"bfloat16, {task}: fast and strict differ by {max(between):.2e} (mean {mean(between):.1e}), strict and "
            f"strict in other batches by {max(noise):.2e} (mean {mean(noise):.1e}); {flips} other choices"
        )
        assert mean(between) < HALF_TOLERANCE[task]
    same = sum(a == b for a, b in zip(fast.texts["gsm8k"], strict.texts["gsm8k"], strict=True))
    also = sum(a == b for a, b in zip(strict.texts["gsm8k"], fours.texts["gsm8k"], strict=True))
    print(f"bfloat16, gsm8k: {same} of {ITEMS} texts equal; strict in other batches {also} of {ITEMS}")


def mean(values: list[float]) -> float:
    return sum(values) / len(values)
