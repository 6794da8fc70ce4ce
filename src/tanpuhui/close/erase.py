"""Erase: take one person's rows out of every file of the lake, and leave a signed note where a file was.

Files are named by their digests, in manifests that nobody changes. A file with rows of the person is written anew
without them beside the old one, which goes. The note says from which digest to which, and how many rows went, by how
they had ended: a replay still adds up, and tells an erasure from any other change.

Three steps, so that a kill at any point leaves all of it or nothing: :func:`prepare` writes the new files,
:func:`record` says so in the caller's transaction, :func:`finish` puts the notes in place and removes the old files, as
often as it is asked.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db import transaction
from django.db.models import QuerySet, Sum

from tanpuhui.close.inputs import standing_between
from tanpuhui.close.models import ErasedCredit, ErasedFile, Erasure, Manifest
from tanpuhui.close.places import FROZEN, RESULTS, Places
from tanpuhui.close.store import ROW_GROUP, checked
from tanpuhui.consent.artefact import moment_text, sign
from tanpuhui.evidence.id_index import files_of, remove
from tanpuhui.evidence.lake import UNLINKED
from tanpuhui.evidence.models import IdRun, LakeFile
from tanpuhui.evidence.take import wait_for_turn
from tanpuhui.kit.digest import PREFIX, digest_bytes, digest_json
from tanpuhui.kit.erased import SUFFIX, TYPE, beside, notes_of, said, write_notes
from tanpuhui.kit.files import write_bytes
from tanpuhui.quantify.outcome import Outcome

SCHEMA = "tanpuhui-erasure-note/1"
#: Why rows go: a person is erased, or a day is kept no longer.
PERSON, RETENTION = "person", "retention"


@dataclass(frozen=True)
class Person:
    """Whose rows go: an account, and what providers' pseudonyms it had as subjects."""

    account: int
    subjects: frozenset[int]


@dataclass(frozen=True)
class Rewritten:
    """A file that has been written anew: where the first one was, and its digests."""

    path: str
    file: str
    before: str
    after: str
    removed: dict[str, Any]
    note: str


@dataclass(frozen=True)
class Prepared:
    """What an erasure changes in the lake, ready to be recorded."""

    erasure: UUID
    at: datetime
    files: tuple[Rewritten, ...]
    #: Milligrams by day, as the closes that stand have credited them.
    credits: dict[tuple[date, int], int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(one.removed["rows"] for one in self.files)


def prepare(person: Person, erasure: UUID, places: Places, *, at: datetime) -> Prepared:
    """Write every file that has rows of the person anew, without them; nothing refers to the new ones yet."""
    records: set[int] = set()
    files = []
    for path, digest in _files(person, places):
        table = pq.read_table(checked(path, digest))
        mine = _mask(table, person, records)
        if not pc.any(mine).as_py():
            continue
        gone = table.filter(mine)
        if "record_id" in gone.column_names:
            records.update(gone["record_id"].to_pylist())
        left = table.filter(pc.invert(mine))
        files.append(_rewrite(path, digest, left, gone, erasure=erasure, places=places, at=at))
    return Prepared(erasure, at, tuple(files), _credits(files, places))


def prepare_days(last: date, until_us: int, erasure: UUID, places: Places, *, at: datetime) -> Prepared:
    """Write every file of days up to ``last`` empty: what is kept longer than its purpose needs goes.

    Of files that more than one day has (revisions, ids), the rows that ended before ``until_us``. The ledger keeps what
    was credited, since a day that is so old is not closed again.
    """
    files = []
    for path, digest in _of_days(last, places):
        table = pq.read_table(checked(path, digest))
        if "day" in table.column_names and "ended_us" not in table.column_names:
            gone = pc.less_equal(table["day"], pa.scalar(last, table.schema.field("day").type))
        elif path.parent.name == LakeFile.REVISIONS:
            gone = pc.less(table["ended_us"], until_us)
        else:
            gone = pa.chunked_array([pa.array([True] * len(table), pa.bool_())])
        if pc.any(gone).as_py():
            left = table.filter(pc.invert(gone))
            files.append(
                _rewrite(
                    path,
                    digest,
                    left,
                    table.filter(gone),
                    erasure=erasure,
                    places=places,
                    at=at,
                    why=RETENTION,
                )
            )
    return Prepared(erasure, at, tuple(files))


def _of_days(last: date, places: Places) -> Iterator[tuple[Path, str]]:
    """The files of old days, each once; those that a later day's close still stands on are left to it."""
    seen: set[Path] = set()
    later = {
        digest
        for one in Manifest.objects.filter(day__gt=last).order_by("day", "sequence")
        for _, digest in _outputs(one, places)
    }
    old = Manifest.objects.filter(day__lte=last).order_by("day", "sequence")
    records = LakeFile.objects.filter(part=LakeFile.RECORDS, day__lte=last).order_by("day", "id")
    shared = LakeFile.objects.exclude(part=LakeFile.RECORDS).order_by("id")
    for path, digest in [
        *((places.lake / one.path, one.digest) for one in (*records, *shared)),
        *(pair for one in old for pair in _frozen(one, places)),
        *(pair for one in old for pair in _outputs(one, places)),
    ]:
        if digest and path not in seen and digest not in later:
            seen.add(path)
            yield path, digest


def _frozen(manifest: Manifest, places: Places) -> Iterator[tuple[Path, str]]:
    inputs = manifest.body["inputs"]
    for by_bucket in (inputs["resolved"], inputs["grants"], inputs["prior"]):
        for digest in by_bucket.values():
            yield places.frozen.path(digest), digest


def record(prepared: Prepared) -> Erasure:
    """Say in the caller's transaction what is erased; the notes are signed by then."""
    named = sorted((one.path, one.before, one.after) for one in prepared.files)
    made = Erasure.objects.create(
        id=prepared.erasure,
        files=len(prepared.files),
        rows=prepared.rows,
        digest=digest_json(named),
        at=prepared.at,
    )
    ErasedFile.objects.bulk_create(
        ErasedFile(
            erasure=made,
            path=one.path,
            file=one.file,
            before=one.before,
            after=one.after,
            rows=one.removed["rows"],
            note=one.note,
        )
        for one in prepared.files
    )
    ErasedCredit.objects.bulk_create(
        ErasedCredit(erasure=made, day=day, sequence=sequence, credited_mg=amount)
        for (day, sequence), amount in prepared.credits.items()
    )
    return made


def written_anew(places: Places) -> list[Path]:
    """Files that stand, or will once it is finished, for what recorded erasures took rows out of: no sweep has them."""
    rows = ErasedFile.objects.values_list("path", "after")
    return [beside(places.lake / name, after) for name, after in rows]


def finish(places: Places) -> int:
    """Put every note in place and remove what it stands for; answers how many files went. Again, it does nothing."""
    gone = 0
    rows = ErasedFile.objects.order_by("path", "id").values_list("path", "before", "note")
    for name, steps in groupby(rows, key=lambda row: row[0]):
        path, known = places.lake / name, list(steps)
        notes = tuple(note for _, _, note in known)
        if notes_of(path) != notes:
            write_notes(path, notes)
        for old in [path, *(beside(path, before) for _, before, _ in known)]:
            gone += old.exists()
            old.unlink(missing_ok=True)
    _forget_ids(places)
    return gone


def _forget_ids(places: Places) -> None:
    """Remove runs of ids that were made of a file before rows of it were erased, which they still have.

    After the files are gone, in the turn of each provider: a batch under way may make such a run until then.
    """
    ids = LakeFile.objects.filter(part=LakeFile.IDS, path__in=ErasedFile.objects.values("path"))
    with transaction.atomic():
        for provider in sorted(set(ids.values_list("batch__provider", flat=True))):
            wait_for_turn(provider)
            for run in IdRun.objects.filter(provider=provider):
                files = files_of(run)
                erased = ErasedFile.objects.filter(path__in=files.values("path"))
                if run.rows != _rows(files) - _rows(erased):
                    remove(places.lake, [run])


def _rows(found: QuerySet[Any]) -> int:
    return found.aggregate(rows=Sum("rows"))["rows"] or 0


def removed_of(path: Path) -> dict[str, Any]:
    """What erasures took out of a file, all together."""
    whole: dict[str, Any] = {"rows": 0, "credited_mg": 0, "outcomes": Counter(), "below_mg": Counter()}
    for token in notes_of(path):
        part = said(token)["removed"]
        whole["rows"] += part["rows"]
        whole["credited_mg"] += part.get("credited_mg", 0)
        whole["outcomes"].update(part.get("outcomes", {}))
        whole["below_mg"].update({int(number): mg for number, mg in part.get("below_mg", {}).items()})
    return whole


def _files(person: Person, places: Places) -> Iterator[tuple[Path, str]]:
    """Every file that may have a row of the person, each once; those of records first, since others name records."""
    seen: set[Path] = set()
    manifests = list(Manifest.objects.order_by("day", "sequence"))
    for path, digest in [
        *_taken(person, places),
        *(pair for one in manifests for pair in _inputs(one, person, places)),
        *(pair for one in manifests for pair in _outputs(one, places)),
        *_ids(places),
    ]:
        if digest and path not in seen:
            seen.add(path)
            yield path, digest
    yield from _unnamed(manifests, places)


def _unnamed(manifests: Sequence[Manifest], places: Places) -> Iterator[tuple[Path, str]]:
    """Files of closes that no manifest names: of a kill, of a replay, or of a close that is under way.

    They are written anew like all others: whoever names one later finds the note.
    """
    named = {
        digest
        for one in manifests
        for pairs in (_frozen(one, places), _outputs(one, places))
        for _, digest in pairs
    }
    folders = (places.lake / FROZEN, places.lake / RESULTS)
    left = {
        beside(note, said(json.loads(note.read_text(encoding="utf-8"))[-1])["to"]).with_suffix(".parquet")
        for folder in folders
        for note in folder.rglob(f"*{SUFFIX}")
    }
    for path in sorted(path for folder in folders for path in folder.rglob("*.parquet")):
        if path not in left and PREFIX + path.stem not in named:
            yield path, PREFIX + path.stem


def _taken(person: Person, places: Places) -> Iterator[tuple[Path, str]]:
    files = LakeFile.objects.exclude(part=LakeFile.IDS).select_related("batch").order_by("part", "day", "id")
    for one in files.iterator():
        if one.bucket in (None, UNLINKED, person.account % one.batch.buckets):
            yield places.lake / one.path, one.digest


def _ids(places: Places) -> Iterator[tuple[Path, str]]:
    for one in LakeFile.objects.filter(part=LakeFile.IDS).order_by("id").iterator():
        yield places.lake / one.path, one.digest


def _inputs(manifest: Manifest, person: Person, places: Places) -> Iterator[tuple[Path, str]]:
    inputs = manifest.body["inputs"]
    numbers = {str(person.account % inputs["buckets"]), str(UNLINKED)}
    resolved = [inputs["resolved"], *(close["resolved"] for close in inputs["earlier"]["closes"])]
    for by_bucket in (*resolved, inputs["grants"], inputs["prior"]):
        for number in numbers & by_bucket.keys():
            yield places.frozen.path(by_bucket[number]), by_bucket[number]


def _outputs(manifest: Manifest, places: Places) -> Iterator[tuple[Path, str]]:
    body = manifest.body
    for output in body["outputs"]:
        for name in ("results", "credits"):
            yield places.results.path(output[name]), output[name]
    for name in ("credits", "short_of_room"):
        if body["yearly"].get(name):
            yield places.results.path(body["yearly"][name]), body["yearly"][name]


def _mask(table: pa.Table, person: Person, records: set[int]) -> pa.ChunkedArray:
    wanted = {"account_id": {person.account}, "subject_id": person.subjects, "record_id": records}
    mine = pa.chunked_array([pa.array([False] * len(table), pa.bool_())])
    for name, values in wanted.items():
        if name in table.column_names and values:
            mine = pc.or_(mine, pc.is_in(table[name], pa.array(sorted(values), pa.int64())))
    return mine


def _rewrite(
    path: Path,
    digest: str,
    left: pa.Table,
    gone: pa.Table,
    *,
    erasure: UUID,
    places: Places,
    at: datetime,
    why: str = PERSON,
) -> Rewritten:
    content = io.BytesIO()
    pq.write_table(left, content, compression="zstd", row_group_size=ROW_GROUP)
    after = digest_bytes(content.getvalue())
    write_bytes(beside(path, after), content.getvalue())
    notes = notes_of(path)
    before = said(notes[-1])["to"] if notes and not path.exists() else digest
    removed = _counted(gone)
    note = {
        "schema": SCHEMA,
        "erasure": str(erasure),
        "why": why,
        "file": digest,
        "from": before,
        "to": after,
        "rows_before": len(left) + len(gone),
        "rows_after": len(left),
        "removed": removed,
        "at": moment_text(at),
    }
    return Rewritten(str(path.relative_to(places.lake)), digest, before, after, removed, sign(note, TYPE))


def _counted(gone: pa.Table) -> dict[str, Any]:
    """How many rows went, and of a close's results and credits what they had summed to."""
    counted: dict[str, Any] = {"rows": len(gone)}
    if "credited_mg" in gone.column_names:
        counted["credited_mg"] = pc.sum(gone["credited_mg"]).as_py() or 0
    if "outcome" in gone.column_names:
        rows = gone.select(["outcome", "methodology_no", "avoided_mg"]).to_pylist()
        counted["outcomes"] = dict(Counter(Outcome(row["outcome"]).name for row in rows))
        below = [row for row in rows if row["avoided_mg"] < 0]
        counted["below_mg"] = {
            str(number): -sum(row["avoided_mg"] for row in below if row["methodology_no"] == number)
            for number in sorted({row["methodology_no"] for row in below})
        }
    return counted


def _credits(files: Sequence[Rewritten], places: Places) -> dict[tuple[date, int], int]:
    """What the closes that stand had credited to the person, by day, from the files that were just written anew."""
    of_path = {one.path: one.removed.get("credited_mg", 0) for one in files}
    found: dict[tuple[date, int], int] = {}
    for manifest in standing_between(date.min, date.max):
        for output in manifest.body["outputs"]:
            name = str(places.results.path(output["credits"]).relative_to(places.lake))
            if amount := of_path.get(name, 0):
                key = (manifest.day, manifest.sequence)
                found[key] = found.get(key, 0) + amount
    return found
