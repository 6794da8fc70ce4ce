"""Statistics: what standing closes credited, by kind of act and month, fit to be published, and the releases of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
from django.db import connection

from tanpuhui.close.erase import removed_of
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.outcome import Outcome
from tanpuhui.registry.models import Lot, StatisticsRelease
from tanpuhui.registry.suppression import Cell, Key, Protected, Table, protect

SCHEMA = 1
#: Ends of records that are acts with a credit.
CREDITED = (Outcome.credited, Outcome.capped)
#: Advisory lock under which releases are made, one after the other.
LOCK = 0x73746174
#: The row of kinds that are too small to stand alone.
OTHER = "other"


@dataclass(frozen=True)
class Counted:
    """Everything that standing closes say, before anything is left out."""

    manifests: Sequence[Manifest]
    table: Table
    sectors: Mapping[str, str]


def publish(
    *, at: datetime, places: Places, jurisdiction: Jurisdiction, library: Library
) -> StatisticsRelease:
    """Draw up the statistics of all standing closes and release them, in the caller's transaction.

    Where nothing has changed since the last release, that is answered and nothing is added.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    body = draw_up(count(places, library), jurisdiction)
    last = latest()
    if last is not None and last.digest == digest_json(body):
        return last
    return StatisticsRelease.objects.create(digest=digest_json(body), body=body, published_at=at)


def latest() -> StatisticsRelease | None:
    """The release that stands, if there is one."""
    return StatisticsRelease.objects.order_by("-id").first()


def count(places: Places, library: Library) -> Counted:
    """Acts, milligrams and persons of every kind and month, from the result files of standing closes."""
    manifests = list(Manifest.objects.order_by("day", "-sequence").distinct("day"))
    cells: dict[Key, Cell] = {}
    sectors: dict[str, str] = {}
    by_month: dict[str, list[Manifest]] = defaultdict(list)
    for manifest in manifests:
        by_month[f"{manifest.day:%Y-%m}"].append(manifest)
    for month, closed in by_month.items():
        for kind, cell in _month(closed, places, library, sectors).items():
            cells[kind, month] = cell
    table = Table(cells)
    credited_mg = sum(manifest.credited_mg - _erased_mg(manifest, places) for manifest in manifests)
    assert table.all().credited_mg == credited_mg, (
        "acts sum to what their closes credited, less what was erased"
    )
    return Counted(manifests, table, sectors)


def _erased_mg(manifest: Manifest, places: Places) -> int:
    """What a close credited for acts that are in its files no more: somebody was erased, or a day is over."""
    files = (places.results.path(output["results"]) for output in manifest.body["outputs"])
    return sum(removed_of(path)["credited_mg"] for path in files)


def draw_up(counted: Counted, jurisdiction: Jurisdiction) -> dict[str, Any]:
    """The statistics as they are published. Nothing in them rests on fewer persons than the jurisdiction's least."""
    least = jurisdiction.least_persons
    protected = protect(counted.table, least)
    days = [manifest.day for manifest in counted.manifests]
    return {
        "schema": SCHEMA,
        "jurisdiction": jurisdiction.code,
        "least_persons": least,
        "first_day": min(days).isoformat() if days else None,
        "last_day": max(days).isoformat() if days else None,
        "days": len(days),
        "basis": digest_json([manifest.digest for manifest in counted.manifests]),
        "records": sum(manifest.activities for manifest in counted.manifests),
        "certified_mg": sum(Lot.objects.values_list("tonnes", flat=True)) * TONNE_MG,
        "lots": Lot.objects.count(),
        **(_published(protected, counted.sectors) if protected else _NOTHING),
    }


_NOTHING: dict[str, Any] = {
    "totals": None,
    "kinds": [],
    "months": [],
    "sectors": [],
    "cells": [],
    "other": [],
}


def _published(protected: Protected, sectors: Mapping[str, str]) -> dict[str, Any]:
    table = protected.table
    kinds = [
        {"kind": kind, "sector": sectors.get(kind, OTHER), **_numbers(table.row(kind))} for kind in table.rows
    ]
    return {
        "totals": _numbers(table.all()),
        "kinds": sorted(kinds, key=lambda row: (row["kind"] == OTHER, -row["credited_mg"], row["kind"])),
        "months": [{"month": month, **_numbers(table.column(month))} for month in table.columns],
        "sectors": _sectors(kinds),
        "cells": [
            {"kind": kind, "month": month, **_cell(table, (kind, month), protected.left_out)}
            for kind in table.rows
            for month in table.columns
        ],
        "other": list(table.pooled_rows.get(OTHER, ())),
    }


def _sectors(kinds: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Sums of what is published of the kinds of each sector: they tell nothing that the kinds do not."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in kinds:
        sums[row["sector"]][0] += row["acts"]
        sums[row["sector"]][1] += row["credited_mg"]
    rows = [
        {"sector": sector, "acts": acts, "credited_mg": credited_mg}
        for sector, (acts, credited_mg) in sums.items()
    ]
    return sorted(rows, key=lambda row: (row["sector"] == OTHER, -int(row["credited_mg"])))


def _numbers(cell: Cell) -> dict[str, int]:
    return {"acts": cell.acts, "persons": cell.persons, "credited_mg": cell.credited_mg}


def _cell(table: Table, key: Key, left_out: frozenset[Key]) -> dict[str, Any]:
    if key in left_out:
        return {"acts": None, "persons": None, "credited_mg": None, "left_out": True}
    return {**_numbers(table.cells.get(key, Cell())), "left_out": False}


def _month(
    closed: Sequence[Manifest], places: Places, library: Library, sectors: dict[str, str]
) -> dict[str, Cell]:
    """The cells of one month by kind; persons as bits, so that one who acts on many days is one."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    seen: dict[str, np.ndarray[Any, np.dtype[np.bool_]]] = {}
    with duckdb.connect() as engine:
        for manifest in closed:
            for kind, accounts, acts, credited_mg in _day(engine, manifest, places, library, sectors):
                sums[kind][0] += acts
                sums[kind][1] += credited_mg
                seen[kind] = _with(seen.get(kind), accounts)
    return {
        kind: Cell(acts, credited_mg, int.from_bytes(np.packbits(seen[kind], bitorder="little"), "little"))
        for kind, (acts, credited_mg) in sums.items()
    }


def _day(
    engine: duckdb.DuckDBPyConnection,
    manifest: Manifest,
    places: Places,
    library: Library,
    sectors: dict[str, str],
) -> Iterable[tuple[str, np.ndarray[Any, np.dtype[np.int64]], int, int]]:
    """What one close credited: kind, accounts, acts and milligrams, by methodology."""
    files = [
        str(places.results.checked(output["results"]))
        for output in manifest.body["outputs"]
        if output["rows"]
    ]
    if not files:
        return
    found = engine.execute(
        "SELECT methodology_no, account_id, count(*) AS acts, sum(credited_mg)::BIGINT AS credited_mg "
        "FROM read_parquet($files) WHERE list_contains($ends, outcome) GROUP BY ALL ORDER BY methodology_no",
        {"files": files, "ends": [int(end) for end in CREDITED]},
    ).fetchnumpy()
    used = manifest.body["inputs"]["methodologies"]
    for number in np.unique(found["methodology_no"]):
        methodology = library.get(used[number]["code"], used[number]["version"])
        sectors[methodology.kind] = methodology.scope.partition(".")[0]
        mine = found["methodology_no"] == number
        yield (
            methodology.kind,
            np.asarray(found["account_id"][mine]),
            int(found["acts"][mine].sum()),
            int(found["credited_mg"][mine].sum()),
        )


def _with(
    seen: np.ndarray[Any, np.dtype[np.bool_]] | None, accounts: np.ndarray[Any, np.dtype[np.int64]]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """One flag for each account number, these set."""
    size = int(accounts.max()) + 1
    if seen is None:
        seen = np.zeros(size, np.bool_)
    elif size > len(seen):
        seen = np.concatenate([seen, np.zeros(size - len(seen), np.bool_)])
    seen[accounts] = True
    return seen
