from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.contract import (
    ClaimRequest,
    ContractError,
    Heartbeat,
    Sample,
    Settings,
    canonical_json,
    decode,
    encode,
    item_hash,
    settings_digest,
    spelled,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def test_a_body_survives_the_wire() -> None:
    beat = Heartbeat(attempt=1, phase="loading", done=3, total=7, log="line")
    assert decode(encode(beat), Heartbeat) == beat


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"worker": "w", "queues": ["cpu"], "engines": ["vllm"], "colour": 1}', "colour"),
        ('{"worker": "w", "queues": ["tpu"], "engines": ["vllm"]}', "tpu"),
        ('{"queues": ["cpu"], "engines": ["vllm"]}', "worker"),
        ("{", "truncated"),
        (b"\xff", "malformed"),
        ("[" * 200_000, "array"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_place(body: Any, said: str) -> None:
    with pytest.raises(ContractError, match=r"(?i)" + said):
        decode(body, ClaimRequest)


def test_deep_nesting_is_refused_where_anything_goes() -> None:
    with pytest.raises(ContractError, match="nested too deeply"):
        decode("[" * 200_000, Any)


def test_settings_are_equal_exactly_when_their_digests_are() -> None:
    assert settings_digest(Settings()) == settings_digest(Settings(engine="vllm"))
    assert settings_digest(Settings()) != settings_digest(Settings(dtype="float32"))
    assert settings_digest(Settings()) != settings_digest(Settings(thinking=False))


@pytest.mark.parametrize(
    ("settings", "digest"),
    [
        (Settings(), "778a1b94d8c2771d3474111a2ad52c481302f72d86007d7609ad570e1c049ecd"),
        (
            Settings(dtype="float32", apply_chat_template=True),
            "22eb0c0af7805e63c796635880487268bfefbd979db0dda2426957d0312adaff",
        ),
    ],
)
def test_the_first_editions_settings_are_known_again(settings: Settings, digest: str) -> None:
    """Stored digests tell equal submissions apart from others: what is added later must not change these."""
    assert settings_digest(settings) == digest


def test_settings_are_spelled_out_as_they_were_and_later_ones_where_they_say_something() -> None:
    assert spelled(Settings()) == {
        "engine": "vllm", "dtype": "auto", "apply_chat_template": False, "max_length": None,
    }  # fmt: skip
    assert spelled(Settings(thinking=True, dtype="float32")) == {
        "engine": "vllm", "dtype": "float32", "apply_chat_template": False, "max_length": None, "thinking": True,
    }  # fmt: skip


def test_what_ends_a_thought() -> None:
    assert Settings().end_of_thought == Settings(thinking=False).end_of_thought == ""
    assert Settings(thinking=True).end_of_thought == "</think>"
    assert Settings(think_end="[/THINK]").end_of_thought == Settings(thinking=True, think_end="[/THINK]").end_of_thought


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_the_order_of_keys_does_not_change_an_item(doc: dict[str, Any]) -> None:
    turned = dict(reversed(doc.items()))
    assert item_hash("task", doc, "a") == item_hash("task", turned, "a")
    assert item_hash("task", doc, "a") != item_hash("other", doc, "a")
    assert item_hash("task", doc, "a") != item_hash("task", doc, "b")


def test_an_items_hash_never_changes() -> None:
    """Stored hashes pair results of different years: this value is a promise."""
    found = item_hash("arc_easy", {"question": "Why?", "choices": ["a", "b"]}, 1)
    assert found == "6db70842e6b852bbc5d19c81baa3585c543e46be0fe20f036ac33e29d4c0723b"


def test_lone_surrogates_are_hashed_and_not_lost() -> None:
    assert canonical_json("\ud800") == b'"\\ud800"'


def test_a_sample_keeps_its_text() -> None:
    sample = Sample(
        task="t", doc_id=1, item_hash="0" * 64, target="é\x00", prompts=("p",), responses=("r",), answers={}, scores={}
    )
    assert decode(encode(sample), Sample) == sample
