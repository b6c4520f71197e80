"""A chunk is read as a whole, in little memory, before anything of it is stored."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from evaluator.contract import CHUNK_SAMPLES, SAMPLE_BYTES, encode_sample
from leaderboard import chunks
from tests import samples
from tests.environment import ROOT

LIMIT = 256 * 2**20
LINE = encode_sample(samples.sample()) + b"\n"
GOOD = gzip.compress(LINE)

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
from pathlib import Path
import django
django.setup()
from leaderboard import chunks
body = Path(sys.argv[1]).read_bytes()
def peak():  # of this program alone: ru_maxrss begins with that of the one that started it
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
before = peak()
try:
    chunks.tally(body, ["alpha"], limit=256 * 2**20)
except chunks.Unreadable as error:
    print(type(error).__name__, peak() - before)
"""


def test_a_chunk_is_counted_by_task() -> None:
    body = samples.packed(
        [samples.sample("alpha"), samples.sample("leaf", suite_task="beta"), samples.sample("gamma"), samples.sample()]
    )
    assert chunks.tally(body, ["alpha", "beta", "delta"], limit=LIMIT) == (4, {"alpha": 2, "beta": 1}, {})


def test_members_and_a_missing_last_newline_are_fine() -> None:
    assert chunks.tally(GOOD + gzip.compress(LINE.rstrip()), ["alpha"], limit=LIMIT) == (2, {"alpha": 2}, {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        LINE,
        GOOD[:-1],
        GOOD[:-9],
        GOOD[:12],
        GOOD + b"garbage",
        GOOD[:-8] + b"\x00" * 8,
        gzip.compress(b""),
        gzip.compress(b"\n"),
        gzip.compress(LINE + b"\n" + LINE),
        gzip.compress(b"{}\n"),
        gzip.compress(b"\xff\n"),
        gzip.compress(b"[" * 100_000 + b"]" * 100_000),
        gzip.compress(LINE + b'{"task": "' + b'[{"' * 100_000),
        gzip.compress(LINE.replace(b'"doc_id":0', b'"doc_id":' + b"9" * 10_000)),
    ],
    ids=[
        "nothing", "garbage", "not packed", "cut in the length", "cut in the checksum", "cut", "trailing garbage",
        "wrong checksum", "no samples", "an empty line", "an empty line between", "no sample", "no UTF-8", "nested",
        "unclosed", "an enormous number",
    ],
)  # fmt: skip
def test_what_is_not_samples_is_unreadable(body: bytes) -> None:
    with pytest.raises(chunks.Unreadable) as refusal:
        chunks.tally(body, ["alpha"], limit=LIMIT)
    assert not isinstance(refusal.value, chunks.TooLarge)
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"x" * (SAMPLE_BYTES + 1)),
        gzip.compress(LINE * 1000),
        gzip.compress(LINE * (CHUNK_SAMPLES + 1)),
        gzip.compress(b"") * 1_000_000,
    ],
    ids=["a line", "all of it", "samples", "members"],
)
def test_what_is_too_large_is_not_read_to_its_end(body: bytes) -> None:
    with pytest.raises(chunks.TooLarge):
        chunks.tally(body, ["alpha"], limit=LIMIT if len(body) > 10_000 else len(LINE) * 500)


def bomb(kind: str) -> bytes:
    """A few MB, or KB, that unpack to 10 GB, or to what takes hundreds of MB as objects."""
    if kind == "zeros":
        return gzip.compress(bytes(64 * 2**20)) * 160
    if kind == "lists":
        return gzip.compress(b"[" + b"[]," * 5_500_000 + b"[]]\n")
    head = LINE[: LINE.index(b'"scores"')] + b'"scores":{'
    return gzip.compress(head + b",".join(b'"%x":{}' % number for number in range(1_200_000)) + b"}}\n")


@pytest.mark.parametrize(("kind", "answer"), [("zeros", "TooLarge"), ("lists", "Unreadable"), ("names", "Unreadable")])
def test_a_bomb_does_not_go_off(tmp_path: Path, kind: str, answer: str) -> None:
    body = bomb(kind)
    (tmp_path / "bomb").write_bytes(body)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "bomb")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    said, kilobytes = done.stdout.split()
    print(f"{kind}: {len(body) / 2**20:.2f} MB, refused as {said}, peak memory grew by {int(kilobytes) / 1024:.1f} MB")
    assert said == answer
    assert int(kilobytes) < 50 * 1024
