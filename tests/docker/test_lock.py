"""The lists of locked packages, and the digests beside them."""

import re

import pytest

from tests.environment import ROOT

LOCK = ROOT / "docker" / "lock"
UNHASHED = {"torch"}
"""As docker/lock/hashes.py has it."""
LISTS = ("site.txt", "worker-cpu.txt", "dev.txt")
PIN = re.compile(r"^([\w.-]+)==([^\s;]+)", re.M)
DIGEST = re.compile(r"--hash=sha256:[0-9a-f]{64}( \\)?$")


@pytest.mark.parametrize("name", LISTS)
def test_every_locked_package_has_the_digests_of_its_version(name: str) -> None:
    """Where this fails, `make hashes` writes them."""
    locked = {pin for pin in PIN.findall((LOCK / name).read_text()) if pin[0] not in UNHASHED}
    entries = re.split(r"\n(?=\S)", (LOCK / "hashed" / name).read_text().partition("\n")[2])
    assert {PIN.findall(entry)[0] for entry in entries} == locked
    for entry in entries:
        head, *digests = entry.strip().splitlines()
        assert digests, f"{head} has none"
        assert all(DIGEST.search(line) for line in digests), head


def test_no_list_names_an_index() -> None:
    for path in LOCK.rglob("*.txt"):
        assert not re.search(r"://|--index|--find-links", path.read_text()), path.name


def test_what_is_installed_is_compared_with_its_digests_first() -> None:
    steps = (LOCK / "install.sh").read_text()
    assert steps.index("$pip --require-hashes $hashed") < steps.index("$pip $extra $lists")
