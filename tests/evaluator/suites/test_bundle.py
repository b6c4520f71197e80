"""Archives of task files: the same bytes everywhere, and read as if a stranger had made them."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from evaluator import suites
from evaluator.suites import bundle

TASK = (
    b"task: toy\ndataset_path: json\ndataset_kwargs: {data_files: {test: toy.jsonl}}\ntest_split: test\n"
    b"doc_to_text: '{{q}}'\ndoc_to_target: '{{a}}'\nmetric_list: [{metric: exact_match}]\n"
)
FILES = {"toy.yaml": TASK, "toy.jsonl": b'{"q": "1 + 1 =", "a": "2"}\n'}


def archive(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for entry, data in entries:
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_round_trip(tmp_path: Path) -> None:
    suites.unpack(suites.pack(FILES), tmp_path / "new" / "tasks")
    found = {path.name: path.read_bytes() for path in (tmp_path / "new" / "tasks").iterdir()}
    assert found == FILES
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tasks"], "nothing is left beside it"


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    packed = []
    for number, name in enumerate(("one", "two")):
        folder = tmp_path / name / "toy@1"
        folder.mkdir(parents=True)
        for file in sorted(FILES, reverse=bool(number)):
            (folder / file).write_bytes(FILES[file])
            (folder / file).chmod(0o600 + number)
            os.utime(folder / file, (number, number))
        suite = tmp_path / name / "toy@1.yaml"
        suite.write_text("{name: toy, version: 1, title: T, files: toy@1, tasks: [{task: toy, title: T, metric: acc}]}")
        packed.append(suites.load(suite))
    assert packed[0] == packed[1]


def test_any_tar_reads_it() -> None:
    """Several blocks of 65,535 bytes, the most that one of gzip's can hold."""
    files = FILES | {"long.jsonl": b'{"q": "' + b"x" * 200_000 + b'"}\n'}
    data = suites.pack(files)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        assert tar.getnames() == sorted(files)
        assert {(member.mtime, member.uid, member.gid, member.mode) for member in tar} == {(0, 0, 0, 0o644)}
    assert bundle.read(data) == files


def test_task_files_are_checked_on_the_way_in_and_out(tmp_path: Path) -> None:
    bad = FILES | {"toy.yaml": TASK + b"process_results: !function code.run\n"}
    with pytest.raises(suites.SuiteError, match="line 8: the tag !function"):
        suites.pack(bad)
    with pytest.raises(suites.SuiteError, match="line 8: the tag !function"):
        suites.unpack(archive(*((entry(name), data) for name, data in bad.items())), tmp_path / "tasks")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("stray", "said"),
    [
        (entry("/tmp/evil.jsonl"), "not allowed as a file name"),
        (entry("../evil.jsonl"), "not allowed as a file name"),
        (entry("a/../../evil.jsonl"), "not allowed as a file name"),
        (entry("./evil.jsonl"), "not allowed as a file name"),
        (entry("a//evil.jsonl"), "not allowed as a file name"),
        (entry(".hidden.jsonl"), "not allowed as a file name"),
        (entry("evil\n.jsonl"), "not allowed as a file name"),
        (entry("code.py"), "only .yaml and .jsonl"),
        (entry("toy.jsonl"), "twice"),
        (entry("folder", tarfile.DIRTYPE), "not a plain file"),
        (entry("link.jsonl", tarfile.SYMTYPE, "/etc/passwd"), "not a plain file"),
        (entry("link.jsonl", tarfile.LNKTYPE, "toy.jsonl"), "not a plain file"),
        (entry("pipe.jsonl", tarfile.FIFOTYPE), "not a plain file"),
        (entry("null.jsonl", tarfile.CHRTYPE), "not a plain file"),
    ],
    ids=lambda value: value.name if isinstance(value, tarfile.TarInfo) else "",
)
def test_unsafe_archives_are_refused(tmp_path: Path, stray: tarfile.TarInfo, said: str) -> None:
    good = [(entry(name), data) for name, data in FILES.items()]
    data = b"" if stray.type != tarfile.REGTYPE else FILES["toy.jsonl"]
    with pytest.raises(suites.SuiteError, match=said):
        suites.unpack(archive(*good, (stray, data)), tmp_path / "tasks")
    assert not list(tmp_path.iterdir()), "nothing is written"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"no archive",
        lambda data: b"",
        lambda data: data[:-9],
        lambda data: data + data,
        lambda data: data[:600] + b"\xff" + data[601:],
        lambda data: gzip.compress(b"no tar" * 1000),
    ],
    ids=["text", "empty", "cut", "doubled", "flipped", "no tar"],
)
def test_damaged_archives_are_refused(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(suites.SuiteError, match="Pack it again"):
        suites.unpack(spoil(suites.pack(FILES)), tmp_path / "tasks")
    assert not list(tmp_path.iterdir())


def test_a_small_archive_of_a_huge_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert bundle.LIMIT == 200 * 1024 * 1024
    monkeypatch.setattr(bundle, "LIMIT", 1_000_000)
    bomb = archive(*((entry(name), data) for name, data in FILES.items()), (entry("big.jsonl"), b" " * 1_000_001))
    assert len(bomb) < 3000
    with pytest.raises(suites.SuiteError, match="more than 1000000 bytes"):
        suites.unpack(bomb, tmp_path / "tasks")
    with pytest.raises(suites.SuiteError, match="at most 1000000"):
        suites.pack(FILES | {"big.jsonl": b'{"q": "' + b"x" * 1_000_000 + b'"}'})


def test_a_path_too_long_for_tar_is_refused() -> None:
    with pytest.raises(suites.SuiteError, match="too long"):
        suites.pack(FILES | {"x" * 300 + ".jsonl": FILES["toy.jsonl"]})


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(FileExistsError, match="not empty"):
        suites.unpack(suites.pack(FILES), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


@pytest.mark.parametrize(
    ("written", "anchored"),
    [
        ("toy.jsonl", ["{}/toy.jsonl"]),
        (["toy.jsonl", "b.jsonl"], ["{}/toy.jsonl", "{}/b.jsonl"]),
        ({"test": "toy.jsonl", "train": ["b.jsonl"]}, {"test": ["{}/toy.jsonl"], "train": ["{}/b.jsonl"]}),
    ],
    ids=["one", "several", "splits"],
)
@pytest.mark.parametrize("folder", ["", "deep/"])
def test_anchored_data_paths_are_absolute(tmp_path: Path, written: object, anchored: object, folder: str) -> None:
    task = yaml.safe_load(TASK) | {"dataset_kwargs": {"data_files": written}, "description": "Größe"}
    files = {"toy.yaml": yaml.safe_dump(task).encode(), "toy.jsonl": FILES["toy.jsonl"], "b.jsonl": FILES["toy.jsonl"]}
    suites.unpack(suites.pack({folder + name: data for name, data in files.items()}), tmp_path / "tasks")
    suites.anchor(tmp_path / "tasks")
    found = yaml.safe_load((tmp_path / "tasks" / folder / "toy.yaml").read_text(encoding="utf-8"))
    place = str(tmp_path / "tasks" / folder).rstrip("/")
    expected = yaml.safe_load(yaml.safe_dump(anchored).replace("{}", place))
    assert found == task | {"dataset_kwargs": {"data_files": expected}}
