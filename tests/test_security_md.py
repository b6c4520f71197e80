"""SECURITY.md names tests for what it says; each of them is there."""

import re
from collections.abc import Iterator

from tests.environment import ROOT

SECURITY = (ROOT / "SECURITY.md").read_text()
NAMED = re.compile(r"`([\w/]+\.py)?(?:::(test_\w+))?`")
PLACES = ("tests/leaderboard", "tests")


def named() -> Iterator[tuple[str, str]]:
    """(file, test) as they are named; a test alone is of the file that was named before it in its line."""
    for line in SECURITY.splitlines():
        path = ""
        for file, test in NAMED.findall(line):
            path = file or path
            assert path or not test, f"{test} has no file before it: {line[:80]}"
            if file or test:
                yield path, test


def test_every_test_that_security_md_names_is_there() -> None:
    missing = []
    for file, test in named():
        found = [ROOT / place / file for place in PLACES if (ROOT / place / file).is_file()]
        if not found:
            missing.append(file)
        elif test and not any(re.search(rf"^def {test}\(", path.read_text(), re.M) for path in found):
            missing.append(f"{file}::{test}")
    assert missing == []


def test_it_names_tests_for_every_chapter_that_it_calls_met() -> None:
    """A chapter without one says so in words, or is the operator's."""
    chapters = [line for line in SECURITY.splitlines() if re.match(r"\| V\d+ ", line)]
    assert len(chapters) == 17
    unproven = [line[:40] for line in chapters if "| met |" in line and not NAMED.search(line)]
    assert unproven == []
    assert len({test for _, test in named() if test}) >= 15
