"""Requests bring no files, unless a view says how many bytes of one it takes: nobody fills the disk by the way."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler


class NoFiles(FileUploadHandler):
    """The site's handler of uploads: refuses the first byte of any file (400)."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        raise RequestDataTooBig("This page takes no files.")

    def file_complete(self, file_size: int) -> Any:
        return None
