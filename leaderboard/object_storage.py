"""Files in a bucket of an S3-compatible service (`PARITY_FILES=s3://...`), by the rules of files in a folder.

Imported by Django alone, and only where a bucket is named: boto3 is large. What fails raises OSError, as a disk's
failure would, and what is not there FileNotFoundError. Nobody gets an address of the bucket: the site reads a file and
serves it, so that whoever may see it is decided where it always is.
"""

import errno
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from tempfile import SpooledTemporaryFile
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

MEMORY = 8 * 2**20
"""Bytes of a file that are held in memory while it is read; the rest of it goes to /tmp."""
PATIENCE = Config(
    connect_timeout=3,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 3},
    signature_version="s3v4",
    # A bucket in the path is what every such service reads; digests that AWS alone knows are not sent along.
    s3={"addressing_style": "path"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
PROBE = PATIENCE.merge(Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1}))
THERE = {"PreconditionFailed", "ConditionalRequestConflict"}
"""What a service says of a name that is taken, or is being taken at this moment."""
PAGE = 10
"""Versions of an object that are asked for at once; nearly all have one."""


class Bucket(S3Storage):
    """Django's file storage in a bucket: objects are written once and whole, and deleted with all their versions."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(client_config=PATIENCE, file_overwrite=True, **settings)

    @property
    def client(self) -> Any:
        """boto3's client of this thread."""
        return self.connection.meta.client

    def key(self, name: str) -> str:
        """The object's key; raises SuspiciousOperation for a name that leads out of the prefix."""
        return str(self._normalize_name(clean_name(name)))

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        if mode != "rb":
            raise ValueError(f"{name} is opened with mode {mode!r}: files are written whole, by save().")
        into = SpooledTemporaryFile(max_size=MEMORY)  # noqa: SIM115  # whoever reads it closes it
        try:
            with told(f"{name} cannot be read"):
                found = self.client.get_object(Bucket=self.bucket_name, Key=self.key(name))
                with closing(found["Body"]) as body:
                    shutil.copyfileobj(body, into)
        except BaseException:
            into.close()
            raise
        into.seek(0)
        return File(into, name)

    def _save(self, name: str, content: "File[bytes]") -> str:
        """Write an object that is not there yet. Its name holds its digest: one that is there has the same content,
        and anything else is an error."""
        body = content.read()
        wanted = {"Bucket": self.bucket_name, "Key": self.key(name), "Body": body}
        with told(f"{name} cannot be written"):
            try:
                self.client.put_object(**wanted, IfNoneMatch="*")
            except ClientError as error:
                if code(error) == "NotImplemented":  # a service without conditions; the content is the same in any case
                    self.client.put_object(**wanted)
                elif code(error) not in THERE:
                    raise
                elif self.content(name) != body:
                    raise OSError(errno.EEXIST, f"{name} is in the bucket already, with other content") from error
        return str(clean_name(name))

    def content(self, name: str) -> bytes:
        """All of an object; raises FileNotFoundError, OSError."""
        with self.open(name) as file:
            return bytes(file.read())

    def delete(self, name: str) -> None:
        """Remove an object with its older versions, which a bucket that keeps versions would hold for ever."""
        key = self.key(name)
        with told(f"{name} cannot be deleted"):
            try:
                for version in self.versions(key):
                    self.client.delete_object(Bucket=self.bucket_name, Key=key, VersionId=version)
            except ClientError as error:
                if code(error) != "NotImplemented":
                    raise
                self.client.delete_object(Bucket=self.bucket_name, Key=key)  # a service that keeps no versions

    def versions(self, key: str) -> list[str]:
        """The versions of one object, marks of deletions among them; those that are read now last, so that an
        interrupted removal is found again."""
        found: list[tuple[bool, str]] = []
        pages = self.client.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket_name, Prefix=key, PaginationConfig={"PageSize": PAGE}
        )
        for page in pages:
            listed = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            found += [(one["IsLatest"], one["VersionId"]) for one in listed if one["Key"] == key]
            if any(one["Key"] != key for one in listed):  # they come in order: its own are first
                break
        return [version for _, version in sorted(found)]

    def exists(self, name: str) -> bool:
        with told(f"{name} cannot be looked for"):
            return bool(super().exists(name))

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with told(f"{name} cannot be listed"):
            folders, files = super().listdir(name)
        return folders, files

    @cached_property
    def probe(self) -> Any:
        """A client with little patience."""
        where = {"region_name": self.region_name, "endpoint_url": self.endpoint_url}
        return self._create_session().client("s3", config=PROBE, **where)

    def trouble(self) -> str:
        """What keeps the bucket from being used, in words; nothing where it answers. Takes two seconds at most."""
        try:
            self.probe.head_bucket(Bucket=self.bucket_name)
        except ClientError as error:
            return f"the bucket {self.bucket_name} answers {code(error)}"
        except BotoCoreError:
            return f"the bucket {self.bucket_name} does not answer"
        return ""


def code(error: ClientError) -> str:
    """What the service calls the error, such as AccessDenied."""
    return str(error.response["Error"]["Code"])


@contextmanager
def told(what: str) -> Iterator[None]:
    """Raises FileNotFoundError and OSError for what boto3 raises; `what` says what cannot be done."""
    try:
        yield
    except ClientError as error:
        if code(error) == "NoSuchKey":
            raise FileNotFoundError(errno.ENOENT, f"{what}: it is not in the bucket") from error
        raise OSError(errno.EIO, f"{what}: the bucket answers {code(error)}") from error
    except BotoCoreError as error:
        raise OSError(errno.EIO, f"{what}: {error}") from error
