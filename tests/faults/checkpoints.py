"""Models and suites that only their descriptions are read of."""

import json
from pathlib import Path

from tests.evaluator.fake_hub import safetensors

SUITE = """
name: {name}
version: 1
title: {name}
description: {does}
tasks:
  - {{task: alpha, title: Alpha, metric: acc, baseline: 0.25, limit: {limit}}}
  - {{task: beta, title: Beta, metric: exact_match, filter: strict, limit: {limit}}}
"""


def make_model(mirror: Path, name: str, width: int) -> None:
    """A checkpoint that only its description is read of."""
    folder = mirror / "models" / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}))
    (folder / "model.safetensors").write_bytes(safetensors({"w": ("F32", (2, width))}))
