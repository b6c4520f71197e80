"""Names: whatever passes is two plain folder names, and the Hub's client takes it."""

import pickle

import pytest
from huggingface_hub.utils._validators import validate_repo_id
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator import hub
from evaluator.hub_names import DATASET_ID, check_dataset_id, check_sha
from tests.evaluator.fake_hub import SHA


@settings(deadline=None)
@given(st.text(alphabet="ab-_./,=\n é0", max_size=12))
def test_what_check_id_lets_through_is_one_folder_in_another(text: str) -> None:
    if not hub.HUB_ID.fullmatch(text):
        with pytest.raises(hub.HubError, match="not the name of a model"):
            hub.check_id(text)
        return
    assert hub.check_id(text) == text
    parts = text.split("/")
    assert len(parts) == 2
    for part in parts:
        assert part
        assert part[0] not in "-."
        assert part[-1] not in "-."
    assert not set(text) - set("ab-_./0")
    assert "--" not in text
    assert ".." not in text
    validate_repo_id(text)


@settings(max_examples=30, deadline=None)
@given(st.from_regex(hub.HUB_ID, fullmatch=True))
def test_the_hub_client_accepts_every_name_that_passes(text: str) -> None:
    validate_repo_id(hub.check_id(text))


@pytest.mark.parametrize(
    "text",
    ["a/b,trust_remote_code=True", "../b", "a/..", "a/b/c", "a", "/b", "a/", "a/b\n", "a/b--c", "-a/b", "a/b.",
     "a/b.git", "a/" + "b" * 97, "", "a /b", "a/b?x=1", "a/b\x00", "a/b#c", "a/b@main"],
)  # fmt: skip
def test_other_texts_are_no_models(text: str) -> None:
    with pytest.raises(hub.HubError) as caught:
        hub.pin(text, mirrors=(), token=None)
    assert caught.value.code == "malformed_id"
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("text", ["org/name", "O_o/n.1-b", "_a/b_", "a/" + "b" * 96, "0/1"])
def test_names_are_returned_as_they_are(text: str) -> None:
    assert hub.check_id(text) == text == check_dataset_id(text)


def test_a_dataset_may_lack_an_organisation() -> None:
    assert check_dataset_id("wikitext") == "wikitext"
    assert not DATASET_ID.fullmatch("../wikitext")
    with pytest.raises(hub.HubError, match="not the name of a dataset"):
        check_dataset_id("a/b/c")


@pytest.mark.parametrize("text", ["main", "v1.0", "refs/pr/12", SHA, "release+fp8", "a"])
def test_branches_tags_and_commits_are_revisions(text: str) -> None:
    assert hub.check_revision(text) == text


@pytest.mark.parametrize(
    "text", ["", "-x", "../main", "a..b", "a//b", "main\n", "a b", "a,b", "a/", "a?b", "/a", "x" * 201]
)
def test_other_texts_are_no_revisions(text: str) -> None:
    with pytest.raises(hub.HubError) as caught:
        hub.check_revision(text)
    assert caught.value.code == "malformed_revision"


def test_only_40_lower_case_hex_digits_are_pinned() -> None:
    assert check_sha(SHA) == SHA
    for text in ("main", SHA.upper(), SHA[1:], SHA + "\n"):
        with pytest.raises(hub.HubError, match="not a pinned revision"):
            check_sha(text)


def test_errors_survive_pickling() -> None:
    copy = pickle.loads(pickle.dumps(hub.HubError("gated", "Ask for access.")))
    assert (copy.code, copy.message) == ("gated", "Ask for access.")
