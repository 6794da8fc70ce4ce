"""Attachment: the credential that a PDF of ours has in it, as an embedded file, found without reading its pages."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from tanpuhui.transparency.refusals import FileUnreadable

PDF = b"%PDF-"
_BEGIN, _END = re.compile(rb"stream\r?\n"), b"\nendstream"
#: Longer than any credential of ours, unpacked; a PDF has not more streams.
MOST_BYTES, MOST_STREAMS = 5_000_000, 1_000


def attached(pdf: bytes) -> bytes:
    """The one credential in a PDF; a file with none, or with several, proves nothing."""
    found = set()
    for number, stream in enumerate(_streams(pdf)):
        if number == MOST_STREAMS:
            raise FileUnreadable(what=f"this PDF has more than {MOST_STREAMS} streams, one of ours fewer")
        content = _unpacked(stream)
        if content.lstrip().startswith(b"{") and b'"protected"' in content and b'"payload"' in content:
            found.add(content)
    if len(found) != 1:
        raise FileUnreadable(what=f"this PDF has {len(found)} credentials in it, and not one")
    return found.pop()


def _streams(pdf: bytes) -> Iterator[bytes]:
    """What is between ``stream`` and ``endstream``, looked at once: a file that is made to be slow is not."""
    at = 0
    while (begin := _BEGIN.search(pdf, at)) and (end := pdf.find(_END, begin.end() - 1)) >= 0:
        yield pdf[begin.end() : end].removesuffix(b"\r")
        at = end + len(_END)


def _unpacked(stream: bytes) -> bytes:
    """A stream unpacked when it is packed by zlib; otherwise as it is."""
    if not stream.startswith((b"x\x9c", b"x\xda", b"x\x01", b"x^")):
        return stream
    try:
        return zlib.decompressobj().decompress(stream, MOST_BYTES)
    except zlib.error:
        return stream
