"""Names of models and datasets as the Hub spells them, the mirrors that are asked first, and the one error of all
that look them up. Imports nothing of the Hub's client: settings read it in every process.
"""

import re
from pathlib import Path

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"

HUB_ID = re.compile(rf"(?!.*(?:--|\.\.))(?!.*\.git\Z){_PART}/{_PART}")
"""`org/name`, to be used with `fullmatch`. The Hub's rules: letters, digits, "-", "_", "."; no part starts or ends with
"-" or "."; no "--" or ".."; at most 96 characters a part; no ".git" at the end. So a name is never a way out of a
folder and never carries a second argument such as ",trust_remote_code=True"."""

DATASET_ID = re.compile(rf"(?!.*(?:--|\.\.))(?!.*\.git\Z)(?:{_PART}/)?{_PART}")
"""As HUB_ID; datasets also come without an organisation."""

REVISION = re.compile(r"(?!.*(?:\.\.|//|/\.))[A-Za-z0-9_][A-Za-z0-9_./+-]{0,199}(?<![./])")
"""A branch, a tag or a commit, to be used with `fullmatch`: the names that git and a URL both take as they are."""

SHA = re.compile(r"[0-9a-f]{40}")
"""A pinned revision, to be used with `fullmatch`: a Hub commit or the digest of a mirror's folder."""


class HubError(Exception):
    """A model or dataset could not be found, read or fetched.

    `code` is one of:
    malformed_id, malformed_revision   the text is not a name; nothing was looked up
    no_mirror                          PARITY_HUB_MIRROR names a folder that is not there
    mirror_unreadable                  the disk or the permissions of a mirrored model
    mirror_conflict                    two mirrors, or a mirror and the target folder, cannot be merged
    model_not_found, revision_not_found
    gated, token_refused               the Hub wants (another) HF_TOKEN
    hub_unreachable                    no answer, or HTTP 408, 429, 5xx: worth another try later
    hub_answer                         an answer that the Hub is not known to give
    no_config, no_safetensors          the repository cannot be run
    bad_json, bad_weights              a file of the repository is broken
    download_failed                    the transfer or the local disk failed
    adapter_kind, adapter_rank         an adapter that no engine here runs
    bad_adapter, adapter_misfit        its files are broken, or were made for another model
    base_unclear, base_differs, base_is_adapter, base_not_found, base_gated
                                       the model that an adapter changes

    `message` is for people: what is wrong, with which input, and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type["HubError"], tuple[str, str]]:
        """Exceptions are pickled by their `args`, which hold the message alone."""
        return (HubError, (self.code, self.message))


def check_id(text: str) -> str:
    """`text`, if it is a model's name `org/name`; raises HubError "malformed_id"."""
    if not HUB_ID.fullmatch(text):
        raise HubError(
            "malformed_id",
            f"{_shown(text)} is not the name of a model. Write org/name as on huggingface.co: letters, digits, "
            'and "-", "_", "." inside, at most 96 characters each.',
        )
    return text


def check_dataset_id(text: str) -> str:
    """`text`, if it is a dataset's name, `org/name` or `name`; raises HubError "malformed_id"."""
    if not DATASET_ID.fullmatch(text):
        raise HubError(
            "malformed_id", f"{_shown(text)} is not the name of a dataset. Write org/name as on huggingface.co."
        )
    return text


def check_revision(text: str) -> str:
    """`text`, if it can be a branch, a tag or a commit; raises HubError "malformed_revision"."""
    if not REVISION.fullmatch(text):
        raise HubError(
            "malformed_revision",
            f"{_shown(text)} is not a revision. Write a branch (main), a tag (v1.0) or a commit of 40 hex digits.",
        )
    return text


def check_sha(text: str) -> str:
    """`text`, if it is a pinned revision; raises HubError "malformed_revision"."""
    if not SHA.fullmatch(text):
        raise HubError("malformed_revision", f"{_shown(text)} is not a pinned revision: 40 lower-case hex digits.")
    return text


def mirrors_from(text: str) -> tuple[Path, ...]:
    """The folders of PARITY_HUB_MIRROR, split at ":", in order of preference; empty parts are skipped.

    Raises HubError "no_mirror" for one that is not a folder.
    """
    mirrors = tuple(Path(part.strip()).expanduser().absolute() for part in text.split(":") if part.strip())
    for mirror in mirrors:
        if not mirror.is_dir():
            raise HubError(
                "no_mirror",
                f"PARITY_HUB_MIRROR names {mirror}, which is not a folder. Correct the path, mount it, or unset it.",
            )
    return mirrors


def _shown(text: str) -> str:
    """Quoted, escaped and cut, so that any input fits into a message."""
    return ascii(text if len(text) <= 120 else text[:117] + "...")
