"""What a model is: facts read from its config.json, its safetensors headers and its card.

Knows no folder and no network (`evaluator.mirror` and `evaluator.hub` are the two kinds of `Repository`), and does
not judge which architectures can be run.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from huggingface_hub.errors import SafetensorsParsingError

from evaluator.hub_names import HubError

Json = dict[str, Any]


@dataclass(frozen=True)
class PinnedModel:
    """One revision of a model, and what is known of it without loading it. Empty and None mean unknown."""

    name: str
    """On the Hub as the Hub spells it now (renamed repositories, other capitals); on a mirror as asked for."""
    sha: str
    """40 hex digits: a Hub commit, or the digest of a mirror's folder (`evaluator.mirror.digest`)."""
    source: Literal["mirror", "hub"]
    folder: Path | None
    """The mirror's folder; None for the Hub."""
    licence: str
    parameters: int | None
    """Of the weights an engine runs: multi-token-prediction layers and quantisation scales are left out."""
    active_parameters: int | None
    """Used for one token, see `count_parameters`."""
    architecture: str
    model_type: str
    context_length: int | None
    """Tokens, as config.json declares them."""
    dtype: str
    """As config.json declares it, else that of most weights: "bfloat16", "float16", "float32"."""
    chat_template: bool
    gated: bool
    size_bytes: int
    """Of the safetensors files."""
    base_model: str | None
    modalities: tuple[str, ...]
    """Of "text", "image", "audio", "video", in this order; always with "text"."""
    created: str | None
    """Date of the repository, YYYY-MM-DD; None on a mirror."""
    needs_remote_code: bool
    """config.json has `auto_map`: the repository brings its own code, which is never run. An engine may still know
    the architecture natively (DeepSeek V3, Phi-3); that is for the caller to decide."""
    base: "PinnedModel | None" = None
    """Of an adapter, the model that it changes, and that the facts about size and architecture are of."""
    tensors: "Mapping[str, Tensor]" = field(default_factory=dict, repr=False, compare=False)
    """Of the weights, by name."""


class Tensor(NamedTuple):
    """One tensor as a safetensors header declares it: `dtype` as there ("BF16", "F32", "U8" ...)."""

    dtype: str
    shape: tuple[int, ...]


class Header(Protocol):
    """A parsed safetensors header (huggingface_hub's SafetensorsFileMetadata)."""

    @property
    def tensors(self) -> Mapping[str, Any]: ...


class Repository(Protocol):
    """The files at the root of one revision."""

    @property
    def name(self) -> str: ...

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes of each file, by file name."""

    def read_json(self, file: str) -> Json:
        """Raises HubError "bad_json"."""

    def tensors(self, files: Sequence[str]) -> dict[str, Tensor]:
        """Every tensor's type and shape, by tensor name; raises HubError "bad_weights"."""

    def card(self) -> Mapping[str, Any]:
        """The YAML block of README.md, and the Hub's own `pipeline_tag` and `tags` where it gives them."""


def describe(
    repository: Repository,
    *,
    sha: str,
    source: Literal["mirror", "hub"],
    folder: Path | None = None,
    gated: bool = False,
    created: str | None = None,
) -> PinnedModel:
    """Facts of one revision; raises HubError "no_config", "no_safetensors", "bad_json", "bad_weights"."""
    config = read_config(repository)
    weights = weight_files(repository)
    tensors = repository.tensors(weights)
    card = repository.card()
    parameters, active = count_parameters(config, tensors)
    return PinnedModel(
        name=repository.name,
        sha=sha,
        source=source,
        folder=folder,
        licence=licence_of(card),
        parameters=parameters,
        active_parameters=active,
        architecture=next((str(name) for name in listed(config.get("architectures"))), ""),
        model_type=str(config.get("model_type") or ""),
        context_length=context_length(config),
        dtype=_dtype(config, tensors),
        chat_template=has_chat_template(repository),
        gated=gated,
        size_bytes=sum(repository.sizes[file] for file in weights),
        base_model=next((str(name) for name in listed(card.get("base_model"))), None),
        modalities=_modalities(config, card),
        created=created,
        needs_remote_code=bool(config.get("auto_map")),
        tensors=tensors,
    )


def read_config(repository: Repository) -> Json:
    """config.json; raises HubError "no_config"."""
    if "config.json" not in repository.sizes:
        raise HubError(
            "no_config",
            f"{repository.name} has no config.json, so no engine can load it. GGUF files cannot be evaluated: submit "
            "the model that they were made from.",
        )
    return repository.read_json("config.json")


def weight_files(repository: Repository) -> list[str]:
    """The safetensors files that make up the model, as transformers chooses them; raises HubError "no_safetensors".

    `consolidated*` is left out: Mistral's second copy of the weights in its own format.
    """
    if "model.safetensors" in repository.sizes:
        return ["model.safetensors"]
    if "model.safetensors.index.json" in repository.sizes:
        weight_map = repository.read_json("model.safetensors.index.json").get("weight_map")
        files = {str(file) for file in weight_map.values()} if isinstance(weight_map, dict) else set()
        # Only names that the repository lists at its root are ever opened: an index may say "../../etc/passwd".
        missing = sorted(files - repository.sizes.keys())
        if missing or not files:
            raise HubError(
                "bad_weights",
                f"model.safetensors.index.json of {repository.name} "
                + (f"names files that are not there: {', '.join(missing[:3])}." if missing else "names no files."),
            )
        return sorted(files)
    loose = sorted(
        file for file in repository.sizes if file.endswith(".safetensors") and not file.startswith("consolidated")
    )
    if not loose:
        raise HubError(
            "no_safetensors",
            f"{repository.name} has no safetensors weights at its root. Pickled weights (.bin, .pt) can carry code and "
            "are never loaded: convert them to safetensors, or submit another repository.",
        )
    return loose


# --- Parameters

EXPERTS = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts", "num_routed_experts")
CHOSEN = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "experts_per_token",
    "moe_topk",
    "moe_top_k",
    "moe_k",
    "top_k_experts",
)
ROUTED_EXPERT = re.compile(r"\.experts\.|\.block_sparse_moe\.(?:input|output)_linear\.")
"""`experts.7.w1.weight` and fused `experts.gate_up_proj`; Granite's `input_linear`; not `shared_experts.`."""
LAYER = re.compile(r"(?:model\.|language_model\.)*layers\.(\d+)\.")
BOOKKEEPING = re.compile(
    r"(?:_scale(?:s|_inv|_2)?|\.scales|\.qzeros|_zero_point|\.g_idx|absmax|quant_map|quant_state\.\S+|\.SCB|weight_shape)$"
)
"""What quantisers store beside the weights."""


def count_parameters(config: Json, tensors: Mapping[str, Tensor]) -> tuple[int | None, int | None]:
    """Total and active parameters, counted from the tensors' shapes.

    Mixtures of experts: active = total - routed * (1 - k / E), where `routed` is in the tensors of routed experts, E is
    how many of them a layer has and k how many of them a token passes. Shared experts, routers, attention and
    embeddings are always active (some makers leave embeddings out). Dense models: active = total. None where the config
    does not say E or k, or where it says them and no tensor is known to be an expert.
    Packed integers count as the values they hold (4-bit weights in an I32: eight).
    """
    bits, layers = quantised_bits(config), first_count(config, ("num_hidden_layers",))
    # Layers for multi-token prediction lie behind the last one (DeepSeek V3) or under `mtp.`; engines skip them.
    behind = layers if first_count(config, ("num_nextn_predict_layers",)) else None
    total = routed = 0
    for name, tensor in tensors.items():
        layer = LAYER.match(name)
        if name.startswith(("mtp.", "model.mtp.")) or (behind and layer and int(layer[1]) >= behind):
            continue
        values = _values(name, tensor, bits)
        total += values
        routed += values if ROUTED_EXPERT.search(name) else 0
    experts, chosen = first_count(config, EXPERTS) or 1, first_count(config, CHOSEN)
    if not total:
        return None, None
    if not routed:
        return total, total if experts == 1 else None
    if chosen is None or chosen > experts:
        return total, None
    return total, total - routed + round(routed * chosen / experts)


def quantised_bits(config: Json) -> int | None:
    """Bits of a quantised weight; 32 where nothing is known to be packed (FP8), None where nothing is quantised."""
    for part in parts_of(config):
        said = part.get("quantization_config")
        if not isinstance(said, dict):
            continue
        groups = said.get("config_groups")
        group = next(iter(groups.values()), None) if isinstance(groups, dict) else None
        packed = group.get("weights") if isinstance(group, dict) else None
        bits = packed.get("num_bits") if isinstance(packed, dict) else said.get("bits")
        if said.get("load_in_4bit") or said.get("quant_method") == "mxfp4" or "FP4" in str(said.get("quant_algo")):
            bits = 4
        return bits if isinstance(bits, int) and bits > 0 else 32
    return None


def _values(name: str, tensor: Tensor, bits: int | None) -> int:
    """How many parameters a tensor holds. `bits`: see `quantised_bits`."""
    count = math.prod(tensor.shape)
    if bits is None:
        return count
    if BOOKKEEPING.search(name):
        return 0
    width = {"I32": 32, "U8": 8}.get(tensor.dtype, 0)
    return count * width // bits if bits < width else count


# --- The config


def parse_json(data: bytes, what: str) -> Json:
    """A JSON object; raises HubError "bad_json" with `what` (file and model) in its message."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise HubError("bad_json", f"{what} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise HubError("bad_json", f"{what} is not a JSON object.")
    return value


def tensors_of(read_header: Callable[[], Header], what: str) -> dict[str, Tensor]:
    """The tensors of one safetensors header; raises HubError "bad_weights" with `what` (the file) in its message."""
    try:
        header = read_header()
        return {
            name: Tensor(str(tensor.dtype), tuple(int(side) for side in tensor.shape))
            for name, tensor in header.tensors.items()
        }
    except (SafetensorsParsingError, ValueError, TypeError, AttributeError, RecursionError) as error:
        # huggingface_hub reports only some broken headers as such.
        raise HubError(
            "bad_weights",
            f"{what} does not begin with a safetensors header. If it is a small text file, it is a Git LFS pointer: "
            "fetch the weights themselves (git lfs pull).",
        ) from error


CONTEXT_LENGTH = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
    "max_seq_length",
    "seq_length",
    "n_ctx",
)
NESTED = ("text_config", "llm_config", "language_config", "thinker_config", "ffn_config")
"""Where multimodal configs (and DBRX) keep the language model's part."""


def parts_of(config: Json) -> Iterator[Json]:
    """The language model's own part of a nested config first, then what is around it."""
    for key in NESTED:
        inner = config.get(key)
        if isinstance(inner, dict):
            yield from parts_of(inner)
    yield config


def first_count(config: Json, keys: Sequence[str]) -> int | None:
    """The first positive integer under any of the keys."""
    for part in parts_of(config):
        for key in keys:
            value = part.get(key)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None


def context_length(config: Json) -> int | None:
    """The window in tokens, as a config.json declares it."""
    return first_count(config, CONTEXT_LENGTH)


def has_vision(config: Json) -> bool:
    """Whether a config.json has a part for images."""
    return any("vision_config" in part for part in parts_of(config))


def _dtype(config: Json, tensors: Mapping[str, Tensor]) -> str:
    for part in parts_of(config):
        said = part.get("dtype") or part.get("torch_dtype")
        if isinstance(said, str):
            return said.removeprefix("torch.")
    names = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
    held: Counter[str] = Counter()
    for tensor in tensors.values():
        held[tensor.dtype] += math.prod(tensor.shape)
    return next((names[kind] for kind, _ in held.most_common() if kind in names), "")


def has_chat_template(repository: Repository) -> bool:
    if not {"chat_template.jinja", "chat_template.json"}.isdisjoint(repository.sizes):
        return True
    if "tokenizer_config.json" not in repository.sizes:
        return False
    return bool(repository.read_json("tokenizer_config.json").get("chat_template"))


def _modalities(config: Json, card: Mapping[str, Any]) -> tuple[str, ...]:
    """From the config's towers, and from tags that name a conversion ("image-text-to-text")."""
    tags = (str(tag) for tag in (card.get("pipeline_tag"), *listed(card.get("tags"))))
    words = {word for tag in tags if "-to-" in tag for word in tag.split("-")}
    keys = {key for part in parts_of(config) for key in part}
    found = {
        "text": True,
        "image": "image" in words or has_vision(config),
        "audio": "audio" in words or "speech" in words or "audio_config" in keys,
        "video": "video" in words or not keys.isdisjoint({"video_token_id", "video_token_index"}),
    }
    return tuple(kind for kind, there in found.items() if there)


def licence_of(card: Mapping[str, Any]) -> str:
    """The card's identifier; for "other" the name that the card gives it."""
    names = [str(name) for name in listed(card.get("license"))]
    if names == ["other"] and card.get("license_name"):
        return str(card["license_name"])
    return ", ".join(names)


def listed(value: Any) -> list[Any]:
    """Cards and configs write one thing as itself, as a list, or not at all."""
    if isinstance(value, (list, tuple)):
        return list(value)
    return [value] if value else []
