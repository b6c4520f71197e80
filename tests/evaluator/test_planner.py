"""How models are run on hosts from a laptop to eight GPUs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluator.contract import Settings
from evaluator.host import Gpu, Host
from evaluator.model_shape import Shape
from evaluator.planner import GIB, DoesNotFit, Plan, lowered, parsed, plan, plans

HOSTS = {
    "1x24": Host(gpus=(Gpu("RTX 4090", 24 * GIB, 8.9),), memory=64 * GIB, bfloat16=True),
    "1x80": Host(gpus=(Gpu("H100", 80 * GIB, 9.0),), memory=256 * GIB, bfloat16=True),
    "2x80": Host(gpus=(Gpu("H100", 80 * GIB, 9.0),) * 2, memory=512 * GIB, bfloat16=True),
    "8x80": Host(gpus=(Gpu("H100", 80 * GIB, 9.0),) * 8, memory=2048 * GIB, bfloat16=True),
    "old": Host(gpus=(Gpu("T4", 16 * GIB, 7.5),), memory=32 * GIB, bfloat16=False),
    "cpu": Host(memory=24 * GIB, bfloat16=False),
    "cpu with bfloat16": Host(memory=24 * GIB, bfloat16=True),
}
SMALL = Shape(
    "small", 135_000_000, 270_000_000, "bfloat16",
    context=8_192, heads=9, kv_heads=3, head_dim=64, full_layers=30,
)  # fmt: skip
EIGHT = Shape(
    "eight", 8_030_000_000, 16_060_000_000, "bfloat16",
    context=131_072, heads=32, kv_heads=8, head_dim=128, full_layers=32,
)  # fmt: skip
SEVENTY = Shape(
    "seventy", 70_600_000_000, 141_000_000_000, "bfloat16",
    context=131_072, heads=64, kv_heads=8, head_dim=128, full_layers=80,
)  # fmt: skip
WINDOWED = Shape(
    "windowed", 27_400_000_000, 54_900_000_000, "bfloat16",
    context=131_072, heads=32, kv_heads=16, head_dim=128, full_layers=10, window_layers=52, window=1_024,
)  # fmt: skip
LATENT = Shape(
    "latent", 671_000_000_000, 689_000_000_000, "bfloat16", "fp8",
    context=163_840, heads=128, kv_heads=128, head_dim=56, full_layers=61, latent=576,
)  # fmt: skip
PACKED = Shape(
    "packed", 117_000_000_000, 63_000_000_000, "bfloat16", "mxfp4",
    context=131_072, heads=64, kv_heads=8, head_dim=64, full_layers=18, window_layers=18, window=128,
)  # fmt: skip
VAST = Shape(
    "vast", 1_000_000_000, 2_000_000_000, "bfloat16",
    context=10_485_760, heads=16, kv_heads=8, head_dim=64, full_layers=12,
)  # fmt: skip

OWN: dict[str, Any] = {"dtype": "auto", "tensor_parallel_size": 1, "max_length": None, "memory_share": 0.9}
TABLE: list[tuple[Shape, str, dict[str, Any]]] = [
    (SMALL, "1x24", {**OWN, "max_num_seqs": 256}),
    (SMALL, "1x80", {**OWN, "max_num_seqs": 1024}),
    (SMALL, "8x80", OWN),
    (SMALL, "old", {**OWN, "dtype": "float16"}),
    (SMALL, "cpu", {"dtype": "float32", "max_length": None, "max_num_seqs": 32, "cache_bytes": 2 * GIB}),
    (SMALL, "cpu with bfloat16", {"dtype": "auto", "max_length": None, "max_num_seqs": 32, "cache_bytes": 2 * GIB}),
    (EIGHT, "1x24", {**OWN, "max_length": 38_912, "max_num_seqs": 16}),
    (EIGHT, "1x80", OWN),
    (EIGHT, "cpu with bfloat16", {"dtype": "auto", "max_length": 16_384, "cache_bytes": 2 * GIB}),
    (SEVENTY, "2x80", {"tensor_parallel_size": 2, "memory_share": 0.95, "max_length": 54_272}),
    (SEVENTY, "8x80", {"tensor_parallel_size": 4, "memory_share": 0.9, "max_length": None}),
    (WINDOWED, "1x80", OWN),
    (WINDOWED, "2x80", OWN),
    (PACKED, "1x80", {**OWN, "quantisation": "mxfp4"}),
    (VAST, "1x80", {**OWN, "max_length": 131_072}),
    (VAST, "cpu with bfloat16", {"max_length": 131_072, "cache_bytes": 4 * GIB}),
]


@pytest.mark.parametrize(("shape", "host", "expected"), TABLE)
def test_plans(shape: Shape, host: str, expected: dict[str, Any]) -> None:
    made = plan(shape, Settings(), HOSTS[host])
    assert {name: getattr(made, name) for name in expected} == expected
    given_up = made.max_length is not None or made.dtype != "auto"
    assert bool(made.reasons) == given_up, "whatever is given up is said"


@pytest.mark.parametrize(
    ("shape", "host"), [(SEVENTY, "1x24"), (SEVENTY, "1x80"), (LATENT, "8x80"), (SEVENTY, "cpu"), (PACKED, "1x24")]
)
def test_what_does_not_fit_is_refused_in_numbers(shape: Shape, host: str) -> None:
    with pytest.raises(DoesNotFit, match=rf"{shape.name} needs .* GB .*(GPUs|machine)"):
        plan(shape, Settings(), HOSTS[host])


def test_what_was_asked_for_is_kept() -> None:
    made = plan(EIGHT, Settings(dtype="float16", max_length=4_096), HOSTS["1x24"])
    assert (made.dtype, made.max_length, made.reasons) == ("float16", 4_096, ())
    with pytest.raises(DoesNotFit, match=r"100,000 tokens"):
        plan(EIGHT, Settings(max_length=100_000), HOSTS["1x24"])
    with pytest.raises(DoesNotFit, match=r"100,000 tokens"):
        plan(EIGHT, Settings(max_length=100_000), HOSTS["cpu with bfloat16"])


def test_quantised_weights_count_as_they_are_and_keep_their_precision() -> None:
    assert plan(PACKED, Settings(dtype="float32"), HOSTS["1x80"]).tensor_parallel_size == 1
    assert plan(replace(SMALL, quantisation="gptq"), Settings(), HOSTS["cpu"]).dtype == "auto"


def test_heads_decide_over_how_many_gpus_a_model_goes() -> None:
    odd = replace(SEVENTY, heads=7)
    with pytest.raises(DoesNotFit, match="divided over 1"):
        plan(odd, Settings(), HOSTS["8x80"])


def test_the_operators_wishes_win_and_are_said() -> None:
    wishes = parsed("tensor_parallel_size=2, memory_share=0.5,max_num_seqs=7,quantisation=fp8,dtype=float16")
    made = plan(EIGHT, Settings(), HOSTS["8x80"], wishes)
    assert (made.tensor_parallel_size, made.memory_share, made.max_num_seqs) == (2, 0.5, 7)
    assert (made.dtype, made.quantisation, made.quantised_here) == ("float16", "fp8", True)
    assert made.reasons[-1].startswith("Set by the operator: tensor_parallel_size 2, memory_share 0.5")
    assert plan(SMALL, Settings(), HOSTS["cpu"], parsed("cache_gib=5")).cache_bytes == 5 * GIB


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour=red", "has no 'colour'"),
        ("max_num_seqs=many", "max_num_seqs is a number"),
        ("max_num_seqs=0", "nothing that a model"),
        ("max_length=-1", "nothing that a model"),
        ("memory_share=1.5", "at most 1"),
        ("dtype", "nothing that a model"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parsed(text)


@pytest.mark.parametrize("host", ["1x24", "2x80", "cpu"])
def test_after_running_out_everything_is_less_and_it_is_said(host: str) -> None:
    before = plan(SMALL, Settings(), HOSTS[host])
    after = lowered(before, SMALL, Settings(), HOSTS[host])
    assert after.max_num_seqs < before.max_num_seqs and after.max_length == 4_096
    assert after.tensor_parallel_size == before.tensor_parallel_size, "nine heads are not divided by two"
    assert after.memory_share < before.memory_share
    assert after.reasons[-1].startswith("The engine ran out of memory and was started again with less: ")
    assert f"max_num_seqs {after.max_num_seqs} instead of {before.max_num_seqs}" in after.reasons[-1]


def test_after_running_out_more_gpus_are_taken_and_an_asked_length_stays() -> None:
    before = plan(EIGHT, Settings(max_length=8_192), HOSTS["2x80"])
    after = lowered(before, EIGHT, Settings(max_length=8_192), HOSTS["2x80"])
    assert (before.tensor_parallel_size, after.tensor_parallel_size) == (1, 2)
    assert after.max_length == 8_192


def test_after_running_out_the_operators_gpus_and_context_stay() -> None:
    """Who keeps a host's other GPUs for something else does not lose them to a model that is too large."""
    wishes = parsed("tensor_parallel_size=1,max_length=8192,max_num_seqs=64")
    before = plan(EIGHT, Settings(), HOSTS["2x80"], wishes)
    after = lowered(before, EIGHT, Settings(), HOSTS["2x80"], wishes)
    assert (after.tensor_parallel_size, after.max_length) == (1, 8_192)
    assert after.max_num_seqs == 16, "of what is left, less"
    assert lowered(before, EIGHT, Settings(), HOSTS["2x80"]).tensor_parallel_size == 2


def test_transformers_gets_the_precision_alone() -> None:
    made = plan(SMALL, Settings(engine="transformers"), HOSTS["cpu"])
    assert made == Plan(dtype="float32", reasons=made.reasons) and "several times slower" in made.reasons[0]


def test_a_checkpoint_that_cannot_be_read_is_planned_for_all_the_same(tmp_path: Path) -> None:
    first, fallback = plans(tmp_path, "org/nothing", Settings(), {})
    assert first.max_length is None and first.dtype == "auto"
    assert fallback.max_num_seqs < first.max_num_seqs


def test_every_number_of_gpus_is_used_before_context_is_given_up() -> None:
    made = plan(SEVENTY, Settings(), HOSTS["8x80"])
    assert made.max_length is None and made.tensor_parallel_size == 4
