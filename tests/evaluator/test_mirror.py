"""Models and datasets on mirrors: folders in a temporary place, and the real data where it is present."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from evaluator import hub
from evaluator.file_digests import CACHE_FILE, FileDigests
from evaluator.hub_names import DATASET_ID
from tests.evaluator.fake_hub import SHA, tiny_model

NAME = "org/tiny-1.0"
REAL = Path(os.environ.get("PARITY_SHARED", Path(__file__).resolve().parents[2].parent / "shared")) / "hub"


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for file, data in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)
    return folder


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    write(tmp_path / "mirror/models" / NAME, tiny_model())
    return tmp_path / "mirror"


def pin(*mirrors: Path, name: str = NAME, revision: str = "main", cache: Path | None = None) -> hub.PinnedModel:
    return hub.pin(name, revision, mirrors=mirrors, token=None, endpoint="http://127.0.0.1:9", cache=cache)


# --- Digests


def test_the_digest_is_as_documented(tmp_path: Path) -> None:
    write(tmp_path, {"b.json": b"2", "a/c.json": b"1", "é": b"3", ".git/HEAD": b"x", ".hidden": b"x"})
    records = b"".join(
        name.encode() + b"\0" + hashlib.sha256(data).hexdigest().encode() + b"\n"
        for name, data in (("a/c.json", b"1"), ("b.json", b"2"), ("é", b"3"))
    )
    assert hub.digest(tmp_path) == hashlib.sha1(records).hexdigest()


def test_the_digest_sees_content_names_and_nothing_else(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain", {"a": b"1", "b": b"2"})
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "a").symlink_to(plain / "a")
    shutil.copy(plain / "b", linked / "b")
    (linked / "loop").symlink_to(linked)
    (linked / "dangling").symlink_to(tmp_path / "nowhere")
    os.utime(linked / "b", (1, 1))
    assert hub.digest(linked) == hub.digest(plain)
    swapped = write(tmp_path / "swapped", {"a": b"2", "b": b"1"})
    moved = write(tmp_path / "moved", {"a": b"1", "c": b"2"})
    assert len({hub.digest(folder) for folder in (plain, swapped, moved)}) == 3


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose content is read, as it happens."""
    names: list[str] = []
    real: Any = hashlib.file_digest

    def watched(file: Any, kind: str) -> Any:
        names.append(Path(file.name).name)
        return real(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", watched)
    return names


def test_files_are_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = hashed(monkeypatch)
    folder, cache = write(tmp_path / "model", {"a": b"1", "b": b"2"}), tmp_path / "new/cache"
    before = hub.digest(folder, cache=cache)
    assert hub.digest(folder, cache=cache) == before
    assert read == ["a", "b"]
    (folder / "a").write_bytes(b"9")
    os.utime(folder / "a", (1, 1))
    after = hub.digest(folder, cache=cache)
    assert after == hub.digest(folder) != before
    (folder / "b").unlink()
    hub.digest(folder, cache=cache)
    write(folder, {"c": b"3"})
    hub.digest(folder, cache=cache)
    assert [Path(path).name for path in json.loads((cache / CACHE_FILE).read_text())] == ["a", "c"]
    assert [path.name for path in cache.iterdir()] == [CACHE_FILE]


def test_a_change_behind_preserved_times_is_seen(tmp_path: Path) -> None:
    folder, cache = write(tmp_path / "model", {"a": b"1"}), tmp_path / "cache"
    before, state = hub.digest(folder, cache=cache), (folder / "a").stat()
    (folder / "a").write_bytes(b"2")
    os.utime(folder / "a", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert hub.digest(folder, cache=cache) != before


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"PATH": 1}', b'{"PATH": [1, 1, 1, 1, 7]}', b'{"PATH": [1, 1, 1, 1, "zz"]}',
     b'{"PATH": [1, 1, 1, 1, "00"]}', b'{"PATH": ["x", 1, 1, 1, "00"]}', b"[" * 100_000],
)  # fmt: skip
def test_a_corrupt_cache_costs_time_only(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    folder = write(tmp_path / "model", {"a": b"1"})
    cache = write(tmp_path / "cache", {CACHE_FILE: content.replace(b"PATH", str(folder / "a").encode())})
    assert hub.digest(folder, cache=cache) == hub.digest(folder)
    assert "computed again" in caplog.text
    assert str(folder / "a") in json.loads((cache / CACHE_FILE).read_text())


def test_a_cache_that_cannot_be_written_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write(tmp_path / "model", {"a": b"1"})
    write(tmp_path, {"cache": b"a file"})
    assert hub.digest(folder, cache=tmp_path / "cache") == hub.digest(folder)
    assert "not remembered" in caplog.text


# --- Models


def test_a_mirrored_model_is_pinned_to_its_digest(mirror: Path, tmp_path: Path) -> None:
    folder = mirror / "models" / NAME
    card = "---\nlicense: apache-2.0\nbase_model: org/base\npipeline_tag: image-text-to-text\n---\n# Tiny\n"
    write(folder, {"README.md": card.encode(), "pytorch_model.bin": b"x"})
    pinned = pin(mirror, cache=tmp_path / "cache")
    assert (pinned.source, pinned.folder, pinned.sha) == ("mirror", folder, hub.digest(folder))
    assert (pinned.licence, pinned.base_model, pinned.modalities) == ("apache-2.0", "org/base", ("text", "image"))
    assert (pinned.parameters, pinned.dtype, pinned.chat_template) == (10, "bfloat16", True)
    assert (pinned.gated, pinned.created) == (False, None)
    assert pin(mirror, revision=pinned.sha) == pinned


def test_the_first_mirror_that_has_the_model_answers(mirror: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write(other / "models" / NAME, tiny_model() | {"generation_config.json": b"{}"})
    first, second = pin(mirror), pin(other)
    assert pin(tmp_path / "empty", mirror, other) == first
    assert pin(mirror, other, revision=second.sha) == second
    assert hub.locate(NAME, second.sha, mirrors=(mirror, other)) == second.folder
    assert hub.locate(NAME, SHA, mirrors=(mirror, other)) is None
    assert hub.locate("org/none", first.sha, mirrors=(mirror,)) is None


def test_other_revisions_are_not_on_a_mirror(mirror: Path) -> None:
    for revision in ("v1.0", SHA):
        with pytest.raises(hub.HubError) as caught:
            pin(mirror, revision=revision)
        assert caught.value.code == "revision_not_found"
        assert revision in caught.value.message
        assert hub.digest(mirror / "models" / NAME) in caught.value.message


def test_a_linked_model_is_the_same_model(mirror: Path, tmp_path: Path) -> None:
    other = tmp_path / "other/models/org"
    other.mkdir(parents=True)
    (other / "tiny-1.0").symlink_to(mirror / "models" / NAME)
    assert pin(tmp_path / "other").sha == pin(mirror).sha


@pytest.mark.parametrize("name", ["../mirror", "org/..", "../../etc", ".", "org/../../x", "/etc/x"])
def test_a_name_never_leaves_the_mirror(mirror: Path, name: str) -> None:
    write(mirror.parent, {"x/config.json": b"{}"})
    for look in (
        lambda: pin(mirror, name=name),
        lambda: hub.locate(name, SHA, mirrors=(mirror,)),
        lambda: hub.locate_dataset(name, mirrors=(mirror,)),
    ):
        with pytest.raises(hub.HubError) as caught:
            look()
        assert caught.value.code == "malformed_id"


@pytest.mark.parametrize(
    ("file", "data", "code"),
    [
        ("config.json", None, "no_config"),
        ("config.json", b"nonsense", "bad_json"),
        ("model.safetensors", None, "no_safetensors"),
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "bad_weights"),
        ("model.safetensors", b"short", "bad_weights"),
        ("model.safetensors", b'\x21\0\0\0\0\0\0\0{"a":{"dtype":"F32","shape":"abc"}}', "bad_weights"),
    ],
)
def test_a_broken_folder_is_refused(mirror: Path, file: str, data: bytes | None, code: str) -> None:
    path = mirror / "models" / NAME / file
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    with pytest.raises(hub.HubError) as caught:
        pin(mirror)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "card", [b"---\nlicense: [\n---\n", b"---\n- a\n---\n", b"---\nlicense: \xff\n---\n", b"no block"]
)
def test_a_broken_card_costs_the_licence_only(mirror: Path, card: bytes) -> None:
    write(mirror / "models" / NAME, {"README.md": card})
    assert pin(mirror).licence == ""


def test_an_unreadable_mirror_is_named(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(digests: FileDigests, path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(FileDigests, "sha256", broken)
    with pytest.raises(hub.HubError, match="Permission denied") as caught:
        pin(mirror)
    assert caught.value.code == "mirror_unreadable"


def test_mirrors_are_folders(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert hub.mirrors_from("") == ()
    assert hub.mirrors_from(f"{tmp_path}/a::{tmp_path}/b: ") == (tmp_path / "a", tmp_path / "b")
    with pytest.raises(hub.HubError, match="PARITY_HUB_MIRROR") as caught:
        hub.mirrors_from(f"{tmp_path}/a:{tmp_path}/gone")
    assert caught.value.code == "no_mirror"
    assert f"{tmp_path}/gone" in caught.value.message


# --- Datasets


@pytest.fixture
def datasets(tmp_path: Path) -> tuple[Path, Path]:
    one, two = tmp_path / "one", tmp_path / "two"
    write(one / "datasets", {"openai/gsm8k/README.md": b"1", "wikitext/README.md": b"1", "wikitext/v1/x.parquet": b"1"})
    write(two / "datasets", {"openai/gsm8k/README.md": b"2", "openai/humaneval/data/x.parquet": b"2", "MANIFEST": b""})
    return one, two


def tree(folder: Path) -> dict[str, str]:
    """Where the links below a folder point."""
    inside = [Path(where, name) for where, folders, files in os.walk(folder) for name in (*folders, *files)]
    return {str(path.relative_to(folder)): str(path.readlink()) for path in inside if path.is_symlink()}


def test_datasets_are_merged_by_links(datasets: tuple[Path, Path], tmp_path: Path) -> None:
    one, two = datasets
    target = hub.merge_datasets(datasets, tmp_path / "work/datasets")
    expected = {
        "openai/gsm8k": str(one / "datasets/openai/gsm8k"),
        "openai/humaneval": str(two / "datasets/openai/humaneval"),
        "wikitext": str(one / "datasets/wikitext"),
    }
    assert tree(target) == expected
    made = {name: (target / name).lstat() for name in expected}
    assert hub.merge_datasets(datasets, target) == target
    assert all((target / name).lstat().st_ctime_ns == made[name].st_ctime_ns for name in expected)
    for name, folder in expected.items():
        assert hub.locate_dataset(name, mirrors=datasets) == Path(folder)
    assert hub.locate_dataset("openai/none", mirrors=datasets) is None
    assert hub.locate_dataset("wikitext/v1", mirrors=datasets) is None


def test_a_merge_follows_the_mirrors(datasets: tuple[Path, Path], tmp_path: Path) -> None:
    one, two = datasets
    target = hub.merge_datasets((two, one), tmp_path / "target")
    assert (target / "openai/gsm8k/README.md").read_bytes() == b"2"
    write(target, {"openai/mine.txt": b"", "results/x.json": b""})
    (target / "foreign").symlink_to(tmp_path)
    hub.merge_datasets((one,), target)
    assert set(tree(target)) == {"openai/gsm8k", "wikitext", "foreign"}
    shutil.rmtree(one / "datasets")
    write(one / "datasets", {"wikitext/v1/x.parquet": b"1"})  # now the organisation wikitext
    hub.merge_datasets((one,), target)
    assert set(tree(target)) == {"wikitext/v1", "foreign"}
    hub.merge_datasets((), target)
    assert sorted(path.name for path in target.iterdir()) == ["foreign", "openai", "results"]


def test_conflicts_are_refused_and_mirrors_stay_as_they_are(datasets: tuple[Path, Path], tmp_path: Path) -> None:
    one, two = datasets
    for target in (one / "datasets", one / "datasets/inside"):
        with pytest.raises(hub.HubError, match="outside"):
            hub.merge_datasets((one,), target)
    occupied = write(tmp_path / "occupied", {"openai/gsm8k/mine.txt": b""})
    with pytest.raises(hub.HubError, match="in the way"):
        hub.merge_datasets((one,), occupied)
    write(two / "datasets", {"wikitext/v2/x.parquet": b"2"})
    with pytest.raises(hub.HubError, match="organisation") as caught:
        hub.merge_datasets((one, two), tmp_path / "target")
    assert caught.value.code == "mirror_conflict"
    assert not tree(one)
    assert not tree(two)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real mirror of datasets is not at {REAL}")
def test_the_real_mirror_holds_what_its_manifest_lists(tmp_path: Path) -> None:
    real = {f"{path.parent.name}/{path.name}" for path in REAL.glob("datasets/*/*") if path.is_dir()}
    assert "openai/gsm8k" in real
    assert all(DATASET_ID.fullmatch(name) for name in real)
    target = hub.merge_datasets((REAL,), tmp_path / "datasets")
    assert set(tree(target)) == real
    assert any((target / "openai/gsm8k").rglob("*.parquet"))


def test_an_empty_mirror_has_no_datasets(mirror: Path, tmp_path: Path) -> None:
    assert hub.locate_dataset("openai/gsm8k", mirrors=(mirror,)) is None
    assert list(hub.merge_datasets((mirror,), tmp_path / "target").iterdir()) == []
