"""Files as requests bring them: never more than a workload may have, so that nobody fills the disk."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler
from django.http import HttpRequest

from leaderboard.workloads.records import MOST_BYTES

TOO_LARGE = (
    f"The file has more than {MOST_BYTES // 2**20} MB. Nothing of it was kept. "
    "Upload a sample of it: a few thousand items decide."
)


class LimitedUpload(TemporaryFileUploadHandler):
    """Takes a file up to the limit. Of a larger one nothing stays; `over` says so, and the rest is read and dropped."""

    over = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> Any:
        if start + len(raw_data) > MOST_BYTES:
            self.over = True
            raise StopUpload(connection_reset=False)
        return super().receive_data_chunk(raw_data, start)


def limited(request: HttpRequest) -> LimitedUpload:
    """Take this request's files so; to be called before anything reads its body."""
    handler = LimitedUpload(request)
    request.upload_handlers = [handler]
    return handler


def file_of(request: HttpRequest, name: str) -> "UploadedFile[Any] | None":
    """The file of a field, None where none was chosen."""
    found = request.FILES.get(name)
    return found if isinstance(found, UploadedFile) else None
