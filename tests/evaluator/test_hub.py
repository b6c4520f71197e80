"""Pinning and fetching: the real huggingface_hub against a Hub on loopback (fake_hub.py)."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants

from evaluator import hub
from tests.evaluator.fake_hub import OLD_SHA, SHA, FakeHub, Repo, dumped, safetensors, tiny_model

NAME = "org/tiny-1.0"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """A Hub with one model, and a client that has no proxy, no saved files and no connections of other tests."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "saved"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    huggingface_hub.close_session()
    with FakeHub() as server:
        server.repos[NAME] = Repo()
        yield server
        huggingface_hub.close_session()


def pin(fake: FakeHub, name: str = NAME, revision: str = "main", **how: Any) -> hub.PinnedModel:
    return hub.pin(name, revision, **{"mirrors": (), "token": None, "endpoint": fake.url, "timeout": 5} | how)


def refusal(fake: FakeHub, name: str = NAME, revision: str = "main", **how: Any) -> hub.HubError:
    with pytest.raises(hub.HubError) as caught:
        pin(fake, name, revision, **how)
    assert str(caught.value) == caught.value.message
    return caught.value


# --- Pinning


def test_a_model_is_pinned_and_described(fake: FakeHub) -> None:
    fake.repos[NAME].about = {
        "createdAt": "2025-03-01T10:00:00.000Z",
        "cardData": {"license": "other", "license_name": "tiny-1", "base_model": ["org/base", "org/second"]},
        "pipeline_tag": "text-generation",
        "tags": ["safetensors"],
    }
    assert pin(fake) == hub.PinnedModel(
        name=NAME,
        sha=SHA,
        source="hub",
        folder=None,
        licence="tiny-1",
        parameters=10,
        active_parameters=10,
        architecture="LlamaForCausalLM",
        model_type="llama",
        context_length=2048,
        dtype="bfloat16",
        chat_template=True,
        gated=False,
        size_bytes=len(tiny_model()["model.safetensors"]),
        base_model="org/base",
        modalities=("text",),
        created="2025-03-01",
        needs_remote_code=False,
    )


@pytest.mark.parametrize(("revision", "sha"), [("main", SHA), ("v1/old", OLD_SHA), (OLD_SHA, OLD_SHA)])
def test_branch_tag_and_commit_end_in_a_commit(fake: FakeHub, revision: str, sha: str) -> None:
    assert pin(fake, revision=revision).sha == sha
    assert all(f"/resolve/{sha}/" in seen.path for seen in fake.seen if "/resolve/" in seen.path)


def test_an_unknown_revision_is_named(fake: FakeHub) -> None:
    error = refusal(fake, revision="v9")
    assert error.code == "revision_not_found"
    assert NAME in error.message
    assert "v9" in error.message


def test_a_renamed_model_gets_its_new_name(fake: FakeHub) -> None:
    fake.moved["old/name"] = NAME
    assert pin(fake, "old/name").name == NAME


def test_headers_are_read_without_the_weights(fake: FakeHub) -> None:
    long = safetensors({"a.weight": ("F32", (100, 1000))}, padding=150_000)
    fake.repos[NAME].files["model.safetensors"] = long
    assert pin(fake).parameters == 100_000
    ranges = [seen.range for seen in fake.seen if seen.path.endswith("model.safetensors")]
    assert len(ranges) == 2
    assert all(text.startswith("bytes=") for text in ranges)
    assert all(int(text.rpartition("-")[2]) < len(long) - 100_000 for text in ranges)


def test_shards_are_added_up_by_their_index(fake: FakeHub) -> None:
    files = fake.repos[NAME].files
    del files["model.safetensors"]
    for number in (1, 2, 3):
        files[f"model-{number}.safetensors"] = safetensors({f"layer.{number}": ("BF16", (number, 10))})
    files["consolidated.safetensors"] = safetensors({"layer": ("BF16", (60,))})
    index = {f"layer.{number}": f"model-{number}.safetensors" for number in (1, 2, 3)}
    files["model.safetensors.index.json"] = dumped({"weight_map": index})
    pinned = pin(fake)
    assert pinned.parameters == 60
    assert pinned.size_bytes == sum(len(files[file]) for file in index.values())
    assert not any("consolidated" in seen.path for seen in fake.seen)


def test_weights_may_have_any_name_but_that_of_mistrals_own_format(fake: FakeHub) -> None:
    files = fake.repos[NAME].files
    files["consolidated.safetensors"] = files["weights-a.safetensors"] = files.pop("model.safetensors")
    assert pin(fake).size_bytes == len(files["weights-a.safetensors"])
    del files["weights-a.safetensors"]
    assert refusal(fake).code == "no_safetensors"


@pytest.mark.parametrize("weight_map", [{"a": "../../etc/passwd"}, {"a": "gone.safetensors"}, {}, None, {"a": 1}])
def test_an_index_names_files_of_the_repository(fake: FakeHub, weight_map: object) -> None:
    del fake.repos[NAME].files["model.safetensors"]
    fake.repos[NAME].files["model.safetensors.index.json"] = dumped({"weight_map": weight_map})
    assert refusal(fake).code == "bad_weights"
    assert not any("etc" in seen.path or "gone" in seen.path for seen in fake.seen)


@pytest.mark.parametrize(
    ("file", "data", "code"),
    [
        ("config.json", None, "no_config"),
        ("config.json", b"{", "bad_json"),
        ("config.json", b"[" * 100_000, "bad_json"),
        ("config.json", b"[]", "bad_json"),
        ("model.safetensors", None, "no_safetensors"),
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "bad_weights"),
        ("model.safetensors", b"\x02\0\0\0\0\0\0\0[]", "bad_weights"),
        ("model.safetensors", b"", "bad_weights"),
        ("model.safetensors", safetensors({}).replace(b'"__metadata__"', b'"tensor"      '), "bad_weights"),
    ],
)
def test_broken_repositories_are_refused(fake: FakeHub, file: str, data: bytes | None, code: str) -> None:
    if data is None:
        del fake.repos[NAME].files[file]
        fake.repos[NAME].files["pytorch_model.bin"] = b"pickle"
        fake.repos[NAME].files["original/model.safetensors"] = b"a copy in a folder"
    else:
        fake.repos[NAME].files[file] = data
    error = refusal(fake)
    assert error.code == code
    assert NAME in error.message


def test_large_json_is_not_read(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MAX_JSON", 20)
    assert refusal(fake).code == "bad_json"
    assert not any("resolve" in seen.path for seen in fake.seen)


# --- Access


def test_a_missing_model_names_every_place(fake: FakeHub, tmp_path: Path) -> None:
    mirrors = (tmp_path / "one", tmp_path / "two")
    for token, hint in ((None, "this site has no HF_TOKEN"), ("hf_x", "does not show it")):
        error = refusal(fake, "org/none", mirrors=mirrors, token=token)
        assert error.code == "model_not_found"
        assert fake.url in error.message
        assert hint in error.message
        assert all(str(mirror / "models/org/none") in error.message for mirror in mirrors)
    assert "PARITY_HUB_MIRROR" in refusal(fake, "org/none").message


def test_a_401_with_the_error_code_is_a_missing_model_too(fake: FakeHub) -> None:
    fake.fail("/revision/main", 401, {"X-Error-Code": "RepoNotFound"})
    assert refusal(fake).code == "model_not_found"


def test_a_private_model_needs_its_token(fake: FakeHub) -> None:
    fake.repos[NAME] = Repo(private=True, readers=("hf_mine",))
    assert refusal(fake).code == "model_not_found"
    assert pin(fake, token="hf_mine").sha == SHA
    assert {seen.token for seen in fake.seen} == {"", "hf_mine"}


def test_a_gated_model_says_whose_access_is_missing(fake: FakeHub) -> None:
    fake.repos[NAME] = Repo(gated=True, readers=("hf_granted",))
    for token, whose in ((None, "has no HF_TOKEN"), ("hf_other", "operator's HF_TOKEN has no access")):
        error = refusal(fake, token=token)
        assert error.code == "gated"
        assert whose in error.message
        assert "hf_other" not in error.message
    assert pin(fake, token="hf_granted").gated


def test_a_saved_token_is_never_sent(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    pin(fake)
    assert {seen.token for seen in fake.seen} == {""}


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        (401, {"X-Error-Message": "Invalid credentials in Authorization header"}, "token_refused"),
        (403, {"X-Error-Message": "Your token lacks a permission"}, "gated"),
        (404, {}, "model_not_found"),
        (408, {}, "hub_unreachable"),
        (429, {"RateLimit": '"api";r=0;t=55'}, "hub_unreachable"),
        (500, {}, "hub_unreachable"),
        (503, {}, "hub_unreachable"),
        (400, {}, "hub_answer"),
        (418, {}, "hub_answer"),
        (307, {"Location": "/api/models/org/tiny-1.0/revision/main"}, "hub_answer"),
    ],
)
def test_statuses_have_one_meaning(fake: FakeHub, status: int, headers: dict[str, str], code: str) -> None:
    fake.fail("/revision/main", status, headers)
    assert refusal(fake, token="hf_x").code == code


@pytest.mark.parametrize(
    "body",
    [b"<html>log in to the network</html>", b"{}", b"[]", dumped({"id": NAME, "sha": "main"}),
     dumped({"id": "../x", "sha": SHA}), dumped({"id": NAME, "sha": None})],
)  # fmt: skip
def test_what_is_no_description_is_reported(fake: FakeHub, body: bytes) -> None:
    fake.fail("/revision/main", 200, body=body)
    assert refusal(fake).code == "hub_answer"


@pytest.mark.parametrize("path", ["/revision/main", "/config.json", "/model.safetensors"])
def test_a_hub_that_hangs_is_given_up(fake: FakeHub, path: str) -> None:
    fake.hangs_on = path
    error = refusal(fake, timeout=0.1)
    assert error.code == "hub_unreachable"
    assert "ReadTimeout" in error.message


def test_a_hub_that_is_not_there_is_unreachable(fake: FakeHub, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    error = refusal(fake, endpoint=f"http://127.0.0.1:{port}", mirrors=(tmp_path,))
    assert error.code == "hub_unreachable"
    assert str(tmp_path / "models" / NAME) in error.message


def test_offline_mode_asks_nobody(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    error = refusal(fake)
    assert error.code == "hub_unreachable"
    assert "HF_HUB_OFFLINE" in error.message
    assert fake.seen == []


# --- Downloading


def fetch(fake: FakeHub, target: Path, **how: Any) -> Path:
    return hub.download(NAME, SHA, **{"token": None, "target": target, "endpoint": fake.url, "timeout": 5} | how)


def test_only_what_an_engine_may_load_is_downloaded(fake: FakeHub, tmp_path: Path) -> None:
    wanted = set(fake.repos[NAME].files)
    unwanted = ["pytorch_model.bin", "model.pt", "modeling_tiny.py", "tiny.gguf", "consolidated.safetensors",
                "original/model.safetensors", "../escape.json", ".hidden.json", "README.md", "notes.txt"]  # fmt: skip
    fake.repos[NAME].files |= dict.fromkeys(unwanted, b"x")
    more = ["vocab.txt", "merges.txt", "tokenizer.model", "chat_template.jinja", "vocab.json"]
    fake.repos[NAME].files |= dict.fromkeys(more, b"{}")
    folder = fetch(fake, tmp_path)
    assert folder == tmp_path / NAME / SHA
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == wanted | set(more)
    assert (folder / "model.safetensors").read_bytes() == tiny_model()["model.safetensors"]


def test_a_complete_download_asks_nobody(fake: FakeHub, tmp_path: Path) -> None:
    folder = fetch(fake, tmp_path)
    fake.seen.clear()
    assert fetch(fake, tmp_path) == folder
    assert fake.seen == []
    (folder / "model.safetensors").unlink()
    fetch(fake, tmp_path)
    assert [seen.path.rpartition("/")[2] for seen in fake.seen if seen.method == "GET" and "resolve" in seen.path] == [
        "config.json", "model.safetensors"
    ]  # fmt: skip


def test_an_interrupted_download_is_not_taken_for_whole(
    fake: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=lambda seconds: None))
    fake.fail("/model.safetensors", 503)
    with pytest.raises(hub.HubError) as caught:
        fetch(fake, tmp_path)
    assert caught.value.code == "hub_unreachable"
    fake.failures.clear()
    assert (fetch(fake, tmp_path) / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"private": True}, "model_not_found"),
        ({"gated": True}, "gated"),
        ({"revisions": {"main": OLD_SHA}}, "revision_not_found"),
        ({"files": {"config.json": b"{}"}}, "no_safetensors"),
        ({"files": {"model.safetensors": b""}}, "no_config"),
    ],
)
def test_downloads_are_refused_as_pins_are(fake: FakeHub, tmp_path: Path, change: dict[str, Any], code: str) -> None:
    fake.repos[NAME] = Repo(**change)
    with pytest.raises(hub.HubError) as caught:
        fetch(fake, tmp_path)
    assert caught.value.code == code


def test_the_token_opens_a_gated_download(fake: FakeHub, tmp_path: Path) -> None:
    fake.repos[NAME] = Repo(gated=True, readers=("hf_granted",))
    assert (fetch(fake, tmp_path, token="hf_granted") / "model.safetensors").is_file()


def test_a_full_disk_is_no_fault_of_the_hub(fake: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*args: object, **how: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", no_room)
    with pytest.raises(hub.HubError, match="No space left") as caught:
        fetch(fake, tmp_path)
    assert caught.value.code == "download_failed"


def test_a_branch_is_not_downloaded(fake: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(hub.HubError, match="not a pinned revision"):
        hub.download(NAME, "main", token=None, target=tmp_path, endpoint=fake.url)
    assert fake.seen == []
