"""What a reader needs to repeat a run and to judge a difference."""

import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from msgspec.structs import asdict

from evaluator import run
from evaluator.contract import canonical_json
from evaluator.journal import tokenizer_digest

SAMPLING = (
    *("do_sample", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty"),
    *("frequency_penalty", "max_new_tokens"),
)
"""What a generation_config.json recommends; a suite's own settings are used all the same, so that models compare."""
OF_THE_HOST = frozenset({"model", "tokenizer", "revision", "tokenizer_revision", "pretrained"})
"""Engine arguments that name folders of a worker, and what stands elsewhere."""


def provenance(
    spec: run.RunSpec, model: Any, results: list[dict[str, Any]], *, seeds: Mapping[str, int], data: Mapping[str, str]
) -> dict[str, Any]:
    """Everything but times and tokens; `data`: the digest or revision of each task's data set. Of stored responses that
    are scored anew, only what decides scores: how they were made is known where they are stored."""
    if spec.replies:
        return {**scoring(spec, model, results, seeds=seeds, data=data), "scored_with": versions()}
    template = template_of(model)
    return {
        **scoring(spec, model, results, seeds=seeds, data=data),
        "engine": spec.settings.engine,
        **model.path_facts(),
        "dtype": dtype_used(spec, model),
        "plan": {name: value for name, value in asdict(spec.plan).items() if name != "reasons"},
        "plan_notes": " ".join(spec.plan.reasons),
        "engine_arguments": arguments_of(model),
        "tokenizer_sha": tokenizer_digest(Path(spec.tokenizer_path)) if spec.model_path else "",
        "chat_template_sha": hashlib.sha256(template.encode()).hexdigest() if template else None,
        "chat_template_applied": spec.settings.apply_chat_template,
        "recommended_sampling": recommended_sampling(Path(spec.model_path)) if spec.model_path else {},
        "replay": "its own attempts" if spec.scope else "this host's journal",
        "max_length": model.max_length,
        "task_hashes": {name: value for result in results for name, value in result.get("task_hashes", {}).items()},
        "batch_invariant": os.environ.get("VLLM_BATCH_INVARIANT", "0"),
        "versions": versions(),
        "hardware": hardware(),
        "python": platform.python_version(),
    }


def scoring(
    spec: run.RunSpec, model: Any, results: list[dict[str, Any]], *, seeds: Mapping[str, int], data: Mapping[str, str]
) -> dict[str, Any]:
    """What decides scores, whoever made the responses."""
    configs = {name: config for result in results for name, config in result["configs"].items()}
    return {
        "model": spec.model.name,
        "revision": spec.model.sha,
        **({"base": spec.model.base.name, "base_revision": spec.model.base.sha} if spec.model.base else {}),
        "suite": spec.suite.slug,
        "requests": requests_of(model),
        "seeds": dict(seeds),
        "task_versions": {name: value for result in results for name, value in result["versions"].items()},
        "task_yaml_sha": {name: yaml_digest(config) for name, config in configs.items()},
        "generation": {
            name: canonical_json(config["generation_kwargs"]).decode()
            for name, config in configs.items()
            if config.get("generation_kwargs")
        },
        "datasets": {name: str(config.get("dataset_path") or "") for name, config in configs.items()},
        "dataset_digests": dict(data),
    }


ADDRESS = re.compile(r" at 0x[0-9a-f]+")
"""Of an object in this process's memory."""


def yaml_digest(config: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a task's YAML as it was run: with what it includes, and the suite's own settings. The same on
    every host: of paths, the last part counts."""
    return hashlib.sha256(canonical_json(plain(config))).hexdigest()


def plain(value: Any) -> Any:
    """A configuration without what stands elsewhere on another host."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = ADDRESS.sub("", str(value))
    return Path(text).name if text.startswith("/") and "\n" not in text else text


def template_of(model: Any) -> str:
    """The chat template's text; several of them as JSON; "" for none."""
    template = getattr(getattr(model, "tokenizer", None), "chat_template", None)
    return template if isinstance(template, str) else canonical_json(template).decode() if template else ""


def arguments_of(model: Any) -> dict[str, Any]:
    """What the engine was started with, less folders and what was left to it."""
    told: dict[str, Any] = getattr(model, "model_args", None) or {"batch_size": getattr(model, "batch_size", None)}
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in sorted(told.items())
        if value is not None and name not in OF_THE_HOST
    }


def recommended_sampling(folder: Path) -> dict[str, Any]:
    """What the model's makers recommend, from generation_config.json; {} where they say nothing that can be read."""
    path = folder / "generation_config.json"
    try:
        told = json.loads(path.read_bytes()) if path.is_file() else {}
    except ValueError:
        return {}
    kept = {name: told[name] for name in SAMPLING if name in told} if isinstance(told, dict) else {}
    return {name: value for name, value in kept.items() if isinstance(value, bool | int | float)}


def requests_of(model: Any) -> dict[str, int]:
    """How many requests the engine answered in this run, how many came from the journal, and how many responses were
    taken from other shards meanwhile."""
    counts = {"asked": model.asked, "replayed": model.replayed}
    if model.journal is None:
        return counts
    if model.journal.taken:
        counts |= {"replayed": model.replayed - model.journal.taken, "taken": model.journal.taken}
    return {**counts, "damaged_journal_lines": model.journal.damaged}


def versions() -> dict[str, str]:
    return {package: installed(package) for package in ("lm_eval", "vllm", "torch", "transformers", "datasets")}


def dtype_used(spec: run.RunSpec, model: Any) -> str:
    """What the weights were computed in, where the engine says so."""
    own = str(getattr(getattr(model, "model", None), "dtype", "") or "").removeprefix("torch.")
    return own or dtype_of(model) or spec.settings.dtype


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
