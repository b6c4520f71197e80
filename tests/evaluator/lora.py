"""A model of one layer and a LoRA adapter on it, as files of repositories; weights are zeros."""

from typing import Any

from tests.evaluator.fake_hub import dumped, safetensors

BASE, ADAPTER = "org/base", "people/adapter"
BASE_SHA, ADAPTER_SHA = "ba" * 20, "ad" * 20
QUERY = "model.layers.0.self_attn.q_proj"


def base_files(inputs: int = 6, outputs: int = 4) -> dict[str, bytes]:
    """The whole model."""
    return {
        "config.json": dumped(
            {
                "architectures": ["LlamaForCausalLM"],
                "model_type": "llama",
                "max_position_embeddings": 2048,
                "torch_dtype": "bfloat16",
            }
        ),
        "model.safetensors": safetensors({f"{QUERY}.weight": ("BF16", (outputs, inputs))}),
        "tokenizer_config.json": dumped({"chat_template": "{{ messages }}"}),
        "tokenizer.json": dumped({}),
    }


def adapter_files(
    *, base: Any = BASE, inputs: int = 6, outputs: int = 4, rank: int = 2, module: str = QUERY, **config: Any
) -> dict[str, bytes]:
    """The adapter; `config` goes into its adapter_config.json."""
    prefix = f"base_model.model.{module}"
    said = {
        "peft_type": "LORA",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": 4,
        "target_modules": [module.rpartition(".")[2]],
        "bias": "none",
        "modules_to_save": None,
        "use_dora": False,
        "init_lora_weights": True,
        "revision": None,
        **config,
    }
    weights = {
        f"{prefix}.lora_A.weight": ("F32", (rank, inputs)),
        f"{prefix}.lora_B.weight": ("F32", (outputs, rank)),
    }
    return {
        "adapter_config.json": dumped(said),
        "adapter_model.safetensors": safetensors(weights),
        "adapter_model.bin": b"a pickle",
    }
