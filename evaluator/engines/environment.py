"""The environment of a child that runs an engine. Light: the supervisor asks, without loading any engine."""

import os
import shutil


def for_child() -> dict[str, str]:
    """This process's environment, less its secrets, plus what the engines need to use the whole machine.

    On CPU vLLM would use one thread of two here and ask for half of the memory; variables that the operator set win.
    """
    environment = {key: value for key, value in os.environ.items() if not secret(key)}
    defaults = {
        "VLLM_CPU_OMP_THREADS_BIND": cores(),
        "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
        "VLLM_CPU_KVCACHE_SPACE": "2",
        # One process a run: nothing is left to outlive it, and the engine starts sooner. GPU workers that span
        # several devices start their own processes all the same.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
    }
    if shutil.which("g++") is None:
        # vLLM compiles small kernels even where it runs eagerly, and dies without a compiler; the samples are the same.
        defaults["TORCHDYNAMO_DISABLE"] = "1"
    return {**defaults, **environment}


def secret(variable: str) -> bool:
    """Whether a child must not see it. HF_TOKEN goes: weights are downloaded before the child starts."""
    return variable.startswith("PARITY_") or variable in {"HF_TOKEN", "DATABASE_URL", "REDIS_URL"}


def cores() -> str:
    """The cores this process may use, as a list that vLLM reads ("0,1")."""
    if hasattr(os, "sched_getaffinity"):
        return ",".join(str(core) for core in sorted(os.sched_getaffinity(0)))
    return f"0-{(os.cpu_count() or 1) - 1}"
