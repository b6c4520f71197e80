"""What the `evaluate` library's `code_eval` does, written again without our sandbox: to compare our scores with.

Each answer runs with its tests behind it in a plain Python process, with the library's guard against accidents (not
against attacks: only run what may run here). The library's own limit is 3 s by the clock; it is longer here, so that a
busy machine fails no program that the sandbox lets pass.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import comb
from typing import Any

SECONDS = 30.0

GUARDED = """
import sys
source = sys.stdin.read()
import builtins, faulthandler, os, resource, shutil, subprocess
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
faulthandler.disable()
for module, names in {
    os: "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames truncate replace "
        "unlink fchmod fchown chmod chown chroot lchown chdir",
    shutil: "rmtree move chown",
    subprocess: "Popen",
    builtins: "exit quit",
}.items():
    for name in names.split():
        setattr(module, name, None)
try:
    exec(source, {})
except BaseException:
    sys.stdout.flush()
    os._exit(1)
sys.stdout.flush()
os._exit(42)
"""
"""42, so that a program which leaves by itself has not passed."""


def passes(program: str) -> bool:
    """Whether a program raises nothing, in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="parity-plain-") as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", GUARDED],
                input=program.encode(errors="replace"), cwd=folder, env={"PATH": os.defpath}, timeout=SECONDS,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 42


class PlainCodeEval:
    """The library's interface, as lm-eval uses it."""

    def __init__(self) -> None:
        self.known: dict[str, bool] = {}

    def compute(
        self, *, references: Sequence[str], predictions: Sequence[Sequence[str]], k: Sequence[int] = (1, 10, 100)
    ) -> tuple[dict[str, float], dict[int, Any]]:
        rows = [[f"{one}\n{tests}" for one in row] for row, tests in zip(predictions, references, strict=True)]
        fresh = sorted({one for row in rows for one in row} - self.known.keys())
        with ThreadPoolExecutor(2) as pool:
            self.known |= dict(zip(fresh, pool.map(passes, fresh), strict=True))
        counts = [(len(row), sum(self.known[one] for one in row)) for row in rows]
        means = {
            f"pass@{many}": sum(1 - comb(n - right, many) / comb(n, many) for n, right in counts) / len(counts)
            for many in k
            if all(n >= many for n, _ in counts)
        }
        return means, {}
