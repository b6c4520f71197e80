"""What of a model decides how much memory it takes: read from its config.json and the headers of its weights."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluator.adapters import WEIGHTS, read_adapter
from evaluator.mirror import MirrorFolder
from evaluator.model_facts import (
    CONTEXT_LENGTH,
    Json,
    describe,
    first_count,
    parts_of,
    quantised_bits,
    read_config,
)

WIDTH = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Bytes of a number."""


@dataclass(frozen=True)
class Shape:
    """Numbers of 0 are unknown. Layers are counted by what they keep of a text.

    `heads`: of attention, which tensor parallelism divides. `full_layers` keep every token, `window_layers` the last
    `window` of them; layers with a state of fixed size are not counted. `latent`: numbers that a layer keeps of a token
    where attention is latent (DeepSeek, Mistral 4), else `kv_heads` keys and values of `head_dim` numbers. `rank` and
    `adapter_bytes`: of the adapter that is put on it.
    """

    name: str
    parameters: int = 0
    size_bytes: int = 0
    dtype: str = ""
    quantisation: str = ""
    context: int = 0
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    full_layers: int = 0
    window_layers: int = 0
    window: int = 0
    latent: int = 0
    rank: int = 0
    adapter_bytes: int = 0

    def weights(self, dtype: str) -> int:
        """Bytes of the weights computed in `dtype`; quantised ones as they are on disk."""
        if self.quantisation or not self.parameters or dtype not in WIDTH:
            return self.size_bytes + self.adapter_bytes
        return self.parameters * WIDTH[dtype] + self.adapter_bytes

    def cache(self, tokens: int, dtype: str, parts: int = 1) -> int:
        """Bytes that the cache of one sequence takes on each of `parts` GPUs."""
        width = WIDTH.get(dtype, 2)
        numbers = self.latent or 2 * self.head_dim * -(-self.kv_heads // parts)  # every GPU keeps all of a latent
        kept = self.full_layers * tokens + self.window_layers * min(tokens, self.window or tokens)
        return numbers * width * kept


def shape_in(folder: Path, name: str) -> Shape:
    """The shape of the checkpoint in `folder`; raises HubError for one that no engine could read."""
    repository = MirrorFolder(name, folder)
    facts = describe(repository, sha="", source="mirror", folder=folder)
    return shape_of(read_config(repository), name, facts.parameters or 0, facts.size_bytes, facts.dtype)


def with_adapter(shape: Shape, folder: Path, name: str) -> Shape:
    """The shape with the adapter in `folder` on it; raises HubError for one that no engine could read."""
    repository = MirrorFolder(name, folder)
    return replace(shape, rank=read_adapter(repository).rank, adapter_bytes=repository.sizes.get(WEIGHTS, 0))


def shape_of(config: Json, name: str, parameters: int, size_bytes: int, dtype: str) -> Shape:
    """The shape that a config.json tells, of weights with `parameters` numbers in `size_bytes`."""
    heads = first_count(config, ("num_attention_heads", "n_head", "num_heads")) or 0
    hidden = first_count(config, ("hidden_size", "n_embd", "d_model")) or 0
    full, windowed = layers_of(config)
    latent = first_count(config, ("kv_lora_rank",))
    return Shape(
        name=name,
        parameters=parameters,
        size_bytes=size_bytes,
        dtype=dtype,
        quantisation=method_of(config) if quantised_bits(config) else "",
        context=first_count(config, CONTEXT_LENGTH) or 0,
        heads=heads,
        kv_heads=first_count(config, ("num_key_value_heads", "num_kv_heads")) or heads,
        head_dim=first_count(config, ("head_dim",)) or (hidden // heads if heads else 0),
        full_layers=full,
        window_layers=windowed,
        window=first_count(config, ("sliding_window", "attention_chunk_size")) or 0,
        latent=latent + (first_count(config, ("qk_rope_head_dim",)) or 0) if latent else 0,
    )


def layers_of(config: Json) -> tuple[int, int]:
    """How many layers keep every token, and how many a window."""
    total = first_count(config, ("num_hidden_layers", "n_layer", "num_layers")) or 0
    kinds: list[Any] = next((part["layer_types"] for part in parts_of(config) if listed(part.get("layer_types"))), [])
    if not kinds:
        return total, 0
    names = [str(kind) for kind in kinds]
    windowed = sum("sliding" in kind or "chunked" in kind for kind in names)
    return sum(kind == "full_attention" for kind in names), windowed


def listed(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def method_of(config: Json) -> str:
    """How the weights are quantised, in the config's word: "fp8", "gptq", "mxfp4"."""
    for part in parts_of(config):
        said = part.get("quantization_config")
        if isinstance(said, dict):
            return str(said.get("quant_method") or said.get("quant_algo") or "quantised")
    return ""
