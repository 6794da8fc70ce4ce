"""Log: enter records, sign checkpoints over them, and publish them as files.

Entering takes a place in the database, in the caller's transaction. Signing writes the tiles first and then a row, so
that a kill between any two steps leaves leaves that the next checkpoint covers, or tiles that it writes again.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection

from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.files import write_bytes
from tanpuhui.transparency import note
from tanpuhui.transparency.checkpoint import Checkpoint, read_checkpoint
from tanpuhui.transparency.merkle import hash_leaf, prove_inclusion
from tanpuhui.transparency.models import DestroyedSalt, Leaf, Opening, SignedCheckpoint
from tanpuhui.transparency.proof import LogProof
from tanpuhui.transparency.record import RECEIPT, Record
from tanpuhui.transparency.refusals import (
    LogBehind,
    LogForked,
    NotInLog,
    NotIntegrated,
    OpeningDestroyed,
    RecordChanged,
)
from tanpuhui.transparency.tiles import CHECKPOINT, Tiles

#: Advisory lock under which leaves get their places and checkpoints are signed, one after the other.
LOCK = 0x6C6F6773
#: What a destroyed opening is called where destroyed salts are written down.
OPENING = "opening"
#: Leaves that are read at once when a log is extended.
AT_ONCE = 65_536


@dataclass(frozen=True)
class Log:
    """A log of this installation: its folder of files and the key that signs in the name of its origin."""

    folder: Path
    key: note.SigningKey

    @property
    def origin(self) -> str:
        return self.key.name

    @property
    def tiles(self) -> Tiles:
        return Tiles(self.folder)


def enter(records: Iterable[Record], *, at: datetime) -> int:
    """Give every record that has none a leaf, in the caller's transaction; answers how many are new.

    A record that has one is passed over when it says the same, and refused (:class:`RecordChanged`) when it does not.
    """
    lock()
    size = _count()
    new: dict[tuple[str, str], tuple[Record, bytes]] = {}
    for record, leaf in _with_leaves(records):
        if leaf is not None:
            _refuse_changed(record, leaf)
        elif (record.kind, record.key) in new:
            if new[record.kind, record.key][0] != record:
                raise RecordChanged(kind=record.kind, key=record.key, index="?")
        else:
            new[record.kind, record.key] = (record, secrets.token_bytes(32))
    leaves = [
        Leaf(index=size + place, kind=one.kind, key=one.key, entry=one.entry(salt), entered_at=at)
        for place, (one, salt) in enumerate(new.values())
    ]
    Leaf.objects.bulk_create(leaves, batch_size=None)
    Opening.objects.bulk_create(
        [
            Opening(leaf=leaf, salt=salt, record=dict(record.content))
            for leaf, (record, salt) in zip(leaves, new.values(), strict=True)
        ]
    )
    return len(leaves)


def sign_checkpoint(log: Log, *, at: datetime) -> SignedCheckpoint:
    """Write the tiles of all leaves and sign a checkpoint over them, in the caller's transaction.

    Nothing new: the last one is answered. Refused (:class:`LogForked`) when the files no longer have the root that was
    signed last: a log never signs two trees that do not continue each other.
    """
    lock()
    last = latest()
    size = last.size if last else 0
    _refuse_behind(log, last)
    if last is not None and log.tiles.root(size) != bytes(last.root):
        raise LogForked(size=size, what="the files have another root than was signed")
    after = size
    for entries in _entries_from(size):
        log.tiles.extend(after, entries)
        after += len(entries)
    crash_point("log.tiles_written")
    if last is not None and after == size:
        return last
    checkpoint = Checkpoint(log.origin, after, log.tiles.root(after))
    text = note.sign(checkpoint.text, [log.key])
    return SignedCheckpoint.objects.create(size=after, root=checkpoint.root, note=text, signed_at=at)


def write_again(log: Log) -> None:
    """Write every file of what was signed again, from the database; refused unless they have the root of then."""
    last = latest()
    if last is None:
        raise NotIntegrated()
    after = 0
    for entries in _entries_from(0):
        wanted = entries[: last.size - after]
        log.tiles.extend(after, wanted)
        after += len(wanted)
        if after == last.size:
            break
    if after != last.size or log.tiles.root(after) != bytes(last.root):
        raise LogForked(size=last.size, what="the leaves have another root than was signed")


def publish(log: Log) -> str:
    """Write the newest checkpoint, with what witnesses have said to it, where everybody reads it.

    Called when what was signed is committed; again after a kill it writes the same. A checkpoint goes out with the
    cosignatures that there are: whoever needs a quorum sees whether it is met.
    """
    text = newest_note()
    write_bytes(log.folder / CHECKPOINT, text.encode())
    crash_point("log.published")
    log.tiles.forget_partial(read_checkpoint(note.read(text).text).size)
    return text


def newest_note() -> str:
    """The newest checkpoint with its cosignatures."""
    last = latest()
    if last is None:
        raise NotIntegrated()
    return with_cosignatures(last)


def with_cosignatures(checkpoint: SignedCheckpoint) -> str:
    """A checkpoint's note with the lines of the witnesses that cosigned it."""
    return checkpoint.note + "".join(
        checkpoint.cosignatures.order_by("witness").values_list("line", flat=True)
    )


def latest() -> SignedCheckpoint | None:
    """The checkpoint that was signed last, if there is one."""
    return SignedCheckpoint.objects.order_by("-size").first()


def find_leaf(kind: str, key: str) -> Leaf:
    """The leaf of a record."""
    leaf = Leaf.objects.filter(kind=kind, key=key).first()
    if leaf is None:
        raise NotInLog(kind=kind, key=key)
    return leaf


def prove(log: Log, leaf: Leaf, under: SignedCheckpoint | None = None) -> LogProof:
    """The proof of a leaf under a checkpoint: the newest, unless another is named."""
    checkpoint = under or latest()
    if checkpoint is None or checkpoint.size <= leaf.index:
        raise NotIntegrated()
    hashes = prove_inclusion(
        index=leaf.index, size=checkpoint.size, subtree=log.tiles.subtree(checkpoint.size)
    )
    return LogProof(leaf.index, tuple(hashes), with_cosignatures(checkpoint))


def receipt(log: Log, leaf: Leaf, *, under: SignedCheckpoint | None = None) -> dict[str, Any]:
    """What somebody keeps to prove a record offline: the record, its salt, and the proof of its leaf."""
    opening = Opening.objects.filter(pk=leaf.index).first()
    if opening is None:
        raise OpeningDestroyed(index=leaf.index)
    return {
        "format": RECEIPT,
        **Record(leaf.kind, leaf.key, opening.record).as_json(),
        "salt": b64encode(bytes(opening.salt)).decode(),
        "proof": str(prove(log, leaf, under)),
    }


def destroy_opening(leaf: Leaf) -> bool:
    """Destroy what leads from a leaf to its record; the leaf stays, and every proof of others with it.

    That it was destroyed is written down, in the same transaction: an opening that is merely gone is a finding.
    """
    deleted, _ = Opening.objects.filter(pk=leaf.index).delete()
    if deleted:
        said = hash_leaf(bytes(leaf.entry))
        DestroyedSalt.objects.get_or_create(kind=OPENING, key=str(leaf.index), defaults={"leaf": said})
    return bool(deleted)


def lock() -> None:
    """Be the only one that enters or signs, until the transaction ends."""
    assert connection.in_atomic_block, "the caller opens the transaction"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _count() -> int:
    last = Leaf.objects.order_by("-index").values_list("index", flat=True).first()
    return 0 if last is None else last + 1


def _with_leaves(records: Iterable[Record]) -> Iterator[tuple[Record, Leaf | None]]:
    """Each record with its leaf; leaves are looked up by kind, many at once."""
    by_kind: dict[str, list[Record]] = {}
    for record in records:
        by_kind.setdefault(record.kind, []).append(record)
    for kind, ours in by_kind.items():
        for first in range(0, len(ours), AT_ONCE):
            part = ours[first : first + AT_ONCE]
            known = Leaf.objects.filter(kind=kind, key__in=[one.key for one in part])
            by_key = {leaf.key: leaf for leaf in known.select_related("opening")}
            yield from ((record, by_key.get(record.key)) for record in part)


def _refuse_changed(record: Record, leaf: Leaf) -> None:
    opening: Opening | None = getattr(leaf, "opening", None)
    if opening is not None and record.entry(bytes(opening.salt)) != bytes(leaf.entry):
        raise RecordChanged(kind=record.kind, key=record.key, index=leaf.index)


def _entries_from(size: int) -> Iterator[Sequence[bytes]]:
    """The entries after the first ``size``, in order, in portions that end where tiles end."""
    first = size
    while True:
        after = (first // AT_ONCE + 1) * AT_ONCE
        found = list(
            Leaf.objects.filter(index__gte=first, index__lt=after)
            .order_by("index")
            .values_list("index", "entry")
        )
        if not found:
            return
        if [index for index, _ in found] != list(range(first, first + len(found))):
            raise LogForked(size=first, what="the database has lost a leaf")
        yield [bytes(entry) for _, entry in found]
        first += len(found)


def _refuse_behind(log: Log, last: SignedCheckpoint | None) -> None:
    """What is published was signed by this database; a restored one may have forgotten it."""
    try:
        published = (log.folder / CHECKPOINT).read_text()
    except FileNotFoundError:
        return
    checkpoint = read_checkpoint(note.verify_with(published, [log.key.verifier]).text)
    size = last.size if last else 0
    if checkpoint.size > size:
        raise LogBehind(size=size, published=checkpoint.size)
    known = SignedCheckpoint.objects.filter(size=checkpoint.size).first()
    if known is None or bytes(known.root) != checkpoint.root:
        raise LogForked(size=checkpoint.size, what="another root was published than the database knows")
