"""Pin, describe and fetch models: from mirrors on this machine first, then from the Hub (huggingface.co).

The site's validator pins and describes a model, the worker finds or downloads what was pinned. This module is the
door to both: what mirrors offer (`evaluator.mirror`) is exported here too.

Every wait for the Hub is limited: `timeout` is in seconds, for each step of each request (connecting, reading).
`token` is the operator's HF_TOKEN; without one nothing is sent, not even a token saved on this machine.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import HfApi, ModelCardData, get_session, hf_hub_download, hf_hub_url, hf_raise_for_status
from huggingface_hub.errors import (
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo

from evaluator.adapters import PinBase, described, is_adapter, weights_of
from evaluator.hub_names import HUB_ID, SHA, HubError, check_id, check_revision, check_sha, mirrors_from
from evaluator.mirror import (
    MirrorFolder,
    digest,
    locate,
    locate_dataset,
    merge_datasets,
    model_folders,
    pin_mirrored,
)
from evaluator.model_facts import (
    Header,
    Json,
    PinnedModel,
    Tensor,
    parse_json,
    tensors_of,
)

__all__ = [
    "HUB_ID",
    "HubError",
    "PinnedModel",
    "base_of",
    "check_id",
    "check_revision",
    "digest",
    "download",
    "downloaded",
    "locate",
    "locate_dataset",
    "merge_datasets",
    "mirrors_from",
    "pin",
]

MAX_JSON = 64 * 2**20
"""Bytes of a JSON file that is read into memory; the largest index known (DeepSeek V3) has 9 MB."""

REQUESTS_AT_ONCE = 8


def pin(
    name: str,
    revision: str = "main",
    *,
    mirrors: Sequence[Path],
    token: str | None,
    endpoint: str | None = None,
    timeout: float = 10,
    cache: Path | None = None,
) -> PinnedModel:
    """The revision that `name` at `revision` is now, described.

    The first mirror that has the model answers, else the Hub at `endpoint` (None: huggingface.co, or HF_ENDPOINT). On
    the Hub a branch, tag or commit is pinned to its commit; on a mirror, "main" or the digest itself. `cache` is a
    folder for the digests of mirrored files. An adapter's base is pinned in the same way. Raises HubError with any code
    but "no_mirror" and "mirror_conflict".
    """
    look = partial(_pinned, mirrors=mirrors, token=token, endpoint=endpoint, timeout=timeout, cache=cache)
    return look(name, revision, pin_base=partial(look, pin_base=None))


def _pinned(
    name: str,
    revision: str,
    *,
    mirrors: Sequence[Path],
    token: str | None,
    endpoint: str | None,
    timeout: float,
    cache: Path | None,
    pin_base: PinBase | None,
) -> PinnedModel:
    """As `pin`; `pin_base` None: it has to be a whole model."""
    check_id(name)
    check_revision(revision)
    mirrored = pin_mirrored(name, revision, mirrors=mirrors, cache=cache, pin_base=pin_base)
    if mirrored is not None:
        return mirrored
    looked = _looked_at(model_folders(name, mirrors))
    hub = HubRevision(name, revision, token=token, endpoint=endpoint, timeout=timeout, looked=looked)
    created = hub.info.created_at
    return described(
        hub,
        sha=hub.sha,
        source="hub",
        pin_base=pin_base,
        gated=bool(hub.info.gated),
        created=created.date().isoformat() if created else None,
    )


def base_of(folder: Path, pin_base: PinBase) -> PinnedModel | None:
    """What the adapter in a folder changes, None where it holds a whole model; raises HubError."""
    repository = MirrorFolder(folder.name, folder)
    if not is_adapter(repository):
        return None
    return described(repository, sha="", source="mirror", folder=folder, pin_base=pin_base).base


COMPLETE = ".parity-complete.json"
"""Written into a downloaded folder at the end: the bytes of each file."""
DOWNLOADING = ".parity-downloading"
"""Locked by whoever downloads, so that nobody evicts what is not whole yet."""


def download(
    name: str,
    sha: str,
    *,
    token: str | None,
    target: Path,
    endpoint: str | None = None,
    timeout: float = 10,
) -> Path:
    """The folder `target/<org>/<name>/<sha>` with the safetensors weights, configuration and tokenizer of a Hub commit,
    of a whole model or an adapter (its base is another download).

    Nothing else is fetched: no pickles, no code, no GGUF, no second copies in folders. A complete folder is returned
    without asking the Hub; an interrupted download goes on file by file. Raises HubError as `pin` does, or
    "download_failed".

    One `hf_hub_download` a file and not `snapshot_download`, which in huggingface_hub 2.4 lists a repository's files
    without any time limit, and returns an incomplete folder when the Hub fails.
    """
    complete = downloaded(name, sha, target=target)
    if complete is not None:
        return complete
    folder = target / name / sha
    hub = HubRevision(name, sha, token=token, endpoint=endpoint, timeout=timeout, looked="")
    weights = weights_of(hub)
    files = [*(file for file in hub.sizes if _describes_model(file)), *weights]
    fetch = partial(
        hf_hub_download,
        name,
        revision=sha,
        local_dir=folder,
        endpoint=endpoint,
        token=token or False,
        etag_timeout=timeout,
    )
    with _downloading(folder):
        with hub.asked(), ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            list(pool.map(fetch, files))  # the first failure cancels what has not begun
        there = MirrorFolder(name, folder).sizes
        written = folder / f"{COMPLETE}.new"
        written.write_text(json.dumps({file: there[file] for file in files}))
        written.replace(folder / COMPLETE)
    return folder


@contextmanager
def _downloading(folder: Path) -> Iterator[None]:
    """Hold the folder, made if need be, so that it stays."""
    marker = folder / DOWNLOADING
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # evicted between the two calls
        fcntl.flock(file, fcntl.LOCK_SH)
        if marker.exists() and os.path.samestat(os.fstat(file), marker.stat()):
            break
        os.close(file)
    try:
        os.utime(file)
        yield
    finally:
        os.close(file)


def downloaded(name: str, sha: str, *, target: Path) -> Path | None:
    """The folder that `download` returns, if it is there and complete. Raises HubError for a malformed name or SHA."""
    folder = target / check_id(name) / check_sha(sha)
    return folder if _is_complete(folder) else None


def _describes_model(file: str) -> bool:
    """Configuration, tokenizer and chat template: small files without code."""
    return file in ("vocab.txt", "merges.txt") or file.endswith((".json", ".jinja", ".model", ".tiktoken"))


def _is_complete(folder: Path) -> bool:
    marker = folder / COMPLETE
    if not marker.is_file():
        return False
    expected = parse_json(marker.read_bytes(), str(marker))
    return expected.items() <= MirrorFolder(folder.name, folder).sizes.items()


class HubRevision:
    """A commit on the Hub as a `Repository` (evaluator.model_facts). Making one asks the Hub; raises HubError."""

    def __init__(
        self, name: str, revision: str, *, token: str | None, endpoint: str | None, timeout: float, looked: str
    ) -> None:
        self.name = name
        self._revision = revision
        self._looked = looked
        # False, where None would send a token that somebody saved on this machine.
        self._token: str | bool = token or False
        self._timeout = timeout
        self._api = HfApi(endpoint=endpoint, token=self._token)
        self.info = self._model_info()
        self.name = self.info.id
        self.sha = str(self.info.sha)
        self.sizes: Mapping[str, int] = {
            file.rfilename: file.size or 0
            for file in self.info.siblings or []
            if "/" not in file.rfilename and not file.rfilename.startswith(".")
        }

    def _model_info(self) -> ModelInfo:
        with self.asked():
            try:
                info = self._api.model_info(
                    self.name, revision=self._revision, timeout=self._timeout, files_metadata=True
                )
            except HfHubHTTPError:
                raise  # some are ValueErrors too
            except (ValueError, KeyError, TypeError) as error:
                raise self._strange("something that is not a model's description") from error
        if not HUB_ID.fullmatch(str(info.id)) or not SHA.fullmatch(str(info.sha)):
            raise self._strange(f"the name {info.id!a} and the commit {info.sha!a}")
        return info

    def read_json(self, file: str) -> Json:
        what = f"{file} of {self.name}"
        if self.sizes[file] > MAX_JSON:
            raise HubError("bad_json", f"{what} has {self.sizes[file]:,} bytes; {MAX_JSON:,} are allowed.")
        url = hf_hub_url(self.name, file, revision=self.sha, endpoint=self._api.endpoint)
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        with self.asked():
            response = get_session().get(url, headers=headers, timeout=self._timeout)
            hf_raise_for_status(response)
        return parse_json(response.content, what)

    def tensors(self, files: Sequence[str]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            for tensors in pool.map(
                lambda file: tensors_of(partial(self._header, file), f"{file} of {self.name}"), files
            ):
                found |= tensors
        return found

    def _header(self, file: str) -> Header:
        """Two ranged reads at most, so shapes are known without the weights."""
        with self.asked():
            return self._api.parse_safetensors_file_metadata(self.name, file, revision=self.sha, timeout=self._timeout)

    def card(self) -> Mapping[str, Any]:
        card: Json = vars(self.info.card_data) if isinstance(self.info.card_data, ModelCardData) else {}
        return card | {"pipeline_tag": self.info.pipeline_tag, "tags": self.info.tags}

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Turns what huggingface_hub raises inside into a HubError."""
        try:
            yield
        except (OSError, httpx2.HTTPError, httpx2.InvalidURL, RuntimeError, ValueError) as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> HubError:
        if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
            return self._explained(error.__cause__)  # "the Hub failed and the file is not here either"
        if isinstance(error, HfHubHTTPError):
            return self._refused(error)
        if isinstance(error, OfflineModeIsEnabled):
            return self._unreachable("HF_HUB_OFFLINE is set, so it is not asked")
        if isinstance(error, httpx2.TransportError):
            return self._unreachable(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        if isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL, FileMetadataError)):
            return self._strange(f"{type(error).__name__}: {error}")
        return HubError("download_failed", f"{self.name} could not be downloaded: {error}")

    def _refused(self, error: HfHubHTTPError) -> HubError:
        """What the Hub's status and error code mean. Missing, private and (for files) gated look much alike there."""
        status = error.response.status_code
        said = str(error.response.headers.get("X-Error-Message", ""))
        if isinstance(error, GatedRepoError) or (status == 403 and not isinstance(error, RepositoryNotFoundError)):
            whose = "the operator's HF_TOKEN has no access" if self._token else "this site has no HF_TOKEN"
            return HubError(
                "gated",
                f"{self.name} is gated on the Hub and {whose}. Ask for access at {self._api.endpoint}/{self.name} with "
                "the operator's account, set HF_TOKEN, and submit again.",
            )
        if isinstance(error, RevisionNotFoundError):
            return HubError(
                "revision_not_found",
                f"{self.name} has no revision {self._revision} on the Hub. Name a branch, a tag or a full commit.",
            )
        if status == 401 and said.startswith("Invalid credentials"):
            return HubError("token_refused", "The Hub refuses the operator's HF_TOKEN. Set a valid one, or none.")
        if status in (401, 404) or isinstance(error, RepositoryNotFoundError):
            return self._not_found()
        if status in (408, 429) or status >= 500:
            return self._unreachable(f"it answered HTTP {status}")
        return self._strange(f"HTTP {status} {said}".strip())

    def _not_found(self) -> HubError:
        hint = "the operator's HF_TOKEN does not show it" if self._token else "this site has no HF_TOKEN"
        return HubError(
            "model_not_found",
            f"{self.name} is not on the Hub ({self._api.endpoint}). {self._looked}Check the spelling; if the model is "
            f"private, {hint}.",
        )

    def _unreachable(self, why: str) -> HubError:
        return HubError(
            "hub_unreachable",
            f"The Hub ({self._api.endpoint}) could not be asked for {self.name}: {why}. {self._looked}Try again later.",
        )

    def _strange(self, what: str) -> HubError:
        return HubError(
            "hub_answer",
            f"The Hub ({self._api.endpoint}) answered a request for {self.name} with {what}. Check HF_ENDPOINT, and "
            "whether something between here and the Hub answers in its place.",
        )


def _looked_at(folders: Sequence[Path]) -> str:
    """For messages: where mirrors would have the model."""
    if not folders:
        return "No mirror is set (PARITY_HUB_MIRROR). "
    return f"No mirror has it (looked for {', '.join(map(str, folders))}). "
