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
