"""Upload: a batch's content from the network to a file on the disk, in blocks, checked on the way, whole or absent."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from tanpuhui.evidence.envelope import BLOCK_BYTES, Media, TextLines, media_of
from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.digest import PREFIX
from tanpuhui.kit.files import DiskFull, is_full, sync
from tanpuhui.kit.refusal import Refusal

#: What a batch may measure over the network, as sent and unpacked, and how far it may unpack.
MOST_SENT_BYTES = 512 * 1024**2
MOST_BYTES = 2 * 1024**3
MOST_EXPANSION = 100
#: Below this, how far something unpacks does not matter.
FREELY_BYTES = 8 * 1024**2
MOST_PARQUET_ROWS = 20_000_000
FREELY_ROWS = 100_000


class TooLarge(Refusal):
    code = "evidence.too_large"
    message = "The batch has more than {limit} bytes{what}. Send it in several batches."


class ExpandsTooFar(Refusal):
    code = "evidence.expands_too_far"
    message = (
        "The content unpacks to more than {limit} times its size. Real records do not: send it uncompressed."
    )


class NotGzip(Refusal):
    code = "evidence.not_gzip"
    message = (
        "The content is said to be gzip and is not, or it is cut off or has something after its end. "
        "Compress the file as a whole, or send it as it is."
    )


class OtherContent(Refusal):
    code = "evidence.other_content"
    message = (
        "The content is said to be {said} and looks like {found}. Correct the Content-Type, or the file."
    )


class NotParquet(Refusal):
    code = "evidence.not_parquet"
    message = "The content is not a whole Parquet file. Write it again."


class CutOff(Refusal):
    code = "evidence.cut_off"
    message = (
        "{received} bytes arrived and {announced} were announced. Send the request again with the same key."
    )


@dataclass(frozen=True)
class Upload:
    """A file that arrived whole: its digest, and that of what was sent (they differ where it was compressed)."""

    path: Path
    media: Media
    digest: str
    sent_digest: str
    size_bytes: int
    sent_bytes: int

    def discard(self) -> None:
        """Remove the file: nothing refers to it, or nobody needs it any more."""
        self.path.unlink(missing_ok=True)


def store_upload(
    blocks: Iterable[bytes],
    *,
    folder: Path,
    said: Media,
    compressed: bool,
    announced_bytes: int,
    name: str = "the batch",
) -> Upload:
    """Write what arrives to a new file of ``folder``, checking it block by block; synced when this returns.

    Refuses, leaving no file: what is cut off, is not what its type says, is not UTF-8, has a NUL or an endless line,
    is no gzip or unpacks too far, is too large, or finds the disk full.
    """
    path = folder / f"{uuid4().hex}.{said}"
    sent = _Sent(blocks, announced_bytes)
    try:
        with path.open("xb", buffering=0) as file:
            content = _unpacked(sent) if compressed else iter(sent)
            digest, size_bytes = _write(content, file.fileno(), said, name)
            sent.refuse_cut_off()
            os.fsync(file.fileno())
        if said == "parquet":
            _refuse_parquet(path, sent.bytes)
        sync(folder)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if is_full(error):
            raise DiskFull(folder=folder) from error
        raise
    crash_point("evidence.inbox.file_synced")
    return Upload(path, said, digest, sent.digest(), size_bytes, sent.bytes)


class _Sent:
    """Blocks as they arrive, counted and digested."""

    def __init__(self, blocks: Iterable[bytes], announced_bytes: int) -> None:
        self.blocks = blocks
        self.announced = announced_bytes
        self.bytes = 0
        self._digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for block in self.blocks:
            self.bytes += len(block)
            if self.bytes > MOST_SENT_BYTES:
                raise TooLarge(limit=MOST_SENT_BYTES, what="")
            self._digest.update(block)
            yield block

    def digest(self) -> str:
        return PREFIX + self._digest.hexdigest()

    def refuse_cut_off(self) -> None:
        if self.bytes != self.announced:
            raise CutOff(received=self.bytes, announced=self.announced)


def _unpacked(sent: _Sent) -> Iterator[bytes]:
    """The content of one gzip member, at most a block at a time, so that a bomb is stopped and never held."""
    engine = zlib.decompressobj(wbits=31)
    size_bytes = 0
    for block in _and_the_end(sent):
        rest = block
        while True:
            if engine.eof and rest:
                raise NotGzip
            try:
                piece = engine.decompress(rest, BLOCK_BYTES)
            except zlib.error as error:
                raise NotGzip from error
            size_bytes += len(piece)
            if size_bytes > max(FREELY_BYTES, MOST_EXPANSION * sent.bytes):
                raise ExpandsTooFar(limit=MOST_EXPANSION)
            if piece:
                yield piece
            rest = engine.unused_data if engine.eof else engine.unconsumed_tail
            if not rest and len(piece) < BLOCK_BYTES:
                break
    if not engine.eof:
        raise NotGzip


def _and_the_end(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks, and an empty one: what an engine held back comes without further input."""
    yield from blocks
    yield b""


def _write(content: Iterable[bytes], file: int, said: Media, name: str) -> tuple[str, int]:
    digest, lines, size_bytes, start = hashlib.sha256(), TextLines(name), 0, b""
    for block in content:
        if len(start) < _LOOKED_AT_BYTES:
            start += block[:_LOOKED_AT_BYTES]
        size_bytes += len(block)
        if size_bytes > MOST_BYTES:
            raise TooLarge(limit=MOST_BYTES, what=" unpacked")
        digest.update(block)
        if said != "parquet":
            lines.add(block)
        view = memoryview(block)
        while view:
            view = view[os.write(file, view) :]
    if said != "parquet":
        lines.add(b"", final=True)
    if (found := media_of(start, name)) != said:
        raise OtherContent(said=said, found=found)
    return PREFIX + digest.hexdigest(), size_bytes


#: So many bytes of white space may come before the first word of a file.
_LOOKED_AT_BYTES = 64 * 1024


def _refuse_parquet(path: Path, sent_bytes: int) -> None:
    """Refuse what is no Parquet file, or says that it unpacks too far."""
    try:
        about = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise NotParquet from error
    unpacked = sum(about.row_group(index).total_byte_size for index in range(about.num_row_groups))
    if unpacked > MOST_BYTES or about.num_rows > MOST_PARQUET_ROWS:
        raise TooLarge(limit=MOST_BYTES, what=f" unpacked, or more than {MOST_PARQUET_ROWS} rows")
    # Equal values take no room in a file: a row of less than a byte is none that anybody reported.
    if unpacked > max(FREELY_BYTES, MOST_EXPANSION * sent_bytes) or about.num_rows > max(
        FREELY_ROWS, sent_bytes
    ):
        raise ExpandsTooFar(limit=MOST_EXPANSION)
