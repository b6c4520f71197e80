"""Which data a task was measured on: the digest of its files, or the Hub's commit."""

import functools
import re
from pathlib import Path
from typing import Any

from evaluator.mirror import digest

COMMIT = re.compile(r"[0-9a-f]{40}")


def data_digest(task: Any) -> str:
    """Of the files that an lm-eval task loaded its documents from: "files " and 40 hex digits, the same on every
    machine (`mirror.digest`), for a folder here; "commit " and the Hub's SHA for what `datasets` fetched; "" where
    neither is known.
    """
    config = task.config
    own = (config.dataset_kwargs or {}).get("data_files")
    if own:
        folders = {Path(path).parent for path in flat(own)}
        return folder_digest(folders.pop()) if len(folders) == 1 else ""
    folder = Path(str(config.dataset_path or ""))
    if config.dataset_path and folder.is_dir():
        return folder_digest(folder.resolve())
    return fetched(task)


def flat(data_files: Any) -> list[str]:
    """All paths of a task's `data_files`: a name, a list, or either by split."""
    if isinstance(data_files, dict):
        return [path for value in data_files.values() for path in flat(value)]
    return [str(one) for one in data_files] if isinstance(data_files, list | tuple) else [str(data_files)]


@functools.cache
def folder_digest(folder: Path) -> str:
    return f"files {digest(folder)}" if folder.is_dir() else ""


def fetched(task: Any) -> str:
    """The commit in the name of the folder in which `datasets` keeps what it fetched."""
    splits = getattr(task, "dataset", None) or {}
    for split in splits.values() if hasattr(splits, "values") else ():
        for file in getattr(split, "cache_files", ()):
            name = Path(file["filename"]).parent.name
            if COMMIT.fullmatch(name):
                return f"commit {name}"
    return ""
