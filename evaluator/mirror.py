"""Mirrors: folders in the Hub's layout, `models/<org>/<name>/` and `datasets/[<org>/]<name>/`, on this machine.

A model on a mirror has no commit, so its revision is `digest` of its folder. Knows no network.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import metadata_load, parse_local_safetensors_file_metadata

from evaluator.adapters import PinBase, described
from evaluator.file_digests import FileDigests
from evaluator.hub_names import DATASET_ID, HubError, check_dataset_id, check_id, check_revision, check_sha
from evaluator.model_facts import Json, PinnedModel, Tensor, parse_json, tensors_of

logger = logging.getLogger(__name__)


# --- Models


class MirrorFolder:
    """A model's folder as a `Repository` (evaluator.model_facts)."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.sizes: Mapping[str, int] = {
            path.name: path.stat().st_size
            for path in sorted(folder.iterdir())
            if path.is_file() and not path.name.startswith(".")
        }

    def read_json(self, file: str) -> Json:
        return parse_json((self.folder / file).read_bytes(), f"{file} of {self.name} in {self.folder}")

    def tensors(self, files: Sequence[str]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for file in files:
            path = self.folder / file
            found |= tensors_of(partial(parse_local_safetensors_file_metadata, path), str(path))
        return found

    def card(self) -> Mapping[str, Any]:
        if "README.md" not in self.sizes:
            return {}
        try:
            return metadata_load(self.folder / "README.md") or {}
        except (ValueError, yaml.YAMLError) as error:
            # A broken card costs the licence's name, not the evaluation.
            logger.warning("The card of %s in %s is unreadable: %s", self.name, self.folder, error)
            return {}


def digest(folder: Path, *, cache: Path | None = None) -> str:
    """40 hex digits for the content of a model's folder, the same on every machine.

    SHA-1 over one record for each file, sorted by path: the path relative to `folder` with "/" between its parts, as
    UTF-8; a NUL; the lower-case hex SHA-256 of the content; a newline. Files and folders whose name starts with "."
    are left out. Links to files count as the file; links to folders are not followed. `cache`: see `FileDigests`.
    Raises OSError.
    """
    digests = FileDigests(cache)
    records = sorted((os.fsencode(path.relative_to(folder).as_posix()), path) for path in _files(folder))
    total = hashlib.sha1(usedforsecurity=False)
    for name, path in records:
        total.update(name + b"\0" + digests.sha256(path).encode() + b"\n")
    digests.save()
    return total.hexdigest()


def pin_mirrored(
    name: str, revision: str, *, mirrors: Sequence[Path], cache: Path | None, pin_base: PinBase | None
) -> PinnedModel | None:
    """The first mirror's model of this name and revision ("main" or a digest); None if no mirror has the model.

    Raises HubError "revision_not_found" if mirrors have the model in other revisions only, "mirror_unreadable", and
    those of `described`, which `pin_base` is for.
    """
    check_revision(revision)
    seen = []
    for folder, sha in _digests(name, mirrors, cache):
        if revision in ("main", sha):
            with _readable(folder):
                return described(MirrorFolder(name, folder), sha=sha, source="mirror", folder=folder, pin_base=pin_base)
        seen.append(f"{sha} in {folder}")
    if not seen:
        return None
    raise HubError(
        "revision_not_found",
        f"{name} is mirrored here, and a mirrored model has one revision, also called main: {'; '.join(seen)}. "
        f"There is no {revision}.",
    )


def locate(name: str, sha: str, *, mirrors: Sequence[Path], cache: Path | None = None) -> Path | None:
    """The first mirror's folder of this model whose digest is `sha`, else None. Raises HubError "mirror_unreadable"."""
    check_sha(sha)
    return next((folder for folder, there in _digests(name, mirrors, cache) if there == sha), None)


def model_folders(name: str, mirrors: Iterable[Path]) -> list[Path]:
    """Where each mirror has the model, or would have it. Raises HubError "malformed_id"."""
    return [mirror / "models" / check_id(name) for mirror in mirrors]


def _digests(name: str, mirrors: Sequence[Path], cache: Path | None) -> Iterator[tuple[Path, str]]:
    """Folder and digest of the model on each mirror that has it, computed one at a time as asked for."""
    for folder in model_folders(name, mirrors):
        with _readable(folder):
            sha = digest(folder, cache=cache) if folder.is_dir() else None
        if sha is not None:
            yield folder, sha


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HubError("mirror_unreadable", f"The mirrored model in {folder} cannot be read: {error}") from error


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = [inner for inner in folders if not inner.startswith(".")]
        for file in files:
            path = Path(where, file)
            if not file.startswith(".") and path.is_file():
                yield path


# --- Datasets


def locate_dataset(name: str, *, mirrors: Sequence[Path]) -> Path | None:
    """The first mirror's folder of a dataset, `org/name` or `name`, else None. Raises HubError "malformed_id"."""
    check_dataset_id(name)
    return next((there[name] for there in map(_datasets, mirrors) if name in there), None)


def merge_datasets(mirrors: Sequence[Path], target: Path) -> Path:
    """Make `target/[<org>/]<name>` link to the first mirror that has each dataset; returns `target`.

    To be used as the working directory of an evaluation: `load_dataset("org/name")` takes an existing relative folder
    first. Links of an earlier call that no mirror backs any more are removed; what is not a link is left alone.
    Raises HubError "mirror_conflict" where a link cannot be made without hiding or changing something else.
    """
    wanted: dict[str, Path] = {}
    for mirror in mirrors:
        wanted = _datasets(mirror) | wanted
    _refuse_conflicts(wanted, mirrors, target)
    target.mkdir(parents=True, exist_ok=True)
    _remove_stale(target, wanted)
    for name, source in wanted.items():
        _link(target / name, source)
    return target


def _datasets(mirror: Path) -> dict[str, Path]:
    """By name. A folder that itself holds files is a dataset; one that holds only folders is an organisation."""
    found: dict[str, Path] = {}
    for first in _folders(mirror / "datasets"):
        if any(path.is_file() and not path.name.startswith(".") for path in first.iterdir()):
            found[first.name] = first
        else:
            found |= {f"{first.name}/{second.name}": second for second in _folders(first)}
    return {name: path.absolute() for name, path in found.items() if DATASET_ID.fullmatch(name)}


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _refuse_conflicts(wanted: Mapping[str, Path], mirrors: Iterable[Path], target: Path) -> None:
    for mirror in mirrors:
        if target.resolve().is_relative_to((mirror / "datasets").resolve()):
            raise HubError("mirror_conflict", f"{target} lies in the mirror {mirror}: choose a folder outside.")
    for name, source in wanted.items():
        organisation = name.partition("/")[0]
        if organisation != name and organisation in wanted:
            # A link for the inner name would be written into the mirror that has the outer one.
            raise HubError(
                "mirror_conflict",
                f"{wanted[organisation]} is a dataset and {source} takes it for an organisation. Remove one of them.",
            )


def _remove_stale(target: Path, wanted: Mapping[str, Path]) -> None:
    """Links that `merge_datasets` made and would not make now, and the organisations' folders that they leave empty."""
    organisations = [path for path in _folders(target) if not path.is_symlink() and not path.name.startswith(".")]
    for link in [path for folder in (target, *organisations) for path in folder.iterdir() if path.is_symlink()]:
        name = link.relative_to(target).as_posix()
        if name not in wanted and str(link.readlink()).endswith(f"/datasets/{name}"):
            link.unlink()
    for folder in organisations:
        if not any(folder.iterdir()):
            folder.rmdir()


def _link(link: Path, source: Path) -> None:
    """Atomically, so that a reader never sees a gap. Raises HubError "mirror_conflict" if something else is there."""
    if link.is_symlink() and link.readlink() == source:
        return
    if link.exists() and not link.is_symlink():
        raise HubError("mirror_conflict", f"{link} is in the way of a link to {source}. Remove it.")
    link.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=link.parent, prefix=".link-") as staging:
        new = Path(staging, "link")
        new.symlink_to(source, target_is_directory=True)
        new.replace(link)
