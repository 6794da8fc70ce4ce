"""Store: content-addressed Parquet files of frozen inputs and results in the lake."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tanpuhui.consent.artefact import verified
from tanpuhui.kit.digest import PREFIX, digest_bytes, digest_file
from tanpuhui.kit.erased import TYPE, beside, notes_of
from tanpuhui.kit.files import write_bytes
from tanpuhui.kit.refusal import Refusal

#: Engines read row groups side by side.
ROW_GROUP = 61_440


class FileMissing(Refusal):
    code = "close.file_missing"
    message = (
        "{digest} is not in the lake ({path}). Restore the lake from its backup, then repeat the command."
    )


class FileAltered(Refusal):
    code = "close.file_altered"
    message = "{path} no longer has the digest {digest}. Restore it from the backup, then repeat the command."


class NoteInvalid(Refusal):
    code = "close.erasure_note_invalid"
    message = (
        "What stands in the place of an erased file is not a note of this installation ({why}). "
        "Restore the lake from its backup, then repeat the command."
    )


class Store:
    """Files below ``lake/<folder>``, each named by the digest of its bytes."""

    def __init__(self, lake: Path, folder: str) -> None:
        self._folder = lake / folder

    def path(self, digest: str) -> Path:
        name = digest.removeprefix(PREFIX)
        return self._folder / name[:2] / f"{name}.parquet"

    def put(self, table: pa.Table) -> str:
        """Write a table and give its digest; the same content is the same file, written once."""
        content = io.BytesIO()
        pq.write_table(table, content, compression="zstd", row_group_size=ROW_GROUP)
        digest = digest_bytes(content.getvalue())
        path = self.path(digest)
        if not path.exists():
            write_bytes(path, content.getvalue())
        return digest

    def checked(self, digest: str) -> Path:
        """The path of a file whose bytes still have this digest."""
        return checked(self.path(digest), digest)


def checked(path: Path, digest: str) -> Path:
    """The path itself when its bytes have the digest; refuses a file that is missing or altered.

    Where a person's rows were erased, the path of what stands in its place: every note must be signed and lead on.
    """
    if not path.exists():
        if tokens := notes_of(path):
            return _after_erasure(path, digest, tokens)
        raise FileMissing(digest=digest, path=path)
    if digest_file(path) != digest:
        raise FileAltered(digest=digest, path=path)
    return path


def _after_erasure(path: Path, digest: str, tokens: tuple[str, ...]) -> Path:
    now = digest
    for token in tokens:
        note = verified(token, TYPE, NoteInvalid)
        if (note.get("file"), note.get("from")) != (digest, now):
            raise NoteInvalid(why="it is the note of another file")
        now = note["to"]
    left = beside(path, now)
    if not left.exists():
        raise FileMissing(digest=now, path=left)
    if digest_file(left) != now:
        raise FileAltered(digest=now, path=left)
    return left
