"""An adapter in vLLM gives the answers of weights that it was merged into, in float32; they are kept apart from its
base's."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import load_file, save_file

from evaluator import run, suites
from evaluator.contract import ModelRef, Sample, Settings, decode_sample
from evaluator.engines import environment
from evaluator.jobs import unpack_bundle
from evaluator.planner import plans
from tests.environment import ROOT
from tests.evaluator.engines.families import write

pytestmark = pytest.mark.engine

ITEMS, RANK, ALPHA = 2, 4, 8
CHANGED = ("self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj")
TOLERANCE = 1e-4
"""Of a log-likelihood: the merged weights are rounded once, the adapter's sum is made anew each time."""
SUITE, BUNDLE = suites.find("starter@1")
BASE = ModelRef(name="tiny/base", sha="b" * 40)
RUNS = {
    "base": BASE,
    "adapter": ModelRef(name="tiny/adapter", sha="a" * 40, base=BASE),
    "merged": ModelRef(name="tiny/merged", sha="c" * 40),
    "again": ModelRef(name="tiny/adapter", sha="a" * 40, base=BASE),
}


def adapted(base: Path, adapter: Path, merged: Path) -> None:
    """Draw an adapter on `base` as PEFT saves one, and write a copy of `base` with it in the weights."""
    weights, generator = load_file(base / "model.safetensors"), torch.Generator().manual_seed(1)
    halves: dict[str, torch.Tensor] = {}
    for name in sorted(weights):
        module = name.removesuffix(".weight")
        if module.endswith(CHANGED):
            outputs, inputs = weights[name].shape
            a, b = torch.randn(RANK, inputs, generator=generator), torch.randn(outputs, RANK, generator=generator)
            a, b = a * inputs**-0.5, b * 0.05
            halves[f"base_model.model.{module}.lora_A.weight"] = a
            halves[f"base_model.model.{module}.lora_B.weight"] = b
            weights[name] = weights[name] + ALPHA / RANK * (b @ a)
    assert len(halves) == 2 * 2 * len(CHANGED), "two layers"
    adapter.mkdir()
    save_file(halves, adapter / "adapter_model.safetensors")
    told = {"peft_type": "LORA", "base_model_name_or_path": BASE.name, "r": RANK, "lora_alpha": ALPHA, "bias": "none"}
    modules = [name.rpartition(".")[2] for name in CHANGED]
    (adapter / "adapter_config.json").write_text(json.dumps({**told, "target_modules": modules}))
    shutil.copytree(base, merged)
    save_file(weights, merged / "model.safetensors", {"format": "pt"})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, demo_mirror: Path) -> dict[str, Path]:
    """The run's folder by what was run, one after another with one journal."""
    place = tmp_path_factory.mktemp("lora")
    tokenizer = demo_mirror / "models" / "parity-demo" / "SmolLM2-135M-Instruct-Q4_1"
    base = write("llama", place / "base", tokenizer)
    adapted(base, place / "adapter", place / "merged")
    assert BUNDLE is not None
    task_files = unpack_bundle(BUNDLE, place / "tasks")
    settings, folders = Settings(dtype="float32"), {}
    for name, model in RUNS.items():
        folders[name] = folder = place / f"run-{name}"
        folder.mkdir()
        weights = base if model.base or model is BASE else place / "merged"
        adapter = place / "adapter" if model.base else None
        plan, _ = plans(weights, model.name, settings, {}, adapter)
        spec = run.RunSpec(
            model=model, model_path=str(weights), adapter_path=str(adapter or ""), settings=settings, plan=plan,
            suite=replace(SUITE, tasks=tuple(replace(task, limit=ITEMS) for task in SUITE.tasks)),
            task_files=str(task_files), journal=str(place / "journal"),
        )  # fmt: skip
        run.write(folder, run.SPEC, spec)
    command = [sys.executable, "-m", "tests.evaluator.engines.in_turn", *map(str, folders.values())]
    variables = {**environment.for_child(), "HF_HUB_OFFLINE": "1"}
    with (place / "log").open("wb") as log:
        subprocess.run(command, cwd=ROOT, env=variables, stdout=log, stderr=log, timeout=500, check=False)
    for folder in folders.values():
        assert (folder / "status").read_text() == "0", run.log_tail(folder, limit=20_000)[-3000:]
    return folders


def outcome(folder: Path) -> run.Outcome:
    found = run.read_outcome(folder)
    assert found is not None
    return found


def samples(folder: Path) -> list[Sample]:
    return [decode_sample(line) for line in (folder / run.SAMPLES).read_bytes().splitlines()]


def likelihoods(folder: Path) -> list[float]:
    told = [response for one in samples(folder) if len(one.prompts) > 1 for response in one.responses]
    return [ast.literal_eval(response)[0] for response in told]


def texts(folder: Path) -> list[str]:
    return [response for one in samples(folder) if len(one.prompts) == 1 for response in one.responses]


@pytest.mark.timeout(600)
def test_it_answers_as_the_merged_weights_and_not_as_its_base(runs: dict[str, Path]) -> None:
    ours, merged, base = (likelihoods(runs[name]) for name in ("adapter", "merged", "base"))
    assert max(abs(one - other) for one, other in zip(ours, merged, strict=True)) < TOLERANCE
    assert max(abs(one - other) for one, other in zip(ours, base, strict=True)) > 100 * TOLERANCE
    assert texts(runs["adapter"]) == texts(runs["merged"]) != texts(runs["base"])


@pytest.mark.timeout(600)
def test_responses_are_shared_with_its_like_alone(runs: dict[str, Path]) -> None:
    counts = {name: outcome(folder).provenance["requests"] for name, folder in runs.items()}
    assert [counts[name]["replayed"] for name in ("base", "adapter", "merged")] == [0, 0, 0]
    assert counts["again"]["asked"] == 0 and counts["again"]["replayed"] == counts["adapter"]["asked"]
    assert samples(runs["again"]) == samples(runs["adapter"])
    names = {run.read_responses(folder).name for folder in runs.values()}  # type: ignore[union-attr]
    assert len(names) == 3


@pytest.mark.timeout(600)
def test_it_says_what_was_run(runs: dict[str, Path]) -> None:
    told = outcome(runs["adapter"]).provenance
    assert (told["model"], told["base"], told["base_revision"]) == ("tiny/adapter", BASE.name, BASE.sha)
    assert told["plan"]["lora_rank"] == 8 and told["engine_arguments"]["max_lora_rank"] == 8
    assert told["path"] == "fast", "contexts are computed once for adapters too"
    assert "base" not in outcome(runs["base"]).provenance
