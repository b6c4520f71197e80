import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator import config
from evaluator.journal import SUFFIX, Journal, evict, line, read, tokenizer_digest
from tests.environment import ROOT

WHO = {"revision": "a" * 40, "dtype": "float32"}


def written(folder: Path, count: int = 3) -> Path:
    journal = Journal(folder, WHO)
    for number in range(count):
        journal.record([(f"k{number}", [-number / 7, True])])
    journal.close()
    return journal.path


def test_what_was_recorded_is_there_again(tmp_path: Path) -> None:
    written(tmp_path)
    journal = Journal(tmp_path, WHO)
    assert (journal.found, journal.damaged) == (3, 0)
    assert journal["k2"] == [-2 / 7, True]
    assert "k3" not in journal


def test_another_identity_shares_nothing(tmp_path: Path) -> None:
    written(tmp_path)
    assert Journal(tmp_path, WHO | {"dtype": "bfloat16"}).found == 0


@given(st.text(), st.floats(allow_nan=False))
def test_texts_and_numbers_come_back_exactly(text: str, number: float) -> None:
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"journal-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    path = folder / f"one{SUFFIX}"
    path.write_bytes(line("key", [text + "\ud800\x00", number]))
    assert read(path) == ({"key": [text + "\ud800\x00", number]}, 0, True)
    path.unlink()
    folder.rmdir()


def test_a_corrupt_line_is_skipped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"true", b"tru3") + b"\xff\x00 nothing\n" + lines[2])
    journal = Journal(tmp_path, WHO)
    assert (journal.found, journal.damaged) == (2, 2)
    assert "k1" not in journal
    assert "2 lines" in caplog.text


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_after_a_truncated_line_the_next_one_is_whole(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-cut])
    journal = Journal(tmp_path, WHO)
    journal.record([("k2", "again"), ("k9", "new")])
    journal.close()
    after = Journal(tmp_path, WHO)
    assert after["k9"] == "new"
    assert after["k0"] == [0.0, True]
    assert after.damaged == (0 if cut == 1 else 1)


def test_two_processes_append_to_one_file(tmp_path: Path) -> None:
    one, two = Journal(tmp_path, WHO), Journal(tmp_path, WHO)
    one.record([("a", "x" * 100_000)])
    two.record([("b", "y" * 100_000)])
    one.record([("c", "z")])
    assert Journal(tmp_path, WHO).found == 3


def test_a_full_disk_is_an_error_and_keeps_what_was_done(tmp_path: Path) -> None:
    """A real limit of the kernel, in a process of its own."""
    code = (
        "import sys; from pathlib import Path; from evaluator.journal import Journal\n"
        f"journal = Journal(Path({str(tmp_path)!r}), {json.dumps(WHO)})\n"
        "for number in range(100): journal.record([(f'k{number}', 'x' * 100)])\n"
    )

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, preexec_fn=small, capture_output=True, text=True, check=False
    )
    assert "File too large" in done.stderr
    journal = Journal(tmp_path, WHO)
    assert journal.found == 8
    assert journal.damaged == 1
    journal.record([("after", 1.0)])
    assert Journal(tmp_path, WHO)["after"] == 1.0


def test_the_oldest_go_and_those_in_use_stay(tmp_path: Path) -> None:
    journals = [Journal(tmp_path, {"number": number}) for number in range(4)]
    for age, journal in enumerate(journals):
        journal.record([("k", "x" * 1000)])
        os.utime(journal.path, (1000 + age, 1000 + age))
    for journal in journals[1:]:
        journal.close()
    assert evict(tmp_path, limit=10_000) == []
    assert evict(tmp_path, limit=2_500) == [journals[1].path]
    assert evict(tmp_path, limit=0) == [journals[3].path, journals[2].path]
    assert [path.name for path in tmp_path.iterdir()] == [journals[0].path.name]
    assert evict(tmp_path / "none", limit=0) == []


def test_the_tokenizers_digest_changes_with_its_template(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "model.safetensors").write_text("weights")
    plain = tokenizer_digest(tmp_path)
    (tmp_path / "model.safetensors").write_text("other")
    assert tokenizer_digest(tmp_path) == plain
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    assert tokenizer_digest(tmp_path) != plain


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PARITY_REPLAY", "maybe"), ("PARITY_REPLAY_GB", "-1"),
        ("PARITY_KEEP_ENGINE_SECONDS", "inf"), ("PARITY_WEIGHTS_GB", "much"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv("PARITY_URL", "http://site")
    monkeypatch.setenv("PARITY_WORKER_TOKEN", "t")
    assert (config.from_environment().replay, config.from_environment().replay_bytes) == (True, 10**10)
    monkeypatch.setenv(variable, value)
    with pytest.raises(config.ConfigError, match=variable):
        config.from_environment()
