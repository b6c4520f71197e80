"""A suite's own task files as one archive (tar.gz) that is named by its SHA-256, and back into a folder.

The same files always give the same bytes; an archive is read as if a stranger had made it. This file does not know
what a suite is.
"""

import io
import shutil
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from evaluator.suites.task_files import SuiteError, check, check_path, data_files, parse

LIMIT = 200 * 1024 * 1024
"""Bytes of an unpacked archive."""

_GZIP = 16 + zlib.MAX_WBITS
_BLOCK = 0xFFFF


def pack(files: Mapping[str, bytes]) -> bytes:
    """Archive of task files (relative path to content), the same bytes everywhere; raises SuiteError."""
    check(files)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)  # its defaults: mode 0644, user and group 0, no names, mtime 0
            entry.size = len(data)
            try:
                archive.addfile(entry, io.BytesIO(data))
            except ValueError as error:
                raise SuiteError(f"{name}: the path is too long for an archive. Shorten it.") from error
    plain = stream.getvalue()
    if len(plain) > LIMIT:
        raise SuiteError(f"The task files have {len(plain)} bytes; at most {LIMIT} are allowed. Make them smaller.")
    return _gzip(plain)


def read(data: bytes) -> dict[str, bytes]:
    """Files of an archive (relative path to content); raises SuiteError for anything but plain task files."""
    try:
        with tarfile.open(fileobj=io.BytesIO(_gunzip(data)), mode="r:") as archive:
            files: dict[str, bytes] = {}
            for entry in archive:
                content = archive.extractfile(entry) if _plain_file(entry) else None
                if content is None:
                    raise SuiteError(f"{entry.name!r} in the archive is not a plain file. Pack files only, no links.")
                check_path(entry.name)
                if entry.name in files:
                    raise SuiteError(f"{entry.name} is in the archive twice. Pack it once.")
                files[entry.name] = content.read()
    except tarfile.TarError as error:
        raise SuiteError(f"The archive of task files is damaged: {error}. Pack it again.") from error
    check(files)
    return files


def unpack(data: bytes, target: Path) -> None:
    """Write an archive's files into the folder `target`, all or none.

    Raises SuiteError for a bad archive and FileExistsError where `target` is not empty.
    """
    files = read(data)
    if target.exists() and any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty. Choose another folder for the task files.")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for name, content in files.items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def anchor(folder: Path) -> None:
    """Make the data paths in an unpacked folder absolute: lm-eval would look them up from its working directory."""
    for path in sorted(folder.rglob("*.yaml")):
        task = parse(path.name, path.read_bytes())
        name = path.relative_to(folder).as_posix()
        splits: dict[str | None, list[str]] = {}
        for split, file in data_files(name, task["dataset_kwargs"]["data_files"]):
            splits.setdefault(split, []).append(str(folder.resolve() / file))
        anchored: Any = splits.get(None, splits)
        task["dataset_kwargs"]["data_files"] = anchored
        path.write_text(yaml.safe_dump(task, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _plain_file(entry: tarfile.TarInfo) -> bool:
    return entry.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not entry.issparse()


def _gzip(data: bytes) -> bytes:
    """gzip without compression: what zlib makes of the same input differs between its versions and replacements."""
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        last = start + _BLOCK >= len(data)
        parts += [struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF), block]
    parts.append(struct.pack("<II", zlib.crc32(data), len(data)))
    return b"".join(parts)


def _gunzip(data: bytes) -> bytes:
    """At most LIMIT bytes, however small the archive is."""
    stream = zlib.decompressobj(wbits=_GZIP)
    try:
        plain = stream.decompress(data, LIMIT + 1)
    except zlib.error as error:
        raise SuiteError(f"The archive of task files is damaged: {error}. Pack it again.") from error
    if len(plain) > LIMIT:
        raise SuiteError(f"The archive unpacks to more than {LIMIT} bytes. Make its files smaller.")
    if not stream.eof or stream.unused_data:
        raise SuiteError("The archive of task files is cut off, or more follows it. Pack it again.")
    return plain
