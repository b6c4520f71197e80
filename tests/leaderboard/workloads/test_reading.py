"""Limits, duplicates, personal data, and whatever bytes somebody sends."""

import io
import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboard.workloads import reading as module
from leaderboard.workloads.formats import NAMES
from leaderboard.workloads.reading import Reading
from leaderboard.workloads.records import CHOICES, KEY, REFERENCES, TAG, TEXT, Mapping
from tests.benchmarks.workload import make
from tests.benchmarks.workload import read as timed
from tests.leaderboard.workloads.read import jsonl, problem, read


def notes(report: Any) -> list[tuple[int, str, str]]:
    return [(one.line, one.field, one.code) for one in report.notes]


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        ({"prompt": "a" * (TEXT + 1)}, "prompt", "long_text"),
        ({"prompt": "a\x00b"}, "prompt", "nul"),
        ({"prompt": "a", "id": "i" * (KEY + 1)}, "id", "long_id"),
        ({"prompt": "a", "tags": ["t" * (TAG + 1)]}, "tags", "bad_tags"),
        ({"prompt": "a", "reference": ["r"] * (REFERENCES + 1)}, "reference", "many"),
        ({"prompt": "a", "choices": ["r"] * (CHOICES + 1)}, "choices", "many"),
        ({"prompt": "a", "settings": {"temperature": 9}}, "settings.temperature", "bad_settings"),
        ({"prompt": "a", "settings": "hot"}, "settings", "bad_settings"),
        ({"prompt": None, "id": "x"}, "prompt", "empty_prompt"),
    ],
)
def test_limits_name_the_field(row: dict[str, Any], field: str, code: str) -> None:
    assert problem(jsonl([row]))[:3] == (1, field, code)


def test_too_many_items_stop_where_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ITEMS", 50)
    line, _, code, message = problem(jsonl({"prompt": str(n)} for n in range(1_000)))
    assert (line, code) == (51, "too_many")
    assert "Upload a sample" in message


def test_equal_and_nearly_equal_prompts_are_noted() -> None:
    words = [f"word{n}" for n in range(60)]
    first, nearly = " ".join(words), " ".join([*words[:59], "other"])
    rows = [{"prompt": first}, {"prompt": "Something else entirely, of other words than those before it."},
            {"prompt": f"  {first.upper()} "}, {"prompt": nearly}]  # fmt: skip
    items, report = read(jsonl(rows))
    assert report.good and len(items) == 4  # noted, not refused
    assert notes(report) == [(3, "prompt", "duplicate"), (4, "prompt", "near_duplicate")]
    assert "line 1" in report.notes[0].message


def test_prompts_without_spaces_are_compared_by_letters() -> None:
    text = "今日は天気がとても良いので散歩に行きましょうと彼女は言いましたが私は家で本を読みたいと思いました"
    _, report = read(jsonl([{"prompt": text}, {"prompt": f"{text}。"}]))
    assert notes(report) == [(2, "prompt", "near_duplicate")]


SECRETS = {
    "e-mail": ["ada@example.org", "first.last+tag@mail.example.co.uk"],
    "phone": ["+49 170 1234567", "(555) 123-4567", "0044 20 7946 0958", "555-123-4567"],
    "key": ["sk-proj-" + "a1B2" * 8, "ghp_" + "a1B2" * 9, "AKIA" + "ABCD1234" * 2, "hf_" + "a1B2" * 9,
            "-----BEGIN RSA PRIVATE KEY-----", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "secret"), [(kind, one) for kind, all_ in SECRETS.items() for one in all_])
def test_personal_data_are_warned_about_and_masked_everywhere(kind: str, secret: str) -> None:
    row = {"prompt": f"Tell {secret} about it.", "reference": f"({secret})", "completion": secret, "tags": [secret],
           "id": f"of {secret}", "system": f"You are {secret}."}  # fmt: skip
    (item,), report = read(jsonl([row]))
    assert report.good and kind in report.counts
    assert secret in item.prompt
    (item,), report = read(jsonl([row]), mask=True)
    assert secret not in repr(item) and secret not in json.dumps(report.first)
    assert f"Tell [{kind}] about it." in item.prompt
    assert "masked" in report.notes[0].message


@pytest.mark.parametrize(
    "text",
    [
        "What is 12345678901234567890?", "On 2026-11-29 at 10:15:30 it was 3.14159265358979.", "a @ b", "x@y",
        "version 1.2.3-4567", "Compute 1234567 + 7654321", "sk-short", "The key is under the mat.", "10.0.0.1:8080",
        "1 + 1 = 2 and 100 000 000 people",
    ],
)  # fmt: skip
def test_numbers_and_words_are_not_personal(text: str) -> None:
    _, report = read(jsonl([{"prompt": text}]))
    assert notes(report) == []


@pytest.mark.parametrize("text", ["a" * 300_000 + "@", "1 " * 100_000 + "+49", "sk-" + "a-" * 100_000, "@" * 200_000])
def test_no_text_keeps_the_patterns_busy(text: str) -> None:
    begun = time.thread_time()
    _, report = read(jsonl([{"prompt": text}]), mask=True)
    assert time.thread_time() - begun < 2
    assert report.items == 1


@pytest.mark.parametrize("form", NAMES)
@given(body=st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(body=b'{"prompt": "a", "messages": [{"role": "user", "content": [{}]}]}')
@example(body=b"prompts: [a]\ntests: [{vars: 3}, 4]\n")
@example(body=b'"')
@example(body=b"? a\n: b\n")
@example(body=b"tests: {? [a] : b}")
def test_any_bytes_are_items_or_problems(form: str, body: bytes) -> None:
    items, report = read(body, form=form)
    assert report.good == (bool(items) and not report.problems)
    assert report.good or report.problems
    assert all(one.message.strip() and one.line >= 0 for one in report.problems)


@given(st.dictionaries(st.sampled_from(["prompt", "messages", "reference", "tags", "settings", "choices", "id", "x"]),
                       st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
                                    lambda inner: st.lists(inner, max_size=3)
                                    | st.dictionaries(st.text(max_size=5), inner, max_size=3))))  # fmt: skip
def test_any_object_is_an_item_or_a_problem(row: dict[str, Any]) -> None:
    for form in ("jsonl", "openai"):
        items, report = read(json.dumps(row), form=form)
        assert len(items) == report.items
        assert report.good or report.problems


def test_mapping_of_a_column_that_later_lines_lack_is_told_by_line() -> None:
    _, field, code, _ = problem(jsonl([{"q": "a"}, {"r": "b"}]), mapping=Mapping(prompt="q"))
    assert (field, code) == ("q", "empty_prompt")


def test_progress_is_told_in_bytes_and_items() -> None:
    body = jsonl({"prompt": f"number {n}"} for n in range(2_000)).encode()
    told: list[tuple[int, int]] = []
    list(Reading(io.BytesIO(body), progress=lambda done, items: told.append((done, items))))
    assert [items for _, items in told] == [500, 1_000, 1_500, 2_000]
    assert [done for done, _ in told] == sorted({done for done, _ in told}) and told[-1][0] == len(body)


@pytest.mark.slow
def test_reading_is_quick_and_takes_little_memory(tmp_path: Any) -> None:
    """A tenth of `make bench-workload`, in processor time, which others on the machine do not change."""
    make(tmp_path / "prompts.jsonl", 10_000)
    assert timed(tmp_path / "prompts.jsonl")["processor_seconds"] < 2.0
