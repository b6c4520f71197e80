"""LoRA adapters in PEFT's layout: small weights that change a model, their base, which stays as it is.

A repository is one where it has adapter_config.json and no weights of a whole model. What it is, is told by its base,
which is pinned like any model; that both belong together is looked at here, before anything is downloaded.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from evaluator.hub_names import HUB_ID, REVISION, HubError
from evaluator.model_facts import (
    Json,
    PinnedModel,
    Repository,
    Tensor,
    describe,
    has_chat_template,
    licence_of,
    listed,
    read_config,
    weight_files,
)

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM makes room for; an adapter gets the first that it fits into."""

PinBase = Callable[[str, str], PinnedModel]
"""Pins a base by name and revision; raises HubError."""


@dataclass(frozen=True)
class Adapter:
    """What adapter_config.json says. `rank`: the largest of its layers."""

    base: str
    revision: str
    rank: int


def is_adapter(repository: Repository) -> bool:
    """Whether a repository holds an adapter; one that holds a whole model too is that model."""
    whole = [file for file in repository.sizes if file.endswith(".safetensors") and not file.startswith("adapter_")]
    return CONFIG in repository.sizes and not whole and "model.safetensors.index.json" not in repository.sizes


def described(
    repository: Repository,
    *,
    sha: str,
    source: Literal["mirror", "hub"],
    pin_base: PinBase | None,
    folder: Path | None = None,
    gated: bool = False,
    created: str | None = None,
) -> PinnedModel:
    """Facts of one revision, of a whole model or an adapter; `pin_base` None: an adapter will not do.

    Raises HubError as `describe` and `read_adapter` do, and "base_is_adapter", "base_differs", "adapter_misfit",
    "base_not_found", "base_gated" and what else keeps the base from being pinned.
    """
    if not is_adapter(repository):
        return describe(repository, sha=sha, source=source, folder=folder, gated=gated, created=created)
    if pin_base is None:
        raise HubError("base_is_adapter", f"{repository.name} is an adapter itself: merge it into its base first.")
    stated = read_adapter(repository)
    base = pinned_base(repository.name, stated, pin_base)
    card = repository.card()
    check_card(repository.name, stated, base, card)
    tensors = lora_tensors(repository)
    check_fit(repository.name, base, tensors)
    own_template = has_chat_template(repository)
    return replace(
        base,
        name=repository.name,
        sha=sha,
        source=source,
        folder=folder,
        licence=licence_of(card),
        chat_template=own_template if brings_tokenizer(repository.sizes) else base.chat_template,
        gated=gated or base.gated,
        size_bytes=base.size_bytes + repository.sizes[WEIGHTS],
        base_model=base.name,
        created=created,
        base=base,
        tensors=tensors,
    )


def pinned_base(adapter: str, stated: Adapter, pin_base: PinBase) -> PinnedModel:
    """The base's revision; raises HubError with the adapter in its message."""
    try:
        return pin_base(stated.base, stated.revision)
    except HubError as error:
        codes = {"model_not_found": "base_not_found", "revision_not_found": "base_not_found", "gated": "base_gated"}
        message = f"{adapter} is an adapter on {stated.base}. {error.message}"
        raise HubError(codes.get(error.code, error.code), message) from error


# --- What it says of itself


def read_adapter(repository: Repository) -> Adapter:
    """adapter_config.json; raises HubError "adapter_kind", "adapter_rank", "bad_adapter", "base_unclear" or
    "bad_json"."""
    name, config = repository.name, repository.read_json(CONFIG)
    kind = config.get("peft_type")
    if kind != "LORA":
        raise HubError("adapter_kind", f"{name} is an adapter of the kind {kind!a}; the engines here run LORA alone.")
    if beside := foreign(config):
        raise HubError(
            "adapter_kind",
            f"{name} is more than a plain LoRA adapter ({', '.join(beside)}), which the engines here cannot run. Merge "
            "it into its base (PEFT's merge_and_unload) and submit the result.",
        )
    return Adapter(base=base_named(name, config), revision=revision_named(name, config), rank=rank_of(name, config))


def foreign(config: Json) -> list[str]:
    """What of PEFT's LoRA vLLM does not know, by option; nothing for a plain one."""
    options = (
        "modules_to_save", "use_dora", "lora_bias", "alora_invocation_tokens", "layer_replication", "use_bdlora",
        "use_qalora", "trainable_token_indices",
    )  # fmt: skip
    found = [option for option in options if config.get(option)]
    if config.get("bias", "none") != "none":
        found.append("bias")
    start = config.get("init_lora_weights")
    if isinstance(start, str) and start.lower() not in ("gaussian", "eva", "orthogonal", "mica", "lora_ga"):
        found.append(f"init_lora_weights {start}")  # these change the base's own weights
    return found


def base_named(name: str, config: Json) -> str:
    base = config.get("base_model_name_or_path")
    if not isinstance(base, str) or not HUB_ID.fullmatch(base):
        said = (
            f"{base[:100]!a}, which is no name of a model (org/name)" if isinstance(base, str) and base else "nothing"
        )
        raise HubError(
            "base_unclear",
            f"{name} is an adapter, and its adapter_config.json names as its base {said}. Write the base's name on the "
            "Hub into base_model_name_or_path.",
        )
    return base


def revision_named(name: str, config: Json) -> str:
    """The base's revision: main unless the adapter names one."""
    revision = config.get("revision") or "main"
    if not isinstance(revision, str) or not REVISION.fullmatch(revision):
        raise HubError("base_unclear", f"{name} names a revision of its base that is none: {str(revision)[:100]!a}.")
    return revision


def rank_of(name: str, config: Json) -> int:
    """The largest rank of its layers; raises HubError "bad_adapter", "adapter_rank"."""
    pattern = config.get("rank_pattern") or {}
    ranks = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else [None])]
    known = [rank for rank in ranks if isinstance(rank, int) and not isinstance(rank, bool) and rank > 0]
    if len(known) < len(ranks):
        raise HubError("bad_adapter", f"adapter_config.json of {name} gives ranks (r, rank_pattern) that are none.")
    if max(known) > RANKS[-1]:
        raise HubError(
            "adapter_rank",
            f"{name} has the rank {max(known):,}; the engines here run adapters up to {RANKS[-1]}. Merge it into its "
            "base and submit the result.",
        )
    return max(known)


def check_card(name: str, stated: Adapter, base: PinnedModel, card: Mapping[str, Any]) -> None:
    """Raise HubError "base_differs" where the model card names other bases only."""
    told = [str(one) for one in listed(card.get("base_model"))]
    if told and not {one.casefold() for one in told} & {stated.base.casefold(), base.name.casefold()}:
        raise HubError(
            "base_differs",
            f"{name} is an adapter on {stated.base} by its adapter_config.json, and on {', '.join(told[:3])} by its "
            "model card (base_model). Correct the one that is wrong.",
        )


# --- What its weights say

PART = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<half>[AB])(?:\.[^.]+)?\.weight")
LAYER = re.compile(r"(?:^|\.)((?:layers|h|blocks)\.\d+\..+)$")
"""What a module is called whatever wraps the model: transformers changed the prefixes of models that also see."""
PLAIN = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
"""Types of weights whose shape is that of the layer; packed ones have others."""


def lora_tensors(repository: Repository) -> dict[str, Tensor]:
    """The adapter's tensors; raises HubError "no_safetensors", "bad_weights", "adapter_kind"."""
    name = repository.name
    if WEIGHTS not in repository.sizes:
        raise HubError(
            "no_safetensors",
            f"{name} has no {WEIGHTS}. Pickled weights (.bin) can carry code and are never loaded: save the adapter as "
            "safetensors.",
        )
    tensors = repository.tensors([WEIGHTS])
    whole = sorted(tensor for tensor in tensors if ".lora_" not in tensor)
    if whole:
        raise HubError(
            "adapter_kind",
            f"{name} also holds whole weights ({', '.join(whole[:3])}), which the engines here cannot put beside those "
            "of the base. Merge it into its base and submit the result.",
        )
    if not tensors:
        raise HubError("bad_weights", f"{WEIGHTS} of {name} holds no weights.")
    outside = sorted({module for module in map(module_of, tensors) if not LAYER.search(module)})
    if outside:
        raise HubError(
            "adapter_kind",
            f"{name} changes {', '.join(outside[:3])}, outside of the model's layers, where the engines here cannot "
            "compute the log-probabilities of prompts with an adapter. Merge it into its base and submit the result.",
        )
    return tensors


def check_fit(name: str, base: PinnedModel, tensors: Mapping[str, Tensor]) -> None:
    """Raise HubError "adapter_misfit" where the layers that an adapter changes have other sizes in its base, or none of
    them is there."""
    shapes = {layer(key.removesuffix(".weight")): one for key, one in base.tensors.items() if key.endswith(".weight")}
    changed = changed_modules(tensors)
    there = {module: shapes[layer(module)] for module in changed if layer(module) in shapes}
    hint = f"It was made for another model: correct base_model_name_or_path in its {CONFIG}."
    for module, (inputs, outputs) in changed.items():
        if module not in there or there[module].dtype not in PLAIN:
            continue
        if sorted(there[module].shape) != sorted((inputs, outputs)):
            sizes = " x ".join(map(str, there[module].shape))
            raise HubError(
                "adapter_misfit",
                f"{name} does not fit {base.name}: it changes {module} from {inputs:,} numbers to {outputs:,}, and "
                f"that has {sizes} there. {hint}",
            )
    if not there and not any("experts" in module for module in changed):  # experts are often kept in one tensor
        some = ", ".join(sorted(changed)[:3])
        raise HubError(
            "adapter_misfit", f"{name} does not fit {base.name}, which has none of its layers ({some}). {hint}"
        )


def changed_modules(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, int]]:
    """Module -> numbers that go in and come out, of those whose two halves are matrices."""
    halves: dict[str, dict[str, tuple[int, ...]]] = {}
    for key, tensor in tensors.items():
        found = PART.fullmatch(key)
        if found and len(tensor.shape) == 2:
            halves.setdefault(found["module"], {})[found["half"]] = tensor.shape
    return {module: (both["A"][1], both["B"][0]) for module, both in halves.items() if len(both) == 2}


def module_of(tensor: str) -> str:
    """What a tensor of an adapter belongs to: "model.layers.0.self_attn.q_proj"."""
    return tensor.partition(".lora_")[0].removeprefix("base_model.model.")


def targets(tensors: Iterable[str]) -> list[str]:
    """The last names of the modules that an adapter changes, for an engine that makes room in no others."""
    modules = [module_of(tensor) for tensor in tensors]
    names = {module.rpartition(".")[2] for module in modules}
    return sorted(names | {"experts" for module in modules if ".experts" in module})


def layer(module: str) -> str:
    found = LAYER.search(module)
    return found[1] if found else module


# --- Its files


def weights_of(repository: Repository) -> list[str]:
    """The files with weights, of an adapter or a whole model; raises HubError for a repository that cannot be run."""
    if is_adapter(repository):
        lora_tensors(repository)
        return [WEIGHTS]
    read_config(repository)
    return weight_files(repository)


def brings_tokenizer(files: Mapping[str, int]) -> bool:
    """Whether an adapter has a whole tokenizer of its own, which then takes the place of its base's."""
    vocabularies = {"tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt"}
    return "tokenizer_config.json" in files and not vocabularies.isdisjoint(files)


def tokenizer_folder(base: Path, adapter: Path | None) -> Path:
    """Whose tokenizer and chat template are used: the adapter's where it has them."""
    if adapter is None or not brings_tokenizer({path.name: 0 for path in adapter.iterdir()}):
        return base
    return adapter


def room_for(rank: int) -> int:
    """The rank that vLLM is told."""
    return next(room for room in RANKS if room >= rank)
