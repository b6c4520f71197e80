"""Tasks that show images to a model: which ones do, and what a host needs for that. Light: the site asks too."""

import importlib.util

ENGINE = "vllm-images"
"""What a worker that can show images says that it has, beside its other engines."""
GROUP = "mmmu_val"
NEEDED = ("ray", "torchvision")
"""Beside vLLM: lm-eval's vision model imports the first, the models' image processors the second. The lock for CPU
workers has neither (docker/lock/resolve.py says why)."""


def shows(task: str) -> bool:
    """Whether a task of lm-eval shows images."""
    return task == GROUP or task.startswith(f"{GROUP}_")


def missing_here() -> list[str]:
    """The packages that this host lacks for it."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]
