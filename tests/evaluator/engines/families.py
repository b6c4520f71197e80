"""Tiny checkpoints of the model families that a leaderboard meets: two layers, hidden size 128, weights drawn once.

    python -m tests.evaluator.engines.families TOKENIZER_FOLDER TARGET [NAME ...]

Made by transformers' own config classes, so that names and shapes of tensors are those of the real checkpoints; the
tokenizer and its chat template are SmolLM2's. They know nothing, but load, generate and score like the real ones.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoTokenizer,
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GptOssConfig,
    GptOssForCausalLM,
    Llama4ForCausalLM,
    Llama4TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Ministral3Config,
    Ministral3ForCausalLM,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Mistral4Config,
    Mistral4ForCausalLM,
    Olmo3Config,
    Olmo3ForCausalLM,
    PreTrainedModel,
    Qwen3_5Config,
    Qwen3_5ForCausalLM,
    Qwen3_5ForConditionalGeneration,
    Qwen3_5MoeForCausalLM,
    Qwen3_5MoeTextConfig,
    Qwen3_5TextConfig,
)

SEED = 7
CONTEXT = 2048
SHAPE: dict[str, Any] = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
}
LATENT: dict[str, Any] = {
    "kv_lora_rank": 512,  # vLLM's kernels for latent attention refuse other sizes
    "q_lora_rank": 64,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
    "num_key_value_heads": 4,
    "moe_intermediate_size": 64,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "first_k_dense_replace": 1,
}
LINEAR: dict[str, Any] = {
    "head_dim": 32,
    "linear_key_head_dim": 32,
    "linear_value_head_dim": 32,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "layer_types": ["linear_attention", "full_attention"],
}
EXPERTS: dict[str, Any] = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 64,
    "shared_expert_intermediate_size": 64,
}
CHUNKED: dict[str, Any] = {
    "head_dim": 32,
    "intermediate_size_mlp": 256,
    "num_local_experts": 4,
    "interleave_moe_layer_step": 2,
    "no_rope_layer_interval": 2,
}
PATCHES = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
"""The vision tower of models that have one; nothing here shows them a picture."""


@dataclass(frozen=True)
class Family:
    """`make` builds the untrained model for a vocabulary (size, id of the token that ends a text)."""

    title: str
    make: Callable[[dict[str, Any]], PreTrainedModel]


def text_model(model: Any, config: Any, **more: Any) -> Callable[[dict[str, Any]], PreTrainedModel]:
    return lambda words: model(config(**{**SHAPE, **words, **more}))


def qwen_with_eyes(words: dict[str, Any]) -> PreTrainedModel:
    """As the real Qwen 3.5 is published: the language model inside one that also sees."""
    sight = {"depth": 1, "hidden_size": 64, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 128}
    return Qwen3_5ForConditionalGeneration(Qwen3_5Config(text_config={**SHAPE, **LINEAR, **words}, vision_config=sight))


def mistral_with_eyes(words: dict[str, Any]) -> PreTrainedModel:
    sight = {"model_type": "pixtral", "head_dim": 32, "image_size": 56, "patch_size": 14, **PATCHES}
    text = {"model_type": "ministral3", "head_dim": 32, **SHAPE, **words}
    return Mistral3ForConditionalGeneration(
        Mistral3Config(text_config=text, vision_config=sight, tie_word_embeddings=False)
    )


FAMILIES: dict[str, Family] = {
    "llama": Family("Llama 3", text_model(LlamaForCausalLM, LlamaConfig)),
    "llama4": Family("Llama 4", text_model(Llama4ForCausalLM, Llama4TextConfig, **CHUNKED)),
    "qwen3_5": Family("Qwen 3.5, dense", text_model(Qwen3_5ForCausalLM, Qwen3_5TextConfig, **LINEAR)),
    "qwen3_5_moe": Family(
        "Qwen 3.5, mixture of experts", text_model(Qwen3_5MoeForCausalLM, Qwen3_5MoeTextConfig, **LINEAR, **EXPERTS)
    ),
    "qwen3_5_vision": Family("Qwen 3.5, dense, as published (with its vision tower)", qwen_with_eyes),
    "mistral4": Family("Mistral Small 4", text_model(Mistral4ForCausalLM, Mistral4Config, **LATENT)),
    "mistral3": Family("Mistral Small 3 and Ministral 3 as published (with its vision tower)", mistral_with_eyes),
    "ministral3": Family("Ministral 3", text_model(Ministral3ForCausalLM, Ministral3Config, head_dim=32)),
    "deepseek_v3": Family(
        "DeepSeek V3 and R1",
        text_model(DeepseekV3ForCausalLM, DeepseekV3Config, **LATENT, topk_method="noaux_tc", n_group=2, topk_group=1),
    ),
    "gemma3": Family(
        "Gemma 3",
        text_model(
            Gemma3ForCausalLM,
            Gemma3TextConfig,
            head_dim=32,
            sliding_window=64,
            layer_types=["sliding_attention", "full_attention"],
        ),
    ),
    "gpt_oss": Family(
        "GPT-OSS",
        text_model(
            GptOssForCausalLM, GptOssConfig, head_dim=32, num_local_experts=4, num_experts_per_tok=2, sliding_window=64
        ),
    ),
    "olmo3": Family(
        "OLMo 3",
        text_model(
            Olmo3ForCausalLM, Olmo3Config, sliding_window=64, layer_types=["sliding_attention", "full_attention"]
        ),
    ),
}


def write(name: str, folder: Path, tokenizer_folder: Path) -> Path:
    """Write a family's checkpoint into `folder`; returns it. The same seed gives the same weights."""
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder, local_files_only=True)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 2}
    torch.manual_seed(SEED)
    model = FAMILIES[name].make({"vocab_size": len(tokenizer), **ends})
    model.to(torch.float32).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def main() -> None:
    tokenizer, target, *names = sys.argv[1:]
    for name in names or FAMILIES:
        print(write(name, Path(target) / name, Path(tokenizer)))


if __name__ == "__main__":
    main()
