"""Upload: files of forms go to the disk in pieces, and one that is too large is stopped on its way."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

#: So much above the limit is read to its end, so that the page can say what was wrong; more is cut off.
PATIENCE = 3


class Quota(FileUploadHandler):
    """Stops a request whose files together are larger than a page takes; the view asks :func:`was_too_large`."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: str | None = None
    ) -> None:
        del input_data, META, boundary, encoding
        self.sent = 0
        self.is_far_too_large = content_length > PATIENCE * settings.PAGE_UPLOAD_MAX_SIZE
        self.is_too_large = (
            content_length > settings.PAGE_UPLOAD_MAX_SIZE + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        )

    def new_file(self, *arguments: Any, **named: Any) -> None:
        super().new_file(*arguments, **named)
        if self.is_too_large:
            self._stop()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        del start
        self.sent += len(raw_data)
        if self.sent > settings.PAGE_UPLOAD_MAX_SIZE:
            self._stop()
        return raw_data

    def file_complete(self, file_size: int) -> None:
        del file_size

    def _stop(self) -> None:
        assert self.request is not None
        self.request._was_too_large = True  # type: ignore[attr-defined]
        raise StopUpload(connection_reset=self.is_far_too_large)


def was_too_large(request: HttpRequest) -> bool:
    """Whether files of this request were stopped on their way."""
    return bool(getattr(request, "_was_too_large", False))
