"""Suites: immutable, versioned lists of tasks. One YAML a version (`name@version.yaml`), never edited once released.

    name: starter            # lower case, digits, hyphens
    version: 1
    title: Starter
    description: ...         # optional, as are normalise, files, and all of a task but task, title and metric
    normalise: false
    files: starter@1         # a folder beside this file with task YAML and JSONL, packed into the suite's bundle
    tasks:
      - {task: starter_arithmetic, title: Arithmetic, num_fewshot: 4, limit: 100, metric: exact_match,
         filter: first-number, baseline: 0.0, higher_is_better: true}

Read by the site and by workers, so without torch and lm-eval: whether lm-eval knows a task is found out by the harness.
"""

import hashlib
from pathlib import Path
from typing import Annotated

import msgspec

from evaluator.contract import SuiteSpec, TaskSpec
from evaluator.suites.bundle import anchor, pack, unpack
from evaluator.suites.task_files import SuiteError, check, check_task_name, parse

__all__ = ["SuiteError", "anchor", "built_in", "find", "load", "pack", "unpack"]

_FOLDER = Path(__file__).parent


class _SuiteFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A suite's YAML as it is written."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*\Z")]
    version: Annotated[int, msgspec.Meta(ge=1)]
    title: Annotated[str, msgspec.Meta(min_length=1)]
    tasks: Annotated[tuple[TaskSpec, ...], msgspec.Meta(min_length=1)]
    description: str = ""
    normalise: bool = False
    files: str | None = None


def built_in() -> list[Path]:
    """The YAML files of the suites that come with Parity, by name."""
    return sorted(_FOLDER.glob("*@*.yaml"))


def find(name: str) -> tuple[SuiteSpec, bytes | None]:
    """Load a built-in suite by `name@version`, or any by the path of its YAML; raises SuiteError."""
    known = {path.stem: path for path in built_in()}
    path = known.get(name, Path(name))
    if not path.is_file():
        raise SuiteError(f"There is no suite {name!r}. Name one of {', '.join(known)}, or the path of a YAML file.")
    return load(path)


def load(path: Path) -> tuple[SuiteSpec, bytes | None]:
    """The suite in a YAML file and the archive of its own task files, if it has any; raises SuiteError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SuiteError(f"{path}: the file cannot be read: {error.strerror}. Check the path.") from error
    written = _convert(path.name, parse(path.name, data))
    for task in written.tasks:
        _check_task(path.name, task)
    names = [task.task for task in written.tasks]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SuiteError(f"{path.name}: tasks names {', '.join(twice)} more than once. Name each task once.")
    bundle = None if written.files is None else _bundle(path, written.files, names)
    spec = SuiteSpec(
        name=written.name,
        version=written.version,
        title=written.title,
        description=written.description,
        normalise=written.normalise,
        tasks=written.tasks,
        bundle=None if bundle is None else hashlib.sha256(bundle).hexdigest(),
    )
    return spec, bundle


def _convert(name: str, raw: object) -> _SuiteFile:
    try:
        return msgspec.convert(raw, _SuiteFile)
    except msgspec.ValidationError as error:
        said = str(error).replace(" - at `$.", " in `").replace(" - at `$[...]`", "").replace(" - at `key`", "")
        raise SuiteError(
            f"{name}: {said}. A suite has the fields {', '.join(_SuiteFile.__struct_fields__)}; "
            f"a task has {', '.join(TaskSpec.__struct_fields__)}."
        ) from error


def _check_task(name: str, task: TaskSpec) -> None:
    """What the wire's types leave open."""
    where = f"{name}, task {task.task}"
    check_task_name(f"{name}, field task", task.task)
    if not task.title or not task.metric or not task.filter:
        raise SuiteError(f"{where}: title, metric and filter may not be empty. Give each a name.")
    if task.num_fewshot is not None and task.num_fewshot < 0:
        raise SuiteError(f"{where}: num_fewshot is {task.num_fewshot}. Give 0 or more examples.")
    if task.limit is not None and task.limit < 1:
        raise SuiteError(f"{where}: limit is {task.limit}. Give 1 or more items, or leave it out for all.")
    if not 0 <= task.baseline < 1:
        raise SuiteError(f"{where}: baseline is {task.baseline}. Give the score of guessing, from 0 to below 1.")


def _bundle(path: Path, folder: str, names: list[str]) -> bytes:
    """Archive of the folder beside a suite's YAML; every task file in it must be one of the suite's."""
    if folder != Path(folder).name or not (path.parent / folder).is_dir():
        raise SuiteError(f"{path.name}: files is {folder!r}. Name a folder beside the YAML file.")
    root = path.parent / folder
    files: dict[str, bytes] = {}
    for file in sorted(root.rglob("*")):
        if file.is_symlink():
            raise SuiteError(f"{folder}/{file.relative_to(root)}: links are not allowed. Put a copy there.")
        if file.is_file():
            files[file.relative_to(root).as_posix()] = file.read_bytes()
    for task, file_name in check(files).items():
        if task not in names:
            raise SuiteError(f"{folder}/{file_name}: {path.name} does not list its task {task}. Add or remove it.")
    return pack(files)
