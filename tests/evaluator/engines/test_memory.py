"""Engines say in many ways that memory ran out."""

import sys
from pathlib import Path

import pytest
import torch

from evaluator import harness, run
from evaluator.contract import ModelRef, Settings
from evaluator.engines import memory
from tests.conftest import suite_spec

pytestmark = pytest.mark.engine

VLLM = "Engine core initialization failed. See root cause above. Failed core proc(s): {}"


@pytest.mark.parametrize(
    ("error", "log"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), ""),
        (MemoryError(), ""),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"), ""),
        (ValueError("No available memory for the cache blocks. Try increasing `gpu_memory_utilization`"), ""),
        (ValueError("4.0 GiB KV cache is needed, which is larger than the available KV cache memory (2 GiB)."), ""),
        (ValueError("Free memory on device (1/24 GiB) is less than desired GPU memory utilization (0.9)"), ""),
        (RuntimeError(VLLM), "torch.OutOfMemoryError: CUDA out of memory."),
    ],
)
def test_what_is_a_lack_of_memory(error: Exception, log: str) -> None:
    assert memory.ran_out(error, log)


@pytest.mark.parametrize(
    ("error", "log"),
    [
        (ValueError("Model architectures ['NoSuch'] failed to be inspected."), "CUDA out of memory in another run"),
        (RuntimeError(VLLM), "KeyError: 'layers.0'"),
    ],
)
def test_what_is_not(error: Exception, log: str) -> None:
    assert not memory.ran_out(error, log)


def test_the_child_ends_with_its_status_when_loading_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        """An engine on a host that is too small."""

        @staticmethod
        def load(*_: object, **__: object) -> None:
            raise ValueError("No available memory for the cache blocks.")

    monkeypatch.setitem(sys.modules, "small_engine", Small)  # type: ignore[arg-type]
    monkeypatch.setitem(harness.ENGINES, "vllm", "small_engine")
    monkeypatch.setattr(harness, "load_tasks", lambda spec: ([(spec.suite.tasks[0], None)], {}))
    monkeypatch.setattr(harness, "items_of", lambda task, limit: 1)
    spec = run.RunSpec(
        model=ModelRef(name="o/m", sha="a" * 40), model_path="/", suite=suite_spec(), settings=Settings()
    )
    run.write(tmp_path, run.SPEC, spec)
    assert harness.main([str(tmp_path)]) == run.OUT_OF_MEMORY
    failure = run.read_failure(tmp_path)
    assert failure is not None and failure.code == "out_of_memory"
    assert failure.message.startswith("The engine ran out of memory on this host: ")
