"""The sandbox, attacked: behind both kinds of walls nothing gets out, nothing stays, and only what passes passes."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluator import sandbox
from evaluator.sandboxing import walls
from tests.environment import ROOT
from tests.evaluator.attacks import CHEATS, GET_OUT, TAKE_DOWN

QUICK = sandbox.Limits(wall_seconds=3.0, cpu_seconds=1, memory_bytes=2**29)
VARIABLE = "PARITY_ATTACK_CANARY"


@pytest.fixture(params=walls.kinds(), ids=lambda wall: wall.name)
def wall(request: pytest.FixtureRequest) -> walls.Wall:
    return request.param


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What there would be to find: a file, a variable, listening sockets, this process."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o644)
    monkeypatch.setenv(VARIABLE, "secret")
    unix = str(tmp_path / "socket")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as path,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        for one, address in ((path, unix), (abstract, f"\0{unix}")):
            one.bind(address)
            one.listen()
        yield {
            "secret": str(secret),
            "variable": VARIABLE,
            "port": server.getsockname()[1],
            "unix": unix,
            "pid": os.getpid(),
        }


def run(wall: walls.Wall, source: str, limits: sandbox.Limits = QUICK) -> sandbox.Result:
    return sandbox.run_behind(wall, source, limits=limits, packages=None)


@pytest.mark.parametrize("attack", [*GET_OUT, *TAKE_DOWN])
def test_every_attack_is_a_program(host: dict[str, Any], attack: str) -> None:
    source = GET_OUT[attack].format(**host) if attack in GET_OUT else TAKE_DOWN[attack]
    compile(source, attack, "exec")


def test_at_least_one_kind_of_wall_holds_here() -> None:
    assert sandbox.chosen_wall().name


def test_each_kind_holds_against_its_own_test(wall: walls.Wall) -> None:
    assert sandbox.self_test(wall) == ""


def test_a_right_program_passes(wall: walls.Wall) -> None:
    found = run(wall, "import math, re, json, random, threading\nprint('ten')\nassert math.comb(5, 2) == 10")
    assert (found.passed, found.reason, found.stdout) == (True, "", "ten\n")


def test_a_program_may_use_files_threads_and_processes(wall: walls.Wall) -> None:
    source = """
import subprocess, threading, tempfile
with tempfile.NamedTemporaryFile('w+') as file:
    file.write('kept'); file.seek(0)
    assert file.read() == 'kept'
done = []
thread = threading.Thread(target=done.append, args=(1,)); thread.start(); thread.join()
assert done == [1]
assert subprocess.check_output(['echo', 'hello'], text=True) == 'hello\\n'
"""
    found = run(wall, source)
    assert found.passed, found


def test_a_wrong_program_fails_with_its_error(wall: walls.Wall) -> None:
    found = run(wall, "def add(a, b): return a * b\nassert add(2, 3) == 5, 'five was wanted'")
    assert (found.passed, found.reason) == (False, "AssertionError: five was wanted")


def test_packages_are_there_when_given(wall: walls.Wall) -> None:
    packages = Path(pytest.__file__).parents[1]
    source = "import numpy\nassert numpy.allclose(numpy.ones(3).sum(), 3)"
    given = sandbox.run_behind(wall, source, limits=sandbox.Limits(), packages=packages)
    assert given.passed, given
    assert run(wall, source).reason == "ModuleNotFoundError: No module named 'numpy'"


@pytest.mark.parametrize("attack", GET_OUT)
def test_nothing_gets_out(wall: walls.Wall, host: dict[str, Any], attack: str) -> None:
    found = run(wall, GET_OUT[attack].format(**host))
    assert not found.passed, found
    assert found.reason


@pytest.mark.slow
@pytest.mark.parametrize("attack", TAKE_DOWN)
def test_nothing_takes_the_host_down(wall: walls.Wall, attack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    user = walls.USERS_FROM + os.getpid()
    monkeypatch.setattr(walls, "other_user", lambda: user if os.getuid() == 0 else None)
    started = time.monotonic()
    found = run(wall, TAKE_DOWN[attack])
    assert not found.passed, found
    assert found.reason
    assert time.monotonic() - started < QUICK.wall_seconds + 10
    assert left_over(user) == []


def left_over(user: int) -> list[Path]:
    """Processes of a user that only a sandbox has, a moment later."""
    found: list[Path] = []
    for _ in range(20):
        found = [path for path in Path("/proc").iterdir() if path.name.isdigit() and owner(path) == user]
        if not found:
            break
        time.sleep(0.1)
    return found


def owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except FileNotFoundError:
        return None  # it has just ended


@pytest.mark.parametrize("cheat", CHEATS)
def test_only_what_passes_passes(wall: walls.Wall, cheat: str) -> None:
    found = run(wall, CHEATS[cheat])
    assert not found.passed, found
    assert found.reason


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import time; time.sleep(60)", "It did not end within 3 s."),
        ("while True: print('x' * 10**6)", "It printed more than 1,048,576 bytes."),
        ("hoard = bytearray(2**30)", "MemoryError"),
        ("import os; os._exit(3)", "It left by itself (exit status 3) before its tests had ended."),
        ("import os; os.abort()", "It was ended by SIGABRT."),
    ],
)
def test_the_reason_says_what_happened(wall: walls.Wall, source: str, reason: str) -> None:
    assert run(wall, source).reason == reason


def test_a_program_that_only_computes_ends_by_its_processor_time(wall: walls.Wall) -> None:
    patient = sandbox.Limits(wall_seconds=60.0, cpu_seconds=1)  # a busy machine gives it a second only by and by
    assert run(wall, "while True: pass", patient).reason == "It used more than 1 s of processor time."


def test_what_was_printed_is_kept_to_a_limit(wall: walls.Wall) -> None:
    found = run(wall, "print('é' * 200_000)")
    assert found.passed
    assert len(found.stdout) == sandbox.KEPT_CHARACTERS


def test_programs_see_nothing_of_each_other(wall: walls.Wall) -> None:
    assert run(wall, "open('/tmp/left', 'w').write('here')").passed
    assert run(wall, "import os\nassert 'left' not in os.listdir('/tmp')").passed


def test_many_at_once_keep_their_order() -> None:
    found = sandbox.run_all([f"print({number})\nassert {number} % 3" for number in range(12)], limits=QUICK)
    assert [one.stdout for one in found] == [f"{number}\n" for number in range(12)]
    assert [one.passed for one in found] == [number % 3 != 0 for number in range(12)]


@pytest.mark.skipif(os.getuid() != 0 or not Path("/usr/bin/python3").exists(), reason="root and a system Python needed")
def test_an_ordinary_user_has_the_same_walls() -> None:
    """What root does by becoming somebody else, others do by a user namespace."""
    place = Path(tempfile.mkdtemp(prefix="parity-ordinary-"))
    try:
        shutil.copytree(ROOT / "evaluator" / "sandboxing", place / "evaluator" / "sandboxing")
        shutil.copy(ROOT / "evaluator" / "sandbox.py", place / "evaluator")
        (place / "evaluator" / "__init__.py").touch()
        subprocess.run(["chmod", "-R", "a+rX", place], check=True)
        found = subprocess.run(
            ["/usr/bin/python3", "-c", ORDINARY],
            cwd=place, user=65534, group=65534, extra_groups=[], env={"PATH": os.environ["PATH"]},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert found.stdout == "".join(f"{wall.name} ''\n" for wall in walls.kinds()), found.stderr
    finally:
        shutil.rmtree(place)


ORDINARY = """
from evaluator import sandbox
from evaluator.sandboxing import walls

for wall in walls.kinds():
    held = sandbox.self_test(wall)
    bomb = sandbox.run_behind(wall, "import os\\nwhile True: os.fork()", limits=sandbox.Limits(), packages=None)
    print(wall.name, repr(held or ("" if "unavailable" in bomb.reason else bomb.reason)))
"""


def test_a_host_without_walls_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hole:
        name = "hole"

        def command(self, inner: list[str], *, read_only: list[Path], scratch_bytes: int) -> list[str]:
            return inner

    monkeypatch.setattr(walls, "kinds", lambda: [Hole()])
    monkeypatch.setattr(walls, "other_user", lambda: None)
    sandbox.chosen_wall.cache_clear()
    try:
        with pytest.raises(sandbox.Unsafe, match=r"nothing here keeps them in\. hole: AssertionError"):
            sandbox.run("print(1)")
    finally:
        sandbox.chosen_wall.cache_clear()
