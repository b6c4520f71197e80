"""What decides a response and what a reader needs to repeat a run: the child's facts about engine and host."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from msgspec import to_builtins
from msgspec.structs import asdict

from evaluator import run
from evaluator.engines.building import SEEDS
from evaluator.journal import tokenizer_digest


def provenance(spec: run.RunSpec, model: Any, results: list[dict[str, Any]]) -> dict[str, Any]:
    """What a reader needs to repeat the run and to judge a difference."""
    return {
        "model": spec.model.name,
        "revision": spec.model.sha,
        "suite": spec.suite.slug,
        "engine": spec.settings.engine,
        **model.path_facts(),
        "dtype": dtype_used(spec, model),
        "plan": {name: value for name, value in asdict(spec.plan).items() if name != "reasons"},
        "plan_notes": " ".join(spec.plan.reasons),
        "tokenizer_sha": tokenizer_digest(Path(spec.model_path)) if spec.model_path else "",
        "requests": requests_of(model),
        "max_length": model.max_length,
        "seeds": SEEDS,
        "task_versions": {name: value for result in results for name, value in result["versions"].items()},
        "task_hashes": {name: value for result in results for name, value in result.get("task_hashes", {}).items()},
        "datasets": {
            name: str(task.get("dataset_path") or "") for result in results for name, task in result["configs"].items()
        },
        "chat_template_sha": results[0].get("chat_template_sha"),
        "batch_invariant": os.environ.get("VLLM_BATCH_INVARIANT", "0"),
        "versions": versions(),
        "hardware": hardware(),
        "python": platform.python_version(),
    }


def identity(spec: run.RunSpec, model: Any) -> dict[str, Any]:
    """What decides a response, beside the request: responses are shared where all of this is equal."""
    return {
        "revision": spec.model.sha,
        "tokenizer": tokenizer_digest(Path(spec.model_path)),
        "settings": to_builtins(spec.settings),
        "dtype": dtype_used(spec, model),
        "quantisation": spec.plan.quantisation,
        "tensor_parallel_size": spec.plan.tensor_parallel_size,
        "max_length": model.max_length,
        "path": model.path_facts()["path"],
        "seeds": SEEDS,
        "versions": versions(),
        "hardware": hardware(),
        "batch_invariant": os.environ.get("VLLM_BATCH_INVARIANT", ""),
        "scope": spec.scope,
    }


def requests_of(model: Any) -> dict[str, int]:
    """How many requests the engine answered in this run, and how many came from the journal."""
    counts = {"asked": model.asked, "replayed": model.replayed}
    return counts if model.journal is None else {**counts, "damaged_journal_lines": model.journal.damaged}


def versions() -> dict[str, str]:
    return {package: installed(package) for package in ("lm_eval", "vllm", "torch", "transformers", "datasets")}


def dtype_used(spec: run.RunSpec, model: Any) -> str:
    """What the weights were computed in, where the engine says so."""
    return str(getattr(getattr(model, "model", None), "dtype", "") or dtype_of(model) or spec.settings.dtype)


def dtype_of(model: Any) -> str:
    """The dtype that vLLM chose, where the model is vLLM's."""
    engine = getattr(getattr(model, "model", None), "llm_engine", None)
    return str(engine.model_config.dtype).removeprefix("torch.") if engine else ""


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def hardware() -> str:
    """The GPU's name, or the processor's."""
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return f"CPU {platform.machine()}, {torch.get_num_threads()} threads"
