"""Send: a file from a form into the lake, or through the same checks without keeping anything."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from django.db import transaction

from tanpuhui.close.installation import places, zone
from tanpuhui.evidence.envelope import BLOCK_BYTES, Media, media_of
from tanpuhui.evidence.models import Batch
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.rehearse import Rehearsal, rehearse
from tanpuhui.evidence.take import take
from tanpuhui.evidence.upload import Upload, store_upload
from tanpuhui.kit.home import inbox
from tanpuhui.kit.moment import utc_now

LONGEST_NAME = 100
_UNSAFE = re.compile(r"[^\w .()-]+")


def taken(provider: str, file: Any, *, key: str) -> tuple[Receipt, bool]:
    """Take a file as this provider's, and whether it is new; the same file again is the batch that it was."""
    stem = stem_of(file)
    upload = _stored(file, stem)
    where = places()
    try:
        with transaction.atomic():
            before = Batch.objects.filter(provider=provider, key=key or upload.digest).exists()
            answer = take(
                provider,
                upload.path,
                key=key or None,
                at=utc_now(),
                lake=where.lake,
                buckets=where.buckets,
                zone=zone(),
                stem=stem,
            )
        return answer, not before
    finally:
        upload.discard()


def rehearsed(provider: str, file: Any) -> Rehearsal:
    """What the file would be answered; nothing is kept."""
    stem = stem_of(file)
    upload = _stored(file, stem)
    try:
        return rehearse(provider, upload.path, stem=stem, at=utc_now(), folder=inbox(), zone=zone())
    finally:
        upload.discard()


def stem_of(file: Any) -> str:
    """What the provider calls the file: without folders, ending, or anything that is not written in a name.

    It is told in messages and kept with refused rows, and is never a path here.
    """
    name = PurePath((file.name or "").replace("\\", "/")).name
    plain = _UNSAFE.sub("_", PurePath(name).stem).strip(" .")
    return plain[:LONGEST_NAME] or "file"


def _stored(file: Any, stem: str) -> Upload:
    """The file under a name of ours, checked block by block on the way."""
    start = file.read(BLOCK_BYTES)
    said: Media = media_of(start, stem)
    file.seek(0)
    return store_upload(
        file.chunks(BLOCK_BYTES),
        folder=inbox(),
        said=said,
        compressed=False,
        announced_bytes=file.size or 0,
        name=stem,
    )
