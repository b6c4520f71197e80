import re
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from evaluator.contract import Heartbeat, Settings
from leaderboard.models import Submission
from leaderboard.queries.submissions import Progress
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
    assert set(plain) == set(Settings.__struct_fields__)


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
