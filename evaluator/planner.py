"""How a model is run on a host: precision, GPUs, context, memory, requests in flight. Pure, but for `plans`.

A plan changes no score on purpose: weights are computed as the submission or the checkpoint says, and nothing is
quantised unless the operator wants it. What it has to give up, because the host is small, it says in `reasons`.
Estimates err on the side of less: engines measure what is free themselves.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from evaluator.adapters import room_for
from evaluator.contract import Settings, Wire
from evaluator.host import Host, here
from evaluator.hub_names import HubError
from evaluator.model_shape import Shape, shape_in, with_adapter

log = logging.getLogger(__name__)

GIB = 2**30
SHARE, TIGHT_SHARE, LOWERED_SHARE = 0.9, 0.95, 0.8
"""Of a GPU's memory: vLLM's own default; where a model fits just so; after it ran out."""
OVERHEAD = 2 * 10**9
"""Bytes on each GPU beside weights and cache: activations, logits, the libraries."""
GPU_SEQUENCES, LARGE_GPU_SEQUENCES, CPU_SEQUENCES = 256, 1_024, 32
"""Requests in flight: vLLM's defaults, the second from `LARGE_GPU` bytes on; on CPU 32 are as fast as 256, and the
first items are done after seconds."""
LARGE_GPU = 70 * GIB
USUAL_TOKENS = 2_048
"""What a request takes in the cache, to tell how many fit."""
LONGEST = 131_072
"""Tokens of context that are prepared for without being asked to: no benchmark here comes near, and a cache for the
ten million of some models fits nowhere."""
SHORTEST = 2_048
"""A shorter context is not made by the planner: benchmarks would be cut."""
COMFORT = 32_768
"""Tokens that the cache should hold at least, in one request or many: another GPU is taken before it holds fewer."""
CPU_CACHE = 2 * GIB
CPU_CACHE_SHARE = 0.25
"""Of the memory that the weights leave: the most that a cache takes on a CPU host."""


class DoesNotFit(Exception):
    """The host is too small for the model at these settings; the message says by how much."""


class Plan(Wire, frozen=True, omit_defaults=True):
    """What the engine is told. `dtype` "auto": as the checkpoint says. `max_length` None: the model's own.

    `lora_rank`: what the engine makes room for, 0 without an adapter.
    `cache_bytes`: of the key-value cache on CPU, 0 for the engine's choice. `quantisation`: how the weights are
    quantised, "" for not at all; `quantised_here`: it is the operator's wish and not the checkpoint's. `reasons`: what
    was given up or changed, in sentences.
    """

    dtype: str = "auto"
    quantisation: str = ""
    quantised_here: bool = False
    tensor_parallel_size: int = 1
    max_length: int | None = None
    memory_share: float = SHARE
    max_num_seqs: int = GPU_SEQUENCES
    cache_bytes: int = 0
    lora_rank: int = 0
    reasons: tuple[str, ...] = ()


OVERRIDES = {
    "dtype": str,
    "quantisation": str,
    "tensor_parallel_size": int,
    "max_length": int,
    "memory_share": float,
    "max_num_seqs": int,
    "cache_gib": float,
}
"""What an operator may set (PARITY_PLAN), by name."""


def parsed(text: str) -> dict[str, Any]:
    """An operator's wishes from "tensor_parallel_size=2,memory_share=0.85"; raises ValueError with a sentence."""
    found: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if name not in OVERRIDES:
            raise ValueError(f"it has no {name!r}, but {', '.join(OVERRIDES)}")
        try:
            found[name] = OVERRIDES[name](value)
        except ValueError:
            raise ValueError(f"{name} is a number, not {value!r}") from None
        if not found[name] or (isinstance(found[name], int | float) and found[name] < 0):
            raise ValueError(f"{name}={value!r} is nothing that a model can be run with")
    if not 0 < found.get("memory_share", SHARE) <= 1:
        raise ValueError("memory_share is above 0 and at most 1")
    return found


def plan(shape: Shape, settings: Settings, host: Host, overrides: Mapping[str, Any] | None = None) -> Plan:
    """The plan for a model on a host; the operator's `overrides` win. Raises DoesNotFit."""
    wishes = dict(overrides or {})
    dtype, why = precision(shape, settings, host, wishes.get("dtype"))
    if settings.engine == "transformers":
        made = Plan(dtype=dtype, quantisation=shape.quantisation, max_length=settings.max_length, reasons=why)
    elif host.gpus:
        made = on_gpus(shape, settings, host, dtype, wishes)
    else:
        made = on_cpu(shape, settings, host, dtype)
    made = replace(made, lora_rank=room_for(shape.rank) if shape.rank else 0, reasons=why + made.reasons)
    return overridden(made, wishes) if wishes else made


def precision(shape: Shape, settings: Settings, host: Host, wish: str | None) -> tuple[str, tuple[str, ...]]:
    """The dtype to compute in, and why it is not what the checkpoint says."""
    if wish:
        return wish, ()
    if settings.dtype != "auto":
        return settings.dtype, ()
    if shape.dtype not in ("bfloat16", "float16") or host.bfloat16 or shape.quantisation:
        return "auto", ()
    if host.gpus:
        if shape.dtype == "float16":
            return "auto", ()
        return "float16", ("float16 instead of bfloat16, which these GPUs do not have.",)
    return "float32", (f"float32 instead of {shape.dtype}, in which this processor computes several times slower.",)


def computed(shape: Shape, dtype: str) -> str:
    """The dtype's name where it is the checkpoint's own."""
    return dtype if dtype != "auto" else shape.dtype or "bfloat16"


def on_gpus(shape: Shape, settings: Settings, host: Host, dtype: str, wishes: Mapping[str, Any]) -> Plan:
    """The fewest GPUs on which it fits well, else the most on which it fits at all."""
    wanted = wanted_length(shape, settings)
    counts = [wishes["tensor_parallel_size"]] if "tensor_parallel_size" in wishes else divisions(shape, len(host.gpus))
    asked = settings.max_length is not None
    least = wanted if asked else min(wanted, SHORTEST)
    comfortable = [(count, SHARE, max(least, min(wanted, COMFORT))) for count in counts]
    tight = [(count, TIGHT_SHARE, least) for count in reversed(counts)]
    for count, usual_share, tokens in (*comfortable, *tight):
        share = wishes.get("memory_share", usual_share)
        free = free_on(shape, host, dtype, count, share)
        if free >= shape.cache(tokens, computed(shape, dtype), count):
            return fitted(shape, settings, host, dtype, count, share, free)
    raise DoesNotFit(too_small(shape, host, dtype, counts[-1], least))


def fitted(shape: Shape, settings: Settings, host: Host, dtype: str, count: int, share: float, free: int) -> Plan:
    """The plan on `count` GPUs with `free` bytes for the cache on each."""
    width, wanted = computed(shape, dtype), wanted_length(shape, settings)
    length = longest(shape, width, free, wanted, count)
    usual = shape.cache(USUAL_TOKENS, width, count)
    requests = max(1, free // usual) if usual else LARGE_GPU_SEQUENCES
    most = LARGE_GPU_SEQUENCES if host.gpus[0].memory >= LARGE_GPU else GPU_SEQUENCES
    return Plan(
        dtype=dtype,
        quantisation=shape.quantisation,
        tensor_parallel_size=count,
        max_length=told(shape, settings, length),
        memory_share=share,
        max_num_seqs=min(most, 1 << (int(requests).bit_length() - 1)),
        reasons=shortened(shape, length, wanted),
    )


def on_cpu(shape: Shape, settings: Settings, host: Host, dtype: str) -> Plan:
    """All of it in the machine's memory, with a cache that holds the longest request."""
    width, wanted = computed(shape, dtype), wanted_length(shape, settings)
    weights = shape.weights(width)
    if host.memory and weights > host.memory:
        raise DoesNotFit(
            f"{shape.name} needs {weights / 1e9:.1f} GB for its weights in {width}, and this machine has "
            f"{host.memory / 1e9:.1f} GB of memory."
        )
    most = max(CPU_CACHE, int((host.memory - weights) * CPU_CACHE_SHARE)) if host.memory else CPU_CACHE
    needed = -(-int(shape.cache(wanted, width) * 1.05) // GIB) * GIB
    cache = min(max(CPU_CACHE, needed), most // GIB * GIB)
    length = longest(shape, width, cache, wanted)
    if settings.max_length is not None and length < settings.max_length:
        raise DoesNotFit(
            f"{shape.name} with {settings.max_length:,} tokens of context needs a cache of "
            f"{shape.cache(settings.max_length, width) / 1e9:.1f} GB, and this machine has {cache / 1e9:.1f} GB for it."
        )
    return Plan(
        dtype=dtype,
        quantisation=shape.quantisation,
        max_length=told(shape, settings, length),
        max_num_seqs=CPU_SEQUENCES,
        cache_bytes=cache,
        reasons=shortened(shape, length, wanted),
    )


def wanted_length(shape: Shape, settings: Settings) -> int:
    """Tokens of context: as asked, else the model's own up to `LONGEST`."""
    return settings.max_length or min(shape.context or LONGEST, LONGEST)


def told(shape: Shape, settings: Settings, length: int) -> int | None:
    """The context that the engine is told: None for the model's own."""
    return length if settings.max_length or length < shape.context else None


def longest(shape: Shape, dtype: str, free: int, wanted: int, count: int = 1) -> int:
    """The longest context up to `wanted` that `free` bytes hold: `wanted`, or a multiple of 1,024."""
    if shape.cache(wanted, dtype, count) <= free:
        return wanted
    return max(
        (length for length in range(1_024, wanted, 1_024) if shape.cache(length, dtype, count) <= free), default=0
    )


def shortened(shape: Shape, length: int, wanted: int) -> tuple[str, ...]:
    if length < wanted:
        return (f"{length:,} tokens of context instead of {wanted:,}: the cache of longer ones does not fit here.",)
    if shape.context > length >= LONGEST:
        return (f"{length:,} tokens of context instead of {shape.context:,}: no task comes near.",)
    return ()


def divisions(shape: Shape, gpus: int) -> list[int]:
    """Over how many GPUs the attention heads can be divided: powers of two."""
    return [count for count in (1, 2, 4, 8, 16) if count <= gpus and (not shape.heads or shape.heads % count == 0)]


def free_on(shape: Shape, host: Host, dtype: str, count: int, share: float) -> int:
    """Bytes for the cache on each of the first `count` GPUs; negative where not even the weights fit."""
    if count > len(host.gpus):
        return -1
    smallest = min(gpu.memory for gpu in host.gpus[:count])
    return int(smallest * share) - shape.weights(computed(shape, dtype)) // count - OVERHEAD


def too_small(shape: Shape, host: Host, dtype: str, count: int, tokens: int) -> str:
    width = computed(shape, dtype)
    needs = shape.weights(width) + count * (OVERHEAD + shape.cache(tokens, width, count))
    there = sum(gpu.memory for gpu in host.gpus)
    return (
        f"{shape.name} needs about {needs / 1e9:.0f} GB for its weights in {width} and {tokens:,} tokens of context; "
        f"this host has {len(host.gpus)} GPUs with {there / 1e9:.0f} GB together, and it can be divided over {count}."
    )


def overridden(made: Plan, wishes: Mapping[str, Any]) -> Plan:
    """With the operator's wishes in place of what was chosen, and said."""
    chosen = {name: value for name, value in wishes.items() if name != "cache_gib"}
    if "cache_gib" in wishes:
        chosen["cache_bytes"] = int(wishes["cache_gib"] * GIB)
    chosen["quantised_here"] = "quantisation" in wishes
    words = ", ".join(f"{name} {value}" for name, value in wishes.items())
    return replace(made, **chosen, reasons=(*made.reasons, f"Set by the operator: {words}."))


def lowered(made: Plan, shape: Shape, settings: Settings, host: Host, wishes: Mapping[str, Any] | None = None) -> Plan:
    """The plan after the engine ran out of memory: more GPUs where there are more, less of everything else. A context
    that was asked for stays, and so do the GPUs and the context that the operator set by `wishes`."""
    kept = wishes or {}
    more = [count for count in divisions(shape, len(host.gpus)) if count > made.tensor_parallel_size]
    more = [] if "tensor_parallel_size" in kept else more
    length = made.max_length or shape.context
    halved = max(SHORTEST, length // 2) if length > SHORTEST else made.max_length
    lower = replace(
        made,
        tensor_parallel_size=more[0] if more else made.tensor_parallel_size,
        memory_share=min(made.memory_share, LOWERED_SHARE),
        max_num_seqs=max(1, made.max_num_seqs // 4),
        cache_bytes=made.cache_bytes // 2,
        max_length=made.max_length if settings.max_length or "max_length" in kept else halved,
    )
    changed = [
        f"{name} {getattr(lower, name)} instead of {getattr(made, name)}"
        for name in lower.__struct_fields__
        if name != "reasons" and getattr(lower, name) != getattr(made, name)
    ]
    said = f"The engine ran out of memory and was started again with less: {', '.join(changed)}."
    return replace(lower, reasons=(*made.reasons, said))


def plans(
    folder: Path, name: str, settings: Settings, wishes: Mapping[str, Any], adapter: Path | None = None
) -> tuple[Plan, Plan]:
    """The plan for the checkpoint in `folder`, with the `adapter` on it, on this machine, and the one after it ran out
    of memory.

    Raises DoesNotFit, and HubError for an adapter that cannot be read. A checkpoint that cannot be read is planned for
    as if nothing were known: the engine says better what is wrong.
    """
    try:
        shape = shape_in(folder, name)
    except HubError as error:
        log.warning("%s is planned for without its shape: %s", name, error.message)
        shape = Shape(name=name)
    if adapter is not None:
        shape = with_adapter(shape, adapter, name)
    machine = here()
    first = plan(shape, settings, machine, wishes)
    return first, lowered(first, shape, settings, machine, wishes)
