"""Witness: remembers the newest checkpoint of each log and cosigns only what continues it (C2SP tlog-witness).

It has a home and a key of its own and no database. What it remembers is on the disk before it answers; checking and
remembering happen under one lock. Whatever a log signed that does not continue what was seen is kept as evidence.
"""

from __future__ import annotations

import fcntl
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.files import write_bytes
from tanpuhui.transparency import note
from tanpuhui.transparency.checkpoint import DECIMAL, Checkpoint, read_checkpoint
from tanpuhui.transparency.merkle import verify_consistency
from tanpuhui.transparency.proof import MOST_HASHES
from tanpuhui.transparency.refusals import (
    CheckpointMalformed,
    NoteMalformed,
    NoteUnsigned,
    ProofInvalid,
    SignatureWrong,
)

PLAIN, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"
CHECKPOINT, EVIDENCE = "checkpoint", "evidence"
#: A request is at most this long: 63 hashes and a checkpoint with many signatures.
MOST_BYTES = 200_000
#: Pieces of evidence of each sort that are kept of one log; the first say what there is to say. Whoever has a log's
#: older checkpoints, or a newer one, can show them as a roll-back or with a wrong proof: that leaves no less room for
#: another root of one size, which nobody but the log can make.
MOST_EVIDENCE = 1_000
SPLIT, ROLL_BACK, UNPROVED = "split", "roll-back", "unproved"


@dataclass(frozen=True)
class Answer:
    """What is answered over HTTP."""

    status: int
    text: str
    kind: str = PLAIN


@dataclass(frozen=True)
class Witness:
    """A witness: its folder, its cosigning key, and the keys of the logs that it knows, by origin."""

    folder: Path
    key: note.SigningKey
    logs: Mapping[str, Sequence[note.VerifierKey]]

    def add_checkpoint(self, body: bytes, *, at_s: int) -> Answer:
        """Answer a log that shows its newest checkpoint, as the specification has it."""
        try:
            old, hashes, text = _read_request(body)
            checkpoint = read_checkpoint(note.read(text).text)
        except (NoteMalformed, CheckpointMalformed, ProofInvalid) as refusal:
            return Answer(400, f"{refusal}\n")
        if checkpoint.origin not in self.logs:
            return Answer(404, "This log is not known here.\n")
        try:
            note.verify_with(text, self.logs[checkpoint.origin])
        except (NoteUnsigned, SignatureWrong) as refusal:
            return Answer(403, f"{refusal}\n")
        if old > checkpoint.size:
            return Answer(400, "The old size is larger than the checkpoint's.\n")
        with self._only_one(checkpoint.origin):
            return self._decide(old, hashes, checkpoint, text=text, body=body, at_s=at_s)

    def newest(self, origin_hash: str) -> str | None:
        """The newest checkpoint that was cosigned of a log, with its cosignature; by the SHA-256 of its origin."""
        path = self.folder / origin_hash / CHECKPOINT
        return path.read_text() if path.exists() else None

    def _decide(
        self, old: int, hashes: Sequence[bytes], checkpoint: Checkpoint, *, text: str, body: bytes, at_s: int
    ) -> Answer:
        known = self._known(checkpoint.origin)
        size = known.size if known else 0
        if old != size:
            if known is not None and (checkpoint.size < size or _is_other(known, checkpoint)):
                self._keep(ROLL_BACK if checkpoint.size < size else SPLIT, checkpoint, body)
            return Answer(409, f"{size}\n", SIZE)
        try:
            _continue(known, checkpoint, hashes)
        except ProofInvalid as refusal:
            is_split = known is not None and _is_other(known, checkpoint)
            self._keep(SPLIT if is_split else UNPROVED, checkpoint, body)
            return Answer(422, f"{refusal}\n")
        crash_point("witness.checked")
        line = str(note.cosign(note.read(text).text, self.key, at_s=at_s))
        write_bytes(
            self._folder(checkpoint.origin) / CHECKPOINT, (_by_the_log(text, self.logs) + line).encode()
        )
        crash_point("witness.stored")
        return Answer(200, line)

    def _known(self, origin: str) -> Checkpoint | None:
        path = self._folder(origin) / CHECKPOINT
        return read_checkpoint(note.read(path.read_text()).text) if path.exists() else None

    def _keep(self, sort: str, shown: Checkpoint, body: bytes) -> None:
        """Keep what was shown beside what had been seen: both are signed by the log. One checkpoint is kept once."""
        folder = self._folder(shown.origin) / EVIDENCE
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{sort}-{sha256(shown.text.encode()).hexdigest()}.txt"
        if not path.exists() and len(list(folder.glob(f"{sort}-*"))) < MOST_EVIDENCE:
            seen = self._folder(shown.origin) / CHECKPOINT
            had = seen.read_bytes() if seen.exists() else b""
            write_bytes(path, body + b"\n-- seen before\n" + had)

    def _folder(self, origin: str) -> Path:
        return self.folder / hash_of(origin)

    @contextmanager
    def _only_one(self, origin: str) -> Iterator[None]:
        folder = self._folder(origin)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def hash_of(origin: str) -> str:
    """How a witness names a log in addresses."""
    return sha256(origin.encode()).hexdigest()


def write_request(old: int, hashes: Sequence[bytes], checkpoint: str) -> str:
    """What a log sends: the size that the witness knows, the proof from there, and the checkpoint."""
    lines = [f"old {old}", *(b64encode(one).decode() for one in hashes), "", checkpoint]
    return "\n".join(lines)


def _read_request(body: bytes) -> tuple[int, list[bytes], str]:
    try:
        above, blank, checkpoint = body.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise NoteMalformed(what="it is not UTF-8") from None
    first, *lines = above.split("\n")
    word, _, old = first.partition(" ")
    if not blank or word != "old" or not DECIMAL.fullmatch(old) or len(body) > MOST_BYTES:
        raise NoteMalformed(what="it does not begin with 'old' and a size")
    hashes = [note.plain_base64(line) for line in lines]
    known = [one for one in hashes if one is not None and len(one) == 32]
    if len(known) != len(hashes) or len(hashes) > MOST_HASHES:
        raise NoteMalformed(what="a line of the proof is not a hash, or there are too many")
    return int(old), known, checkpoint


def _continue(known: Checkpoint | None, checkpoint: Checkpoint, hashes: Sequence[bytes]) -> None:
    """Refuse unless the checkpoint continues what was seen; nothing was seen of an empty log."""
    if known is None or known.size == 0:
        if hashes:
            raise ProofInvalid(what="an empty log needs no proof")
        if known is not None and checkpoint.size == 0 and checkpoint.root != known.root:
            raise ProofInvalid(what="one size has two roots")
        return
    verify_consistency(
        size1=known.size, size2=checkpoint.size, root1=known.root, root2=checkpoint.root, proof=hashes
    )


def _is_other(known: Checkpoint, checkpoint: Checkpoint) -> bool:
    return known.size == checkpoint.size and known.root != checkpoint.root


def _by_the_log(text: str, logs: Mapping[str, Sequence[note.VerifierKey]]) -> str:
    """The checkpoint with the signatures of the log alone; others were not looked at."""
    read = note.read(text)
    keys = {(key.name, key.id) for key in logs[read_checkpoint(read.text).origin]}
    own = tuple(one for one in read.signatures if (one.name, one.key_id) in keys)
    return str(note.Note(read.text, own[:1]))
