from typing import Any

import pytest

from evaluator.model_shape import Shape, shape_of

LLAMA = {"num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096, "num_hidden_layers": 32}


def shaped(config: dict[str, Any]) -> Shape:
    return shape_of(config, "org/m", 8_000_000_000, 16_000_000_000, "bfloat16")


def test_a_plain_model() -> None:
    found = shaped({**LLAMA, "max_position_embeddings": 131_072})
    assert (found.head_dim, found.kv_heads, found.full_layers, found.window_layers) == (128, 8, 32, 0)
    assert found.cache(1_000, "bfloat16") == 1_000 * 32 * 2 * 8 * 128 * 2
    assert found.cache(1_000, "float32", 4) == 1_000 * 32 * 2 * 2 * 128 * 4
    assert found.cache(1_000, "bfloat16", 16) == found.cache(1_000, "bfloat16", 8), "a head is not divided"


def test_without_grouped_heads_every_head_keeps_its_own() -> None:
    assert shaped({"n_head": 12, "n_embd": 768, "n_layer": 12, "n_positions": 1024}).kv_heads == 12


def test_windows_and_states_keep_less() -> None:
    gemma = {
        "text_config": {**LLAMA, "sliding_window": 1_024, "layer_types": ["sliding_attention"] * 5 + ["full_attention"]}
    }
    found = shaped(gemma)
    assert (found.full_layers, found.window_layers, found.window) == (1, 5, 1_024)
    assert found.cache(10_000, "bfloat16") == 4_096 * (10_000 + 5 * 1_024)
    assert found.cache(100, "bfloat16") == 4_096 * 100 * 6
    qwen = shaped({**LLAMA, "layer_types": ["linear_attention"] * 3 + ["full_attention"]})
    assert (qwen.full_layers, qwen.window_layers) == (1, 0)
    chunked = shaped({**LLAMA, "attention_chunk_size": 8_192, "layer_types": ["chunked_attention", "full_attention"]})
    assert (chunked.full_layers, chunked.window_layers, chunked.window) == (1, 1, 8_192)


def test_latent_attention_keeps_one_row_on_every_gpu() -> None:
    found = shaped({**LLAMA, "kv_lora_rank": 512, "qk_rope_head_dim": 64})
    assert found.cache(10, "bfloat16") == found.cache(10, "bfloat16", 8) == 10 * 32 * 576 * 2


@pytest.mark.parametrize(
    ("said", "method"),
    [
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_algo": "NVFP4"}, "NVFP4"),
        ({"load_in_4bit": True}, "quantised"),
        (None, ""),
    ],
)
def test_quantised_weights_are_as_large_as_on_disk(said: Any, method: str) -> None:
    found = shaped({**LLAMA, "quantization_config": said})
    assert found.quantisation == method
    assert found.weights("float32") == (16_000_000_000 if method else 32_000_000_000)


def test_of_an_empty_config_nothing_is_known() -> None:
    assert shape_of({}, "org/m", 0, 7, "") == Shape("org/m", 0, 7)
    assert Shape("org/m", 0, 7).weights("float32") == 7
