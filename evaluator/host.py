"""What this machine has for an engine: its GPUs, its memory, whether its processor computes in bfloat16.

By NVIDIA's own program and /proc, without torch: the worker asks before it starts a child, and a process that has
touched a GPU may not fork an engine that wants one.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

QUERY = "--query-gpu=index,uuid,memory.total,compute_cap,name"
HALF_PRECISION_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Of /proc/cpuinfo: x86 (AVX-512, AMX) and ARM."""
AMPERE = 8.0
"""The first compute capability with bfloat16."""


@dataclass(frozen=True)
class Gpu:
    """`memory` in bytes; `capability` as NVIDIA numbers it, 9.0 for Hopper."""

    name: str
    memory: int
    capability: float = AMPERE


@dataclass(frozen=True)
class Host:
    """`gpus` that this process may use, none for a CPU host; `memory` of the machine in bytes, 0 where unknown."""

    gpus: tuple[Gpu, ...] = ()
    memory: int = 0
    bfloat16: bool = False
    """Whether it computes in bfloat16 natively; elsewhere that is several times slower than float32."""


def here(environment: Mapping[str, str] = os.environ) -> Host:
    """This machine, as far as CUDA_VISIBLE_DEVICES lets a process see it."""
    gpus = visible(parsed_gpus(nvidia_smi()), environment.get("CUDA_VISIBLE_DEVICES"))
    if gpus:
        return Host(gpus=gpus, memory=machine_memory() or 0, bfloat16=all(gpu.capability >= AMPERE for gpu in gpus))
    return Host(memory=machine_memory() or 0, bfloat16=bool(HALF_PRECISION_FLAGS & processor_flags()))


def nvidia_smi() -> str:
    """What NVIDIA's program says of the GPUs, "" where there is none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    query = [program, QUERY, "--format=csv,noheader,nounits"]
    return subprocess.run(query, capture_output=True, text=True, check=False, timeout=30).stdout


def parsed_gpus(said: str) -> dict[str, Gpu]:
    """GPUs by index and by uuid, in the program's order; lines that are no GPU ("No devices were found") are none."""
    found: dict[str, Gpu] = {}
    for line in said.splitlines():
        cells = [cell.strip() for cell in line.split(",", 4)]
        if len(cells) < 5 or not cells[2].isdigit():
            continue
        index, uuid, mebibytes, capability, name = cells
        gpu = Gpu(name, int(mebibytes) * 2**20, number(capability))
        found |= {index: gpu, uuid: gpu}
    return found


def number(capability: str) -> float:
    """A compute capability; Ampere's where an old driver does not say."""
    try:
        return float(capability)
    except ValueError:
        return AMPERE


def visible(gpus: Mapping[str, Gpu], chosen: str | None) -> tuple[Gpu, ...]:
    """Those that CUDA_VISIBLE_DEVICES names (None: unset, all), in its order, up to the first that is none."""
    if chosen is None:
        return tuple(gpu for key, gpu in gpus.items() if key.isdigit())
    found: list[Gpu] = []
    for key in (word.strip() for word in chosen.split(",")):
        if key not in gpus:
            break
        found.append(gpus[key])
    return tuple(found)


def processor_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """What the processor can; empty where the machine does not say."""
    if not path.is_file():
        return frozenset()
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def machine_memory() -> int | None:
    """Bytes of memory of this machine; None where it does not say."""
    names = os.sysconf_names
    if "SC_PHYS_PAGES" not in names or "SC_PAGE_SIZE" not in names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
