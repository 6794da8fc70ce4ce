"""Attachment: the credential that a PDF of ours has in it, as an embedded file, found without reading its pages."""

from __future__ import annotations

import re
import zlib

from tanpuhui.transparency.refusals import FileUnreadable

PDF = b"%PDF-"
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
#: Longer than any credential of ours, unpacked; a PDF has not more streams.
MOST_BYTES, MOST_STREAMS = 5_000_000, 1_000


def attached(pdf: bytes) -> bytes:
    """The one credential in a PDF; a file with none, or with several, proves nothing."""
    found = {
        content
        for number, match in enumerate(_STREAM.finditer(pdf))
        if number < MOST_STREAMS
        for content in [_unpacked(match[1])]
        if content.lstrip().startswith(b"{") and b'"protected"' in content and b'"payload"' in content
    }
    if len(found) != 1:
        raise FileUnreadable(what=f"this PDF has {len(found)} credentials in it, and not one")
    return found.pop()


def _unpacked(stream: bytes) -> bytes:
    """A stream unpacked when it is packed by zlib; otherwise as it is."""
    if not stream.startswith((b"x\x9c", b"x\xda", b"x\x01", b"x^")):
        return stream
    try:
        return zlib.decompressobj().decompress(stream, MOST_BYTES)
    except zlib.error:
        return stream
