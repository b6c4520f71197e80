import re
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from evaluator.contract import FIRST_SETTINGS, Heartbeat, Settings
from leaderboard.models import Event, Submission
from leaderboard.queries.submissions import Progress
from leaderboard.statistics.waiting import Accuracy
from leaderboard.templatetags import words
from leaderboard.templatetags.words import ago, model_url, organisation, pairs, phase, sentence, short_name, until

CHAT = {"engine": "vllm", "dtype": "bfloat16", "apply_chat_template": True, "max_length": 4096}


def test_every_state_and_every_phase_is_explained() -> None:
    assert set(words.STATES) == set(Submission.State.values)
    assert set(words.PHASES) - {""} == set(Heartbeat.__annotations__["phase"].__args__)
    assert all(sentence(state).endswith(".") for state in Submission.State.values)


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (Progress(0, 0, ""), "Starting"),
        (Progress(0, 0, "loading"), "Loading the model"),
        (Progress(120, 5000, "evaluating"), "Evaluating 120 of 5,000 items"),
        (Progress(120, 1250, "evaluating", about=True), "Evaluating 120 of about 1,250 items"),
        (Progress(0, 0, "evaluating"), "Evaluating"),
        (Progress(1, 2, "juggling"), "Running"),
    ],
)
def test_a_phase_in_words(progress: Progress, said: str) -> None:
    assert phase(progress) == said


def test_settings_in_words() -> None:
    assert words.settings_words(CHAT) == "vLLM, bfloat16, chat template, at most 4,096 tokens"
    assert words.settings_short(CHAT) == "vLLM bf16 chat 4096"
    plain = {"engine": "transformers", "dtype": "auto", "apply_chat_template": False, "max_length": None}
    assert words.settings_words(plain) == words.settings_short(plain) == "Transformers"
    assert set(plain) == set(FIRST_SETTINGS)


def test_thinking_in_words() -> None:
    told = {**CHAT, "max_length": None, "thinking": True, "thinking_tokens": 8192}
    assert words.settings_words(told) == "vLLM, bfloat16, chat template, thinking, 8,192 tokens for thinking"
    assert words.settings_short(told) == "vLLM bf16 chat thinks"
    assert words.thinking_words({"thinking": False}) == ["no thinking"]
    assert words.thinking_words({"think_end": "</think>"}) == ["thoughts cut off"]
    assert words.thinking_words({}) == []
    later = set(Settings.__struct_fields__) - set(FIRST_SETTINGS)
    assert later == {"thinking", "think_end", "thinking_tokens"}, "these have words"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "a few seconds"), (9, "a few seconds"), (10, "about 10 s"), (44, "about 40 s"), (94, "about 90 s"),
        (95, "about 2 min"), (240, "about 4 min"), (5_600, "about 93 min"), (5_700, "about 2 h"),
        (100_000, "about 28 h"), (200_000, "about 2 days"), (1e9, "about 11574 days"),
    ],
)  # fmt: skip
def test_an_estimate_is_no_more_exact_than_it_is_known(seconds: float, said: str) -> None:
    assert words.roughly(seconds) == said


@pytest.mark.parametrize(
    ("speed", "said"),
    [(3.21, "3.2 items/s"), (1234.5, "1,234 items/s"), (0.5, "0.5 items/s"), (0.1, "10 s an item"),
     (0.0005, "2,000 s an item")],
)  # fmt: skip
def test_speeds_in_words(speed: float, said: str) -> None:
    assert words.speed(speed) == said


def test_how_far_predictions_were_off_in_words() -> None:
    assert "nobody knows" in words.off_by(None)
    assert words.off_by(Accuracy(1, 1, 1, 1)) == "Only 1 earlier prediction came to an end: take it as a guess."
    assert "Only 4 earlier predictions" in words.off_by(Accuracy(1, 1, 1, 4))
    said = words.off_by(Accuracy(0.84, 1.0, 1.62, 87))
    assert "8 of 10 submissions took ×0.8 to ×1.6 of what was said" in said and "(87 of them)" in said
    assert "×1,000" in words.off_by(Accuracy(1, 1, 1000, 9))


@pytest.mark.parametrize(
    ("before", "after", "reason", "step", "because"),
    [
        ("", "validating", "submitted", "Submitted", ""),
        ("validating", "queued", "pinned to " + "a" * 40, "Accepted", "pinned to aaaaaaaa"),
        ("validating", "validating", "hub_unreachable", "Still validating",
         "The Hub cannot be reached; it is tried again"),
        ("queued", "running", "", "Started", ""),
        ("running", "queued", "worker_lost (attempt 2)", "Back in the queue",
         "Its worker stopped answering (attempt 2)"),
        ("running", "failed", "child_died (attempt 1)", "Failed", "Child died (attempt 1)"),
        ("running", "running", "cancellation requested", "Asked to stop", ""),
        ("running", "cancelled", "cancelled by its owner", "Cancelled", "cancelled by its owner"),
        ("running", "failed", "odd_code and more", "Failed", "odd_code and more"),
        ("succeeded", "retracted", "wrong", "Withdrawn", "wrong"),
        ("failed", "failed", "tried again", "Afterwards", "tried again"),
    ],
)  # fmt: skip
def test_what_happened_in_words(before: str, after: str, reason: str, step: str, because: str) -> None:
    event = Event(before=before, after=after, reason=reason)
    assert (words.step(event), words.because(event)) == (step, because)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (8040, "2 h 14 min")]
)
def test_durations_in_words(seconds: int, said: str) -> None:
    start = timezone.now()
    assert until(start, start + timedelta(seconds=seconds)) == said


def test_a_duration_without_an_end_runs_until_now_and_never_backwards() -> None:
    now = timezone.now()
    assert until(now - timedelta(minutes=5), None).startswith("5 min ")
    assert until(now + timedelta(hours=1), None) == "0 s"
    assert until(None, now) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "just now"), (59, "just now"), (61, "1 min ago"), (7_300, "2 h ago"), (200_000, "2 d ago")],
)
def test_moments_in_one_unit(seconds: int, said: str) -> None:
    assert ago(timezone.now() - timedelta(seconds=seconds)) == said


@given(st.text())
def test_a_name_is_its_two_parts(name: str) -> None:
    assert organisation(name) + short_name(name) == name
    assert organisation(name) == "" or organisation(name).endswith("/")


def test_only_one_slash_divides_a_name() -> None:
    assert (organisation("org/model"), short_name("org/model")) == ("org/", "model")
    assert (organisation("a/b/c"), short_name("a/b/c")) == ("", "a/b/c")


@given(st.text(st.characters() | st.sampled_from("/?#.\"'<: ")))
def test_the_address_of_a_model_never_leaves_the_site(name: str) -> None:
    assert re.fullmatch(r"(/models/[^/?#\"<>\s]+(/[^/?#\"<>\s]+)?)?", model_url(name))


@pytest.mark.parametrize("name", ["javascript:alert(1)//x", "//evil.example/x", "", "a/b/c", "/x", "x/"])
def test_what_is_not_a_models_name_has_no_address(name: str) -> None:
    assert model_url(name) == ""


@given(st.none() | st.integers() | st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.integers()))
def test_the_pairs_of_any_stored_json_can_be_shown(value: object) -> None:
    assert all(isinstance(key, str) for key, _ in pairs(value))
    assert len(pairs(value)) == (len(value) if isinstance(value, dict) else 0)
