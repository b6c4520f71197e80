"""What vLLM is started with by some plans, as JSON; no engine starts.

python -m tests.evaluator.engines.vllm_arguments
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from evaluator.contract import Settings
from evaluator.engines import vllm
from evaluator.planner import Plan
from tests.evaluator.lora import adapter_files

LARGE = Plan(
    dtype="float16", quantisation="fp8", quantised_here=True, tensor_parallel_size=4, max_length=4096,
    memory_share=0.8, max_num_seqs=64, lora_rank=32,
)  # fmt: skip


def told(gpu: bool, plan: Plan, **adapter: str) -> dict[str, Any]:
    """The arguments of lm-eval's VLLM on a machine with or without a GPU."""
    found: dict[str, Any] = {}

    class Engine:
        room = 0

        def __init__(self, _: object, **arguments: Any) -> None:
            found.update(arguments)

    vllm.torch.cuda.is_available = lambda: gpu
    vllm.SharingVLLM = Engine  # type: ignore[misc,assignment]
    vllm.load("/weights", Settings(), lambda _: None, plan=plan, **adapter)  # type: ignore[arg-type]
    return found


def main() -> None:
    own = Plan(quantisation="gptq", max_num_seqs=32)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in adapter_files().items():
            (Path(folder) / name).write_bytes(data)
        cases = {
            "gpu": told(True, LARGE),
            "cpu": told(False, own),
            "adapter": told(True, LARGE, adapter=folder, tokenizer="/adapter"),
            "its base's tokenizer": told(True, LARGE, adapter=folder),
        }
    print(json.dumps(cases))


if __name__ == "__main__":
    main()
