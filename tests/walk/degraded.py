"""A model that was made worse: the same files, with noise on its weights.

    python -m tests.walk.degraded MODEL COPY NOISE

MODEL and COPY are folders. Each matrix gets normal noise of NOISE times its own standard deviation, always the same.
A process of its own: torch is loaded nowhere else in a test run.
"""

import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def degrade(model: Path, copy: Path, noise: float) -> None:
    """Norms and biases stay as they are: they are a few numbers each, which noise would turn into silence."""
    shutil.copytree(model, copy)
    chance = torch.Generator().manual_seed(8)
    for path in sorted(copy.glob("*.safetensors")):
        weights = load_file(path)
        for name, tensor in weights.items():
            if tensor.ndim > 1:
                whole = tensor.float()
                drawn = torch.randn(tensor.shape, generator=chance)
                weights[name] = (whole + noise * whole.std() * drawn).to(tensor.dtype)
        path.unlink()
        save_file(weights, path, metadata={"format": "pt"})


if __name__ == "__main__":
    degrade(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
