"""Envelope: what is checked of a file before any of its rows is looked at, in one pass of bounded memory."""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tanpuhui.kit.digest import PREFIX
from tanpuhui.kit.refusal import Refusal

Media = Literal["csv", "ndjson", "parquet"]

LONGEST_LINE_BYTES = 1024 * 1024
BLOCK_BYTES = 1024 * 1024
_PARQUET_MARK = b"PAR1"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class FileMissing(Refusal):
    code = "evidence.file_missing"
    message = "There is no readable file {path} ({reason}). Check the path."


class EmptyFile(Refusal):
    code = "evidence.empty_file"
    message = "{file} is empty. Send a file with a header line, even when there are no rows."


class WrongEncoding(Refusal):
    code = "evidence.wrong_encoding"
    message = "{file} is not UTF-8 text: byte {offset} cannot be read. Save it as UTF-8 and send it again."


class LineTooLong(Refusal):
    code = "evidence.line_too_long"
    message = "{file} has a line longer than {limit} bytes, at byte {offset}. One row is one line: check the line ends."


class FileChanged(Refusal):
    code = "evidence.file_changed"
    message = "{file} changed while it was read. Wait until it is complete, then take it."


@dataclass(frozen=True)
class Envelope:
    """A file that may be opened: its digest, its size in bytes and what it is made of."""

    path: Path
    #: What its provider calls it; messages name it so.
    name: str
    digest: str
    size_bytes: int
    media: Media
    modified_ns: int

    def still_the_same(self) -> None:
        """Refuse a file that changed since it was examined."""
        now = self.path.stat()
        if (now.st_size, now.st_mtime_ns) != (self.size_bytes, self.modified_ns):
            raise FileChanged(file=self.name)


def examine(path: Path, name: str | None = None) -> Envelope:
    """Digest a file and refuse it when it is missing, empty, not UTF-8 or has a line above 1 MiB."""
    name = path.name if name is None else name
    try:
        before = path.stat()
        with path.open("rb") as stream:
            media = media_of(stream.read(BLOCK_BYTES), name)
        digest = _digest_and_check(path, name, text=media != "parquet")
    except OSError as error:
        raise FileMissing(path=path, reason=error.strerror or "unreadable") from error
    envelope = Envelope(path, name, digest, before.st_size, media, before.st_mtime_ns)
    envelope.still_the_same()
    return envelope


def media_of(start: bytes, name: str) -> Media:
    """Parquet by its mark, NDJSON by its first brace, CSV otherwise; a blank file is empty."""
    if start.startswith(_PARQUET_MARK):
        return "parquet"
    content = start.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if not content:
        raise EmptyFile(file=name)
    return "ndjson" if content.startswith(b"{") else "csv"


def _digest_and_check(path: Path, name: str, *, text: bool) -> str:
    digest = hashlib.sha256()
    lines = TextLines(name)
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            if text:
                lines.add(block)
    if text:
        lines.add(b"", final=True)
    return PREFIX + digest.hexdigest()


class TextLines:
    """Follows a text from block to block and refuses what is not UTF-8 or a line that never ends."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.offset = 0
        self.since_line_end = 0
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def add(self, block: bytes, *, final: bool = False) -> None:
        try:
            self.decoder.decode(block, final)
        except UnicodeDecodeError as error:
            raise WrongEncoding(file=self.file, offset=self.offset + error.start) from error
        if (zero := block.find(b"\0")) >= 0:
            raise WrongEncoding(file=self.file, offset=self.offset + zero)
        self._measure(block)
        self.offset += len(block)

    def _measure(self, block: bytes) -> None:
        first = block.find(b"\n")
        self.since_line_end += len(block) if first < 0 else first
        if self.since_line_end > LONGEST_LINE_BYTES:
            raise LineTooLong(file=self.file, limit=LONGEST_LINE_BYTES, offset=self.offset)
        if first >= 0:
            self.since_line_end = len(block) - block.rfind(b"\n") - 1
