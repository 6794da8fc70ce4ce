"""Audit: compute again everything that was certified, from the database, and compare it with the log.

The log's signed roots stand above the database: whoever can change any row, triggers or not, cannot change what was
signed, and what witnesses have cosigned not even with the log's key. Findings name the rows, those of the log first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.db import DatabaseError, connection, transaction

from tanpuhui.close.models import ErasedFile, Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.store import FileAltered, FileMissing, NoteInvalid
from tanpuhui.close.store import checked as file_checked
from tanpuhui.kit.digest import digest_json, has_floats
from tanpuhui.kit.erased import SUFFIX, notes_of, notes_path, said
from tanpuhui.kit.progress import Report, nobody
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.every_month import every_month
from tanpuhui.ledger.invariants import Finding, unread
from tanpuhui.ledger.invariants import check as check_ledger
from tanpuhui.market import invariants as market
from tanpuhui.money import invariants as money
from tanpuhui.notary.references import dangling
from tanpuhui.notary.sealed_tables import TABLES, Sealed
from tanpuhui.notary.seals import pages, read_page, rows_through, set_text, still_missing
from tanpuhui.notary.sources import TWICE, Source, sources
from tanpuhui.offsetting import invariants as offsetting
from tanpuhui.points import invariants as points
from tanpuhui.registry.models import PrivateRelease, StatisticsRelease
from tanpuhui.registry.reconcile import reconcile
from tanpuhui.transparency import note
from tanpuhui.transparency.checkpoint import Checkpoint, read_checkpoint
from tanpuhui.transparency.log import OPENING as DESTROYED
from tanpuhui.transparency.log import Log
from tanpuhui.transparency.merkle import EMPTY_ROOT, hash_leaf, hash_node
from tanpuhui.transparency.models import DestroyedSalt, Leaf, SignedCheckpoint
from tanpuhui.transparency.record import SALT_BYTES, Record
from tanpuhui.transparency.tiles import CHECKPOINT, WIDTH
from tanpuhui.verification import invariants as verification

#: Findings of one kind that are listed.
MOST = 20
LEAF, SIGNED, OPENING = "transparency_leaf", "transparency_checkpoint", "transparency_opening"
PUBLISHED = "the published checkpoint"
#: Tables whose rows name something by its digest and have it beside.
BODIES = ("close_manifest", "registry_statistics_release", "registry_private_release")


@dataclass(frozen=True)
class Audited:
    """What was found, the log's own rows first, and how much was looked at."""

    findings: tuple[Finding, ...]
    checked: Mapping[str, int]


@dataclass(frozen=True)
class Part:
    """A part of the audit: the tables whose rows it compares with what was signed, and how; none: it looks at sums."""

    name: str
    tables: frozenset[str]
    look: Callable[[dict[str, int]], Iterable[Finding]]


def audit(
    log: Log,
    places: Places,
    *,
    seen: Iterable[str] = (),
    also: Iterable[Part] = (),
    report: Report = nobody,
) -> Audited:
    """Compare database, files and log, in the caller's transaction (one moment of the database).

    ``seen`` are notes of checkpoints that somebody else kept, a witness for one: the log must contain them. ``also``
    are parts of packages that this one knows nothing of.
    """
    checked: dict[str, int] = {}
    wanted = (*parts(log, places, seen=seen), *also)
    with every_month(connection, report=report) as everything:
        found = unread(everything)
        for done, part in enumerate(wanted):
            report(f"Comparing with the log: {part.name}", done, len(wanted))
            found += part.look(checked)
    if everything.from_files:
        checked["postings_from_files"] = everything.from_files
    return Audited(tuple(found), checked)


def audit_table(table: str, log: Log, places: Places) -> Audited:
    """Those parts of an audit alone that compare the rows of one table with what was signed."""
    checked: dict[str, int] = {}
    wanted = [part for part in parts(log, places) if table in part.tables]
    assert wanted, f"{table} is nothing that the log has"
    with every_month(connection) as everything:
        found = [*unread(everything), *(finding for part in wanted for finding in part.look(checked))]
    return Audited(tuple(found), checked)


def parts(log: Log, places: Places, *, seen: Iterable[str] = ()) -> tuple[Part, ...]:
    """The whole audit, in the order of its findings: the log's own rows first, sums of the books last."""

    def part(tables: Iterable[str], look: Callable[..., Iterator[Finding]], *values: Any) -> Part:
        named = [*tables]
        return Part(named[-1], frozenset(named), lambda checked: _first(look(*values, checked)))

    return (
        part([SIGNED, LEAF], _log, log, [*seen]),
        part([LEAF, OPENING], _openings),
        *(part([source.table], _facts, source) for source in sources()),
        *(part([one.table], _rows, one) for one in TABLES),
        part(BODIES, _bodies, places),
        part(["close_erased_file"], _erased, places),
        Part("references", frozenset(), dangling),
        asked("ledger", check_ledger),
        asked("registry", reconcile),
        asked("verification", verification.check),
        asked("offsetting", offsetting.check),
        asked("money", money.check),
        asked("points", points.check),
        asked("market", market.check),
    )


def asked(name: str, check: Callable[[Any], Iterable[Finding]]) -> Part:
    """The invariants of a book. Where a dropped key or column keeps them from being asked, that is the finding."""

    def look(checked: dict[str, int]) -> Iterable[Finding]:
        del checked
        try:
            with transaction.atomic():
                return [*check(connection)]
        except DatabaseError as error:
            said = str(error).partition("\n")[0]
            return [Finding("invariants_can_be_asked", name, "schema", f"they cannot be asked: {said}")]

    return Part(name, frozenset(), look)


def audit_log(log: Log) -> Audited:
    """Compare the log with itself alone: leaves, files, openings, signed checkpoints."""
    checked: dict[str, int] = {}
    findings = [*_first(_log(log, [], checked)), *_first(_openings(checked))]
    return Audited(tuple(findings), checked)


# -- the log ------------------------------------------------------------------------------------------------------


class _Growing:
    """The root over leaves as they come, from the roots of complete subtrees: no leaf is kept."""

    def __init__(self) -> None:
        self.size = 0
        self._parts: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        self._parts.append(leaf)
        self.size += 1
        size = self.size
        while size % 2 == 0:
            right = self._parts.pop()
            self._parts.append(hash_node(self._parts.pop(), right))
            size //= 2

    @property
    def root(self) -> bytes:
        if not self._parts:
            return EMPTY_ROOT
        *rest, root = self._parts
        for part in reversed(rest):
            root = hash_node(part, root)
        return root


def _log(log: Log, seen: list[str], checked: dict[str, int]) -> Iterator[Finding]:
    """Leaves have no gap and are what the files say; every checkpoint that was signed has the root of its leaves."""
    signed = list(SignedCheckpoint.objects.order_by("size"))
    outside, wrong = _outside(log, seen)
    yield from wrong
    roots: dict[int, list[tuple[str, bytes]]] = {}
    known = {one.size for one in signed}
    for name, checkpoint in outside:
        if name == PUBLISHED and checkpoint.size not in known:
            key = f"size={checkpoint.size}"
            yield Finding("checkpoints_are_signed", SIGNED, key, "it was published, and its row is gone")
    for one in signed:
        yield from _unsigned(log, one)
        roots.setdefault(one.size, []).append((f"size={one.size}", bytes(one.root)))
    for name, checkpoint in outside:
        roots.setdefault(checkpoint.size, []).append((name, checkpoint.root))
    growing, before = _Growing(), 0
    bundle: list[bytes] = []
    filed = signed[-1].size if signed else 0
    for number, (index, entry) in enumerate(_entries()):
        if number == 0:
            yield from _other_roots(growing, roots)
        if index < growing.size:
            yield Finding(
                "log_has_no_gap", LEAF, f"index={index}", "a leaf is there that is none of the log's"
            )
            return
        if index > growing.size:
            yield Finding("log_has_no_gap", LEAF, f"index={growing.size}", "the leaf is not there")
            return
        if index % WIDTH == 0 and index < filed:
            bundle, found = _bundle(log, index, filed)
            yield from found
        if index < filed and index % WIDTH < len(bundle) and bundle[index % WIDTH] != entry:
            yield Finding(
                "leaves_are_what_was_published", LEAF, f"index={index}", "the log's file has another entry"
            )
        growing.add(hash_leaf(entry))
        found = list(_other_roots(growing, roots, before))
        yield from found
        if growing.size in roots:
            before = growing.size
    if growing.size == 0:
        yield from _other_roots(growing, roots)
    for size in sorted(size for size in roots if size > growing.size):
        name = roots[size][0][0]
        yield Finding(
            "log_has_no_gap", LEAF, f"index={growing.size}", f"the leaf is not there, and {name} covers it"
        )
        break
    checked["leaves"], checked["checkpoints"] = growing.size, len(signed)


def _entries() -> Iterator[tuple[int, bytes]]:
    for index, entry in (
        Leaf.objects.order_by("index").values_list("index", "entry").iterator(chunk_size=10_000)
    ):
        yield index, bytes(entry)


def _other_roots(
    growing: _Growing, roots: Mapping[int, list[tuple[str, bytes]]], before: int = 0
) -> Iterator[Finding]:
    for name, root in roots.get(growing.size, ()):
        if root != growing.root:
            where = f"leaves {before} to {growing.size - 1}" if growing.size else "nothing"
            yield Finding(
                "checkpoints_are_of_their_leaves", SIGNED, name, f"it was signed over other than {where}"
            )


def _unsigned(log: Log, one: SignedCheckpoint) -> Iterator[Finding]:
    try:
        text = note.verify_with(one.note, [log.key.verifier]).text
        said = read_checkpoint(text)
    except Refusal as refusal:
        yield Finding("checkpoints_are_signed", SIGNED, f"size={one.size}", str(refusal))
        return
    if (said.origin, said.size, said.root) != (log.origin, one.size, bytes(one.root)):
        yield Finding("checkpoints_are_signed", SIGNED, f"size={one.size}", "the note says something else")


def _outside(log: Log, seen: list[str]) -> tuple[list[tuple[str, Checkpoint]], list[Finding]]:
    """Checkpoints that are kept outside the database: the published one, and those that somebody else saw."""
    texts = [("a checkpoint that was seen", text) for text in seen]
    path = log.folder / CHECKPOINT
    if path.exists():
        texts.append((PUBLISHED, path.read_text()))
    known, wrong = [], []
    for name, text in texts:
        try:
            said = read_checkpoint(note.verify_with(text, [log.key.verifier]).text)
            known.append((name, said))
        except Refusal as refusal:
            wrong.append(Finding("checkpoints_are_signed", name, CHECKPOINT, str(refusal)))
    return known, wrong


def _bundle(log: Log, index: int, size: int) -> tuple[list[bytes], list[Finding]]:
    width = min(WIDTH, size - index)
    try:
        return log.tiles.entries(index // WIDTH, width), []
    except Refusal as refusal:
        return [], [
            Finding("log_files_are_there", "log", f"leaves {index} to {index + width - 1}", str(refusal))
        ]


# -- records -------------------------------------------------------------------------------------------------------


def _openings(checked: dict[str, int]) -> Iterator[Finding]:
    """Every opening opens its leaf, and none is gone but those whose destruction was written down.

    Without its opening a leaf says nothing: whoever deletes one could change the fact behind it unseen.
    """
    destroyed = set(DestroyedSalt.objects.filter(kind=DESTROYED).values_list("key", flat=True))
    bare = Leaf.objects.filter(opening__isnull=True).order_by("index")
    for leaf in bare.iterator(chunk_size=2_000):
        if str(leaf.index) not in destroyed:
            found = f"what opens {leaf.kind} {leaf.key} is gone, and nobody destroyed it"
            yield Finding("openings_are_there", OPENING, f"leaf={leaf.index}", found)
    leaves = Leaf.objects.filter(opening__isnull=False).select_related("opening").order_by("index")
    last = -1
    for leaf in leaves.iterator(chunk_size=2_000):
        if leaf.index == last:
            found = f"{leaf.kind} {leaf.key} has a second one"
            yield Finding("openings_are_one_each", OPENING, f"leaf={leaf.index}", found)
        last = leaf.index
        checked["openings"] = checked.get("openings", 0) + 1
        if not _opens(leaf):
            yield Finding(
                "openings_open_their_leaves",
                OPENING,
                f"leaf={leaf.index}",
                f"not {leaf.kind} {leaf.key} as logged",
            )


def _opens(leaf: Leaf) -> bool:
    """Whether a leaf's opening is the one that it was made from; another is not read any further."""
    salt = bytes(leaf.opening.salt)
    record = leaf.opening.record
    if len(salt) != SALT_BYTES or not isinstance(record, dict) or has_floats(record):
        return False
    return Record(leaf.kind, leaf.key, record).entry(salt) == bytes(leaf.entry)


def _facts(source: Source, checked: dict[str, int]) -> Iterator[Finding]:
    """Every fact that was logged is still there and says the same."""
    leaves = Leaf.objects.filter(kind=source.kind, opening__isnull=False).select_related("opening")
    for leaf in leaves.order_by("index").iterator(chunk_size=2_000):
        checked["facts"] = checked.get("facts", 0) + 1
        if not _opens(leaf):
            continue
        logged = leaf.opening.record
        now = source.now(leaf.key)
        if now is None:
            yield Finding(
                "facts_are_as_logged", source.table, leaf.key, f"it is gone; leaf {leaf.index} has it"
            )
        elif now == TWICE:
            yield Finding("facts_are_as_logged", source.table, leaf.key, "several rows have this key")
        elif now != logged:
            fields = sorted({*now, *logged})
            changed = [name for name in fields if now.get(name) != logged.get(name)]
            said = "; ".join(
                f"{name} is {_short(now.get(name))}, logged as {_short(logged.get(name))}" for name in changed
            )
            yield Finding("facts_are_as_logged", source.table, leaf.key, f"{said} (leaf {leaf.index})")


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:80]


# -- rows ----------------------------------------------------------------------------------------------------------


def _rows(one: Sealed, checked: dict[str, int]) -> Iterator[Finding]:
    """Sealed rows are there and say the same, and none has come among them."""
    read, columns = [], one.columns
    for leaf in pages(one):
        if not _opens(leaf):
            yield Finding("seals_are_there", one.table, leaf.key, f"leaf {leaf.index} is not opened")
            return
        try:
            page = read_page(leaf)
        except (FileMissing, FileAltered) as refusal:
            yield Finding("seals_are_there", one.table, leaf.key, str(refusal))
            return
        columns = tuple(page.record["columns"])
        read.append(pa.table({"number": page.numbers, "key": page.keys, "digest": page.digests}))
    if not read:
        return
    sealed = pa.concat_tables(read).sort_by(
        [("number", "ascending"), ("key", "ascending"), ("digest", "ascending")]
    )
    checked["sealed_rows"] = checked.get("sealed_rows", 0) + len(sealed)
    last = sealed["number"][-1].as_py()
    late = still_missing(one)
    set_text()
    yield from _differences(one, _as_tuples(sealed), rows_through(one, columns, last), late)


def _as_tuples(table: pa.Table) -> Iterator[tuple[int, str, bytes]]:
    for batch in table.to_batches(max_chunksize=50_000):
        yield from zip(*(batch.column(place).to_pylist() for place in range(3)), strict=True)


def _differences(
    one: Sealed,
    sealed: Iterator[tuple[int, str, bytes]],
    found: Iterator[tuple[int, str, bytes]],
    late: list[list[int]],
) -> Iterator[Finding]:
    """Walk both in order; the same name on both sides with another digest is a row that was edited."""
    ours, theirs = next(sealed, None), next(found, None)
    while ours is not None or theirs is not None:
        if ours == theirs:
            ours, theirs = next(sealed, None), next(found, None)
        elif ours is not None and theirs is not None and ours[:2] == theirs[:2]:
            yield _row(one, ours[1], "it was edited after it was sealed")
            ours, theirs = next(sealed, None), next(found, None)
        elif theirs is None or (ours is not None and ours[:2] < theirs[:2]):
            assert ours is not None
            yield _row(one, ours[1], "it was deleted after it was sealed")
            ours = next(sealed, None)
        else:
            number = theirs[0]
            if not any(first <= number <= last for first, last in late):
                yield _row(one, theirs[1], "it came among rows that were sealed")
            theirs = next(found, None)


def _row(one: Sealed, key: str, found: str) -> Finding:
    return Finding("rows_are_as_sealed", one.table, f"{':'.join(one.names)}={key}", found)


# -- what facts refer to -------------------------------------------------------------------------------------------


def _bodies(places: Places, checked: dict[str, int]) -> Iterator[Finding]:
    """Manifests and releases have the digest that they are named by, and so have the files of closes."""
    for manifest in Manifest.objects.order_by("day", "sequence").iterator(chunk_size=500):
        checked["bodies"] = checked.get("bodies", 0) + 1
        if not _has_digest(manifest.body, manifest.digest):
            yield Finding(
                "bodies_have_their_digests", "close_manifest", manifest.digest, "the body was edited"
            )
            continue
        for output in manifest.body["outputs"]:
            for name in ("results", "credits"):
                try:
                    places.results.checked(output[name])
                except (FileMissing, FileAltered, NoteInvalid) as refusal:
                    yield Finding(
                        "bodies_have_their_digests", "close_manifest", manifest.digest, str(refusal)
                    )
    for release in StatisticsRelease.objects.order_by("pk").iterator(chunk_size=500):
        checked["bodies"] = checked.get("bodies", 0) + 1
        if not _has_digest(release.body, release.digest):
            key = str(release.pk)
            yield Finding(
                "bodies_have_their_digests", "registry_statistics_release", key, "the body was edited"
            )
    for private in PrivateRelease.objects.order_by("pk").iterator(chunk_size=500):
        checked["bodies"] = checked.get("bodies", 0) + 1
        if not _has_digest(private.body, private.digest):
            yield Finding(
                "bodies_have_their_digests",
                "registry_private_release",
                str(private.pk),
                "the body was edited",
            )


def _has_digest(body: Any, digest: str) -> bool:
    """A body with a float is none that we wrote."""
    return not has_floats(body) and digest_json(body) == digest


# -- what was erased -----------------------------------------------------------------------------------------------


def _erased(places: Places, checked: dict[str, int]) -> Iterator[Finding]:
    """Every note in the lake is of an erasure that was recorded, to the letter; and every file of one is as it left it.

    A note that nobody recorded would hide a change; it is a finding, whoever signed it.
    """
    known: dict[str, list[ErasedFile]] = {}
    for row in ErasedFile.objects.order_by("path", "pk").iterator(chunk_size=2_000):
        known.setdefault(row.path, []).append(row)
        checked["erased_rows"] = checked.get("erased_rows", 0) + row.rows
    found = {str(path.relative_to(places.lake)): path for path in places.lake.rglob(f"*{SUFFIX}")}
    for name, rows in known.items():
        path = places.lake / name
        if notes_of(path) != tuple(row.note for row in rows):
            yield Finding(
                "erasures_are_as_recorded", "close_erased_file", name, "the note is another, or none"
            )
        elif wrong := [row for row in rows if not _says(row)]:
            yield Finding(
                "erasures_are_as_recorded", "close_erased_file", name, f"row {wrong[0].pk} was edited"
            )
        else:
            yield from _left(path, rows[0].file)
        found.pop(str(notes_path(path).relative_to(places.lake)), None)
    for name in sorted(found):
        yield Finding("erasures_are_as_recorded", "close_erased_file", name, "no erasure wrote this note")


def _says(row: ErasedFile) -> bool:
    note = said(row.note)
    named = (note["file"], note["from"], note["to"], note["removed"]["rows"], note["erasure"])
    return bool(named == (row.file, row.before, row.after, row.rows, str(row.erasure_id)))


def _left(path: Path, digest: str) -> Iterator[Finding]:
    try:
        file_checked(path, digest)
    except (FileMissing, FileAltered, NoteInvalid) as refusal:
        yield Finding("erasures_are_as_recorded", "close_erased_file", path.name, str(refusal))


def _first(findings: Iterator[Finding]) -> Iterator[Finding]:
    """The first findings of a kind; the rest follow from the same cause as a rule."""
    for _, finding in zip(range(MOST), findings, strict=False):
        yield finding
