"""The folders of attempts on this host: held by their worker while it lives, removed by it or by the next one."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".held"


@contextmanager
def run_folder(runs: Path, name: str) -> Iterator[Path]:
    """A fresh folder in `runs` (mode 0700) whose name begins with `name`, gone at the end."""
    with changing(runs):
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=runs))
        held = _locked(folder / LOCK, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def sweep(runs: Path) -> None:
    """Remove the folders that no living process holds: their worker was killed, and its attempt goes nowhere."""
    with changing(runs):
        for folder in [path for path in runs.iterdir() if path.is_dir()]:
            try:
                held = _locked(folder / LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue  # in use, or not ours to remove
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)


@contextmanager
def changing(runs: Path) -> Iterator[None]:
    """One at a time, of all processes and threads: what has just been made is not held, or not whole, for a moment."""
    runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = _locked(runs / ".changing", fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(held)


def _locked(path: Path, operation: int) -> int:
    """The file, open and locked (flock): the kernel lets go when its process ends, however it ends. Raises OSError."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, operation)
    except BaseException:
        os.close(file)
        raise
    return file
