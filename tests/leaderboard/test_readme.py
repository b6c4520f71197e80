"""README.md: what it tells receivers to do is done, and what it names is there."""

import re
import time
import uuid
from pathlib import Path

import pytest

from leaderboard import messages
from tests.environment import ROOT


@pytest.mark.parametrize(("late", "changed", "expected"), [(0, b"", True), (301, b"", False), (0, b" ", False)])
def test_the_check_by_hand_takes_our_signature_and_no_other(late: int, changed: bytes, expected: bool) -> None:
    program = re.search(r"```python\n(import base64.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert program is not None
    names: dict[str, object] = {}
    exec(program[1], names)
    secret, body = messages.new_secret(), b'{"type": "submission.succeeded"}'
    headers = messages.signed(secret=secret, key=uuid.uuid4(), at=int(time.time()) - late, body=body)
    verified = names["verified"]
    assert callable(verified)
    assert verified(secret, headers, body + changed) is expected
    assert not verified(messages.new_secret(), headers, body)


README = (ROOT / "README.md").read_text()
INSIDE = {"PARITY_WORKER_CHILD"}
"""Variables that only tests set."""


def code() -> str:
    """All of the product's own Python."""
    return "\n".join(
        path.read_text() for folder in ("leaderboard", "evaluator") for path in (ROOT / folder).rglob("*.py")
    )


def test_every_variable_is_read_and_every_one_that_is_read_is_listed() -> None:
    named, source = set(re.findall(r"`((?:PARITY|DATABASE|REDIS|EMAIL|HF)_[A-Z_]+)", README)), code()
    assert {name for name in named if f'"{name}"' not in source} == set()
    assert set(re.findall(r'"(PARITY_[A-Z_]+)"', source)) - named == INSIDE


def test_every_command_target_and_file_is_there() -> None:
    commands = {path.stem for path in (ROOT / "leaderboard" / "management" / "commands").glob("*.py")}
    assert set(re.findall(r"manage\.py ([a-z_]+)", README)) <= commands | {"migrate"}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", README, re.MULTILINE)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert linked and [path for path in linked if not (ROOT / path).exists()] == []


def test_the_map_names_files_that_are_there() -> None:
    tree = README.partition("## Where things are")[2].partition("```")[2].partition("```")[0]
    top = ""
    for line in tree.strip().splitlines():
        names = re.match(r"( *)((?:[a-z_]+(?:\.py|/) +)+)", line)
        assert names is not None, line
        for name in names[2].split():
            if not names[1]:
                top = name if name.endswith("/") else ""
            assert (ROOT / (top if names[1] else "") / name).exists(), line


GUIDES = [
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docker").rglob("README.md")),
]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_guide_names_what_is_there(guide: Path) -> None:
    text = guide.read_text()
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", text):
        assert not path or (guide.parent / path).exists(), path
        assert not anchor or f"## {anchor.replace('-', ' ')}" in (guide.parent / path).read_text().lower(), anchor
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", text, re.MULTILINE)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }
    commands = {path.stem for path in (ROOT / "leaderboard" / "management" / "commands").glob("*.py")}
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= commands | {"createsuperuser", "migrate"}
    read = code() + (ROOT / "docker" / "compose.yaml").read_text() + (ROOT / "docker" / "worker.Dockerfile").read_text()
    assert {
        name for name in re.findall(r"`((?:PARITY|DATABASE|REDIS|EMAIL|HF)_[A-Z_]+)", text) if name not in read
    } == set()
