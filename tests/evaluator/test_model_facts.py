"""Facts of models: real architectures by the shapes that their makers published."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from evaluator.model_facts import PinnedModel, Tensor, count_parameters, describe, parse_json

BF16 = "BF16"


class Listed:
    """A `Repository` of given facts."""

    name = "org/model"

    def __init__(
        self, config: dict[str, Any], tensors: Mapping[str, Tensor] | None = None, card: Mapping[str, Any] | None = None
    ) -> None:
        self.sizes: Mapping[str, int] = {"config.json": 1, "model.safetensors": 7}
        self._config, self._tensors, self._card = config, dict(tensors or {}), dict(card or {})

    def read_json(self, file: str) -> dict[str, Any]:
        return {"config.json": self._config}[file]

    def tensors(self, files: Sequence[str]) -> dict[str, Tensor]:
        return self._tensors

    def card(self) -> Mapping[str, Any]:
        return self._card


def facts(config: dict[str, Any], tensors: Mapping[str, Tensor] | None = None, **card: Any) -> PinnedModel:
    return describe(Listed(config, tensors, card), sha="0" * 40, source="hub")


def layers(count: int, each: Mapping[str, tuple[int, ...]], prefix: str = "model.layers") -> dict[str, Tensor]:
    return {f"{prefix}.{n}.{name}": Tensor(BF16, shape) for n in range(count) for name, shape in each.items()}


def per_expert(count: int, name: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{n}.{part}.weight": shape for n in range(count) for part, shape in shapes.items()}


def test_mixtral_8x7b() -> None:
    experts = per_expert(8, "block_sparse_moe.experts", {"w1": (14336, 4096), "w2": (4096, 14336), "w3": (14336, 4096)})
    attention = {
        "q": (4096, 4096),
        "k": (1024, 4096),
        "v": (1024, 4096),
        "o": (4096, 4096),
        "n1": (4096,),
        "n2": (4096,),
    }
    tensors = layers(32, attention | {"block_sparse_moe.gate.weight": (8, 4096)} | experts)
    tensors |= {"embed": Tensor(BF16, (32000, 4096)), "head": Tensor(BF16, (32000, 4096)), "n": Tensor(BF16, (4096,))}
    config = {"num_local_experts": 8, "num_experts_per_tok": 2}
    assert count_parameters(config, tensors) == (46_702_792_704, 12_879_925_248)  # "46.7B, 12.9B active"


def test_deepseek_v3_without_its_draft_layer() -> None:
    attention = {
        "q_a": (1536, 7168), "q_n": (1536,), "q_b": (24576, 1536), "kv_a": (576, 7168), "kv_n": (512,),
        "kv_b": (32768, 512), "o": (7168, 16384), "n1": (7168,), "n2": (7168,),
    }  # fmt: skip
    swiglu = {"gate_proj": (2048, 7168), "up_proj": (2048, 7168), "down_proj": (7168, 2048)}
    mixture = per_expert(256, "mlp.experts", swiglu) | {f"mlp.shared_experts.{k}": v for k, v in swiglu.items()}
    mixture |= {"mlp.gate.weight": (256, 7168), "mlp.gate.e_score_correction_bias": (256,)}
    tensors = layers(62, attention)
    tensors |= {name: t for name, t in layers(62, mixture).items() if int(name.split(".")[2]) >= 3}
    tensors |= layers(3, {"mlp.gate_proj": (18432, 7168), "mlp.up_proj": (18432, 7168), "mlp.down_proj": (7168, 18432)})
    tensors |= {"embed": Tensor(BF16, (129280, 7168)), "head": Tensor(BF16, (129280, 7168)), "n": Tensor(BF16, (7168,))}
    tensors["model.layers.7.mlp.experts.0.gate_proj.weight_scale_inv"] = Tensor("F32", (16, 56))
    config = {
        "n_routed_experts": 256, "num_experts_per_tok": 8, "n_shared_experts": 1, "num_hidden_layers": 61,
        "num_nextn_predict_layers": 1, "quantization_config": {"quant_method": "fp8"},
    }  # fmt: skip
    total, active = count_parameters(config, tensors)
    assert total == 671_026_419_200  # "671B total"; 685B with the draft layer
    assert active is not None
    assert round(active / 1e9, 1) == 37.6


def test_gpt_oss_20b_in_four_bits() -> None:
    width, experts = 2880, "mlp.experts"
    plain = {
        "q": (4096, width), "qb": (4096,), "k": (512, width), "kb": (512,), "v": (512, width), "vb": (512,),
        "o": (width, 4096), "ob": (width,), "sinks": (64,), "router": (32, width), "rb": (32,), "n1": (width,),
        "n2": (width,), f"{experts}.gate_up_proj_bias": (32, 2 * width), f"{experts}.down_proj_bias": (32, width),
    }  # fmt: skip
    tensors = layers(24, plain)
    for n in range(24):
        for part, rows in (("gate_up_proj", 2 * width), ("down_proj", width)):
            tensors[f"model.layers.{n}.{experts}.{part}_blocks"] = Tensor("U8", (32, rows, 90, 16))
            tensors[f"model.layers.{n}.{experts}.{part}_scales"] = Tensor("U8", (32, rows, 90))
    tensors |= {
        "embed": Tensor(BF16, (201088, width)),
        "head": Tensor(BF16, (201088, width)),
        "n": Tensor(BF16, (width,)),
    }
    config = {"num_local_experts": 32, "num_experts_per_tok": 4, "quantization_config": {"quant_method": "mxfp4"}}
    total, active = count_parameters(config, tensors)
    assert total is not None
    assert active is not None
    assert round(total / 1e9, 2) == 20.91  # "20.91B total"
    assert round((active - 201088 * width) / 1e9, 2) == 3.61  # "3.61B active", which leaves the embedding out


def test_llama_4_keeps_its_experts_in_one_tensor_and_its_numbers_in_text_config() -> None:
    tensors = layers(
        2, {"feed_forward.experts.gate_up_proj": (16, 10, 20), "feed_forward.shared_expert.up_proj.weight": (10, 10)},
        "language_model.model.layers",
    )  # fmt: skip
    config = {"text_config": {"num_local_experts": 16, "num_experts_per_tok": 1, "max_position_embeddings": 10_485_760}}
    assert count_parameters(config, tensors) == (6_600, 600)
    assert facts(config, tensors).context_length == 10_485_760


@pytest.mark.parametrize(
    ("config", "name", "active"),
    [
        ({"num_experts": 4, "num_experts_per_tok": 2}, "mlp.experts.0.up_proj.weight", 60),
        ({"num_experts": 4, "num_experts_per_tok": 2}, "mlp.shared_expert.up_proj.weight", None),
        ({"num_local_experts": 4, "num_experts_per_tok": 1}, "block_sparse_moe.input_linear.weight", 35),
        ({"ffn_config": {"moe_num_experts": 4, "moe_top_k": 4}}, "ffn.experts.mlp.w1", 110),
        ({"num_experts": 4}, "mlp.experts.0.up_proj.weight", None),
        ({"num_experts": 4, "num_experts_per_tok": 5}, "mlp.experts.0.up_proj.weight", None),
        ({"num_experts": [4, 4], "num_experts_per_tok": True}, "mlp.experts.0.up_proj.weight", None),
        ({"num_experts": 0, "num_experts_per_tok": 2}, "mlp.up_proj.weight", 110),
        ({"num_local_experts": None}, "mlp.up_proj.weight", 110),
    ],
)
def test_mixtures_are_recognised_or_left_open(config: dict[str, Any], name: str, active: int | None) -> None:
    tensors = {f"model.layers.0.{name}": Tensor(BF16, (10, 10)), "model.norm.weight": Tensor(BF16, (10,))}
    assert count_parameters(config, tensors) == (110, active)


@pytest.mark.parametrize(
    ("quantisation", "tensors"),
    [
        ({"quant_method": "gptq", "bits": 4}, {"q.qweight": ("I32", (8, 64)), "q.qzeros": ("I32", (1, 8)),
                                               "q.scales": ("F16", (1, 64)), "q.g_idx": ("I32", (64,))}),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True},
         {"q.weight": ("U8", (2048, 1)), "q.weight.absmax": ("F32", (64,)),
          "q.weight.quant_state.bitsandbytes__nf4": ("U8", (90,))}),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 8}}}},
         {"q.weight_packed": ("I32", (64, 16)), "q.weight_scale": ("BF16", (64, 1)), "q.weight_shape": ("I64", (2,))}),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"},
         {"q.weight": ("U8", (64, 32)), "q.weight_scale": ("F8_E4M3", (64, 4)), "q.weight_scale_2": ("F32", ()),
          "q.input_scale": ("F32", ())}),
        ({"quant_method": "fp8"}, {"q.weight": ("F8_E4M3", (64, 64)), "q.weight_scale_inv": ("F32", (1, 1))}),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True},
         {"q.weight": ("I8", (64, 64)), "q.SCB": ("F32", (64,))}),
    ],
)  # fmt: skip
def test_quantised_weights_count_as_what_they_hold(
    quantisation: dict[str, Any], tensors: dict[str, tuple[str, tuple[int, ...]]]
) -> None:
    read = {name: Tensor(*tensor) for name, tensor in tensors.items()}
    assert count_parameters({"quantization_config": quantisation}, read) == (64 * 64, 64 * 64)


def test_scales_are_weights_where_nothing_is_quantised() -> None:
    assert count_parameters({}, {"layer_scale": Tensor(BF16, (5,))}) == (5, 5)
    assert count_parameters({}, {}) == (None, None)


@pytest.mark.parametrize(
    ("config", "length"),
    [
        ({"max_position_embeddings": 4096}, 4096),
        ({"n_positions": 1024}, 1024),
        ({"max_seq_len": 2048}, 2048),
        ({"text_config": {"max_position_embeddings": 131072}, "max_position_embeddings": 5}, 131072),
        ({"thinker_config": {"text_config": {"max_position_embeddings": 7}}}, 7),
        ({"max_position_embeddings": -1}, None),
        ({"max_position_embeddings": "4096", "text_config": None}, None),
        ({}, None),
    ],
)
def test_context_length(config: dict[str, Any], length: int | None) -> None:
    assert facts(config).context_length == length


@pytest.mark.parametrize(
    ("config", "tensors", "dtype"),
    [
        ({"torch_dtype": "bfloat16"}, {}, "bfloat16"),
        ({"dtype": "torch.float16"}, {}, "float16"),
        ({"text_config": {"dtype": "float32"}, "dtype": "bfloat16"}, {}, "float32"),
        ({}, {"a": Tensor("F32", (2,)), "b": Tensor("F16", (3,)), "c": Tensor("U8", (9,))}, "float16"),
        ({"dtype": None}, {}, ""),
    ],
)
def test_dtype(config: dict[str, Any], tensors: dict[str, Tensor], dtype: str) -> None:
    assert facts(config, tensors).dtype == dtype


@pytest.mark.parametrize(
    ("config", "card", "modalities"),
    [
        ({}, {}, ("text",)),
        ({"vision_config": {}}, {}, ("text", "image")),
        ({}, {"pipeline_tag": "image-text-to-text", "tags": ["conversational"]}, ("text", "image")),
        ({"thinker_config": {"audio_config": {}, "vision_config": {}, "video_token_index": 1}},
         {"pipeline_tag": "any-to-any"}, ("text", "image", "audio", "video")),
        ({}, {"pipeline_tag": "text-generation", "tags": ["audio-text-to-text", "image"]}, ("text", "audio")),
    ],
)  # fmt: skip
def test_modalities(config: dict[str, Any], card: dict[str, Any], modalities: tuple[str, ...]) -> None:
    assert facts(config, **card).modalities == modalities


def test_cards_say_one_thing_in_several_ways() -> None:
    assert facts({}, license="mit", base_model="a/b").licence == "mit"
    assert facts({}, license=["mit", "apache-2.0"]).licence == "mit, apache-2.0"
    assert facts({}, license="other", license_name="llama4").licence == "llama4"
    assert facts({}, license="other").licence == "other"
    assert facts({}, base_model=[]).base_model is None


def test_a_config_may_say_little() -> None:
    pinned = facts({"architectures": None, "model_type": None})
    assert (pinned.architecture, pinned.model_type, pinned.needs_remote_code) == ("", "", False)
    assert (pinned.parameters, pinned.size_bytes, pinned.chat_template) == (None, 7, False)
    assert facts({"auto_map": {"AutoModel": "modeling.Own"}}).needs_remote_code


@pytest.mark.parametrize("template", ["chat_template.jinja", "chat_template.json", "tokenizer_config.json"])
def test_chat_templates_lie_in_three_places(template: str) -> None:
    repository = Listed({})
    repository.sizes = {**repository.sizes, template: 1}
    repository.read_json = lambda file: {"chat_template": "x"} if file == template else {}  # type: ignore[method-assign]
    assert describe(repository, sha="0" * 40, source="hub").chat_template


def test_json_keeps_its_text() -> None:
    assert parse_json('{"a": "é"}'.encode(), "config.json") == {"a": "é"}
