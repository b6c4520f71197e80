from pathlib import Path

import pytest

from evaluator import config, host
from evaluator.host import Gpu

SMI = """\
0, GPU-aa, 81559, 9.0, NVIDIA H100 80GB HBM3
1, GPU-bb, 24564, [N/A], NVIDIA, odd name
No devices were found
"""
FIRST, SECOND = Gpu("NVIDIA H100 80GB HBM3", 81559 * 2**20, 9.0), Gpu("NVIDIA, odd name", 24564 * 2**20, 8.0)


def test_gpus_are_known_by_index_and_by_uuid() -> None:
    assert host.parsed_gpus(SMI) == {"0": FIRST, "GPU-aa": FIRST, "1": SECOND, "GPU-bb": SECOND}
    assert host.parsed_gpus("") == {}


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        (None, (FIRST, SECOND)),
        ("1,0", (SECOND, FIRST)),
        ("GPU-bb", (SECOND,)),
        ("", ()),
        ("-1", ()),
        ("0,7,1", (FIRST,)),
    ],
)
def test_cuda_visible_devices_is_heeded(chosen: str | None, seen: tuple[Gpu, ...]) -> None:
    assert host.visible(host.parsed_gpus(SMI), chosen) == seen


def test_a_gpu_host_and_a_cpu_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "nvidia_smi", lambda: SMI)
    monkeypatch.setattr(host, "processor_flags", lambda: frozenset({"avx512f"}))
    found = host.here({})
    assert (found.gpus, found.bfloat16) == ((FIRST, SECOND), True)
    assert host.here({"CUDA_VISIBLE_DEVICES": ""}).gpus == ()
    assert host.here({"CUDA_VISIBLE_DEVICES": ""}).bfloat16 is False
    monkeypatch.setattr(host, "processor_flags", lambda: frozenset({"avx512f", "avx512_bf16"}))
    assert host.here({"CUDA_VISIBLE_DEVICES": ""}).bfloat16 is True


def test_what_a_processor_can_is_read_from_its_flags(tmp_path: Path) -> None:
    x86, arm = tmp_path / "x86", tmp_path / "arm"
    x86.write_text("processor\t: 0\nflags\t\t: fpu avx2 amx_bf16\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    arm.write_text("processor\t: 0\nFeatures\t: fp asimd bf16\n")
    assert host.processor_flags(x86) == {"fpu", "avx2", "amx_bf16"}
    assert host.processor_flags(arm) >= {"bf16"}
    assert host.processor_flags(tmp_path / "none") == frozenset()


def test_a_workers_memory_is_its_gpus_or_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARITY_WORKER_MEMORY_GB", raising=False)
    monkeypatch.setattr(host, "nvidia_smi", lambda: SMI)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert config.memory() == FIRST.memory + SECOND.memory
    monkeypatch.setattr(host, "nvidia_smi", lambda: "")
    assert config.memory() == host.machine_memory()


def test_the_operators_plan_is_read_or_refused_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARITY_PLAN", "max_num_seqs=8")
    assert config.wishes() == {"max_num_seqs": 8}
    monkeypatch.setenv("PARITY_PLAN", "speed=fast")
    with pytest.raises(config.ConfigError, match=r"PARITY_PLAN='speed=fast' does not work.*Example: PARITY_PLAN="):
        config.wishes()
