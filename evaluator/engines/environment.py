"""The environment of a child that runs an engine. Light: the supervisor asks, without loading any engine."""

import os
import shutil
from pathlib import Path

NAMES = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV"),
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "CC", "CXX", "CUBLAS_WORKSPACE_CONFIG", "TOKENIZERS_PARALLELISM"),
        *("HF_HOME", "HF_ENDPOINT", "NLTK_DATA", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    }
)
PREFIXES = (
    *("LC_", "PYTHON", "XDG_", "SSL_CERT_", "HF_HUB_", "HF_XET_", "HF_DATASETS_", "TRANSFORMERS_", "VLLM_"),
    *("TORCH", "PYTORCH_", "TRITON_", "CUDA_", "NVIDIA_", "NCCL_", "ROCR_", "HIP_", "OMP_", "KMP_", "GOMP_", "MKL_"),
    *("OPENBLAS_", "NUMEXPR_", "RAY_"),
)
"""What Python, the libraries and the engines read. A host's other variables are nobody's business in a process that
reads strangers' models; PARITY_CHILD_ENV names those that this host needs all the same, such as HTTPS_PROXY."""

SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "API_KEY", "CREDENTIAL")
"""VLLM_API_KEY, RAY_AUTH_TOKEN and their like have a prefix from above."""

NEVER = frozenset({"HF_TOKEN", "DATABASE_URL", "REDIS_URL"})
"""Of the site and of the operator, whatever PARITY_CHILD_ENV says; weights are downloaded before the child starts."""


GIB = 2**30
NLTK_DATA = Path(__file__).parent / "nltk_data"
"""What IFEval would download otherwise."""


def for_child(*, cache_bytes: int = 2 * GIB) -> dict[str, str]:
    """What a child may see of this process's environment, plus what the engines need to use the whole machine.

    On CPU vLLM would use one thread of two here and ask for half of the memory: `cache_bytes` is what its key-value
    cache gets there, 0 for its own choice. Variables that the operator set win.
    """
    named = {name.strip() for name in os.environ.get("PARITY_CHILD_ENV", "").split(",")}
    environment = {name: value for name, value in os.environ.items() if allowed(name, named)}
    defaults = {
        "VLLM_CPU_OMP_THREADS_BIND": cores(),
        "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
        # One process a run: nothing is left to outlive it, and the engine starts sooner. GPU workers that span
        # several devices start their own processes all the same.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
    }
    if cache_bytes:
        defaults["VLLM_CPU_KVCACHE_SPACE"] = str(-(-cache_bytes // GIB))
    if shutil.which("g++") is None:
        # vLLM compiles small kernels even where it runs eagerly, and dies without a compiler; the samples are the same.
        defaults["TORCHDYNAMO_DISABLE"] = "1"
    nltk_data = [folder for folder in (environment.get("NLTK_DATA"), str(NLTK_DATA)) if folder]
    return {**defaults, **environment, "NLTK_DATA": os.pathsep.join(nltk_data)}


def allowed(name: str, named: set[str]) -> bool:
    """Whether a child may see this variable; `named`: those that the operator adds."""
    if name in NEVER or name.startswith("PARITY_"):
        return False
    if name in named or name in NAMES:
        return True
    return name.startswith(PREFIXES) and not any(word in name for word in SECRET_WORDS)


def cores() -> str:
    """The cores this process may use, as a list that vLLM reads ("0,1")."""
    if hasattr(os, "sched_getaffinity"):
        return ",".join(str(core) for core in sorted(os.sched_getaffinity(0)))
    return f"0-{(os.cpu_count() or 1) - 1}"
