"""Statistics: what a month's standing closes credited by kind of act, exact and fit to be published; its releases."""

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
from tanpuhui.methodology.load import Library
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.outcome import Outcome
from tanpuhui.registry.models import PrivateRelease, StatisticsRelease
from tanpuhui.registry.month import refuse_released_otherwise, refuse_unfinished, standing
from tanpuhui.registry.refusals import PrivateOnly
from tanpuhui.registry.suppression import OTHER, Cell, Protected, protect, total

SCHEMA = 3
#: Ends of records that are acts with a credit.
CREDITED = (Outcome.credited, Outcome.capped)
#: Advisory lock under which releases are made, one after the other.
LOCK = 0x73746174


@dataclass(frozen=True)
class Counted:
    """Everything that a month's standing closes say, before anything is left out."""

    month: str
    manifests: Sequence[Manifest]
    kinds: Mapping[str, Cell]
    sectors: Mapping[str, str]


def publish_exact(
    month: str, *, at: datetime, places: Places, jurisdiction: Jurisdiction, library: Library
) -> StatisticsRelease:
    """Release a month (``2026-02``) that is over, in the caller's transaction; a second time, the same is answered.

    A month once released stays as it is, whatever comes later: so no two releases can be compared for what one person
    did. Refuses where the jurisdiction publishes with noise alone, and a month that was released with noise by rules of
    another day, or is part of a release from before releases had months.
    """
    if jurisdiction.private is not None:
        raise PrivateOnly(jurisdiction=jurisdiction.code, month=month)
    refuse_unfinished(month, at=at, zone=jurisdiction.zone, places=places)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    known = StatisticsRelease.objects.filter(month=month).first()
    if known is not None:
        return known
    refuse_released_otherwise(month, PrivateRelease)
    body = draw_up(count(month, places, library), jurisdiction)
    return StatisticsRelease.objects.create(month=month, digest=digest_json(body), body=body, published_at=at)


def count(month: str, places: Places, library: Library) -> Counted:
    """Acts, milligrams and persons of every kind in a month, from the result files of standing closes."""
    manifests = standing(month)
    sectors: dict[str, str] = {}
    kinds = _month(manifests, places, library, sectors)
    credited_mg = sum(manifest.credited_mg - _erased_mg(manifest, places) for manifest in manifests)
    assert total(kinds.values()).credited_mg == credited_mg, (
        "acts sum to what their closes credited, less what was erased"
    )
    return Counted(month, manifests, kinds, sectors)


def _erased_mg(manifest: Manifest, places: Places) -> int:
    """What a close credited for acts that are in its files no more: somebody was erased, or a day is over."""
    files = (places.results.path(output["results"]) for output in manifest.body["outputs"])
    return sum(removed_of(path)["credited_mg"] for path in files)


def draw_up(counted: Counted, jurisdiction: Jurisdiction) -> dict[str, Any]:
    """The statistics as they are published. Nothing in them rests on fewer persons than the jurisdiction's least.

    Small kinds are put together, and numbers of persons of kinds are left out (``None``) where a few could be told
    apart by them. Months share no act, so sums of several releases are sums of rows of each: none of them rests on
    fewer either.
    """
    least = jurisdiction.least_persons
    protected = protect(counted.kinds, least)
    return {
        "schema": SCHEMA,
        "jurisdiction": jurisdiction.code,
        "least_persons": least,
        "month": counted.month,
        "basis": digest_json([manifest.digest for manifest in counted.manifests]),
        **(_published(protected, counted.sectors) if protected else _NOTHING),
    }


_NOTHING: dict[str, Any] = {"totals": None, "kinds": [], "other": []}


def _published(protected: Protected, sectors: Mapping[str, str]) -> dict[str, Any]:
    hidden = {} if protected.tells_persons else {"persons": None}
    kinds = [
        {"kind": kind, "sector": sectors.get(kind, OTHER), **_numbers(cell), **hidden}
        for kind, cell in protected.rows.items()
    ]
    return {
        "totals": _numbers(total(protected.rows.values())),
        "kinds": sorted(kinds, key=lambda row: (row["kind"] == OTHER, -row["credited_mg"], row["kind"])),
        "other": list(protected.pooled),
    }


def sector_of(methodology: Methodology) -> str:
    """What kind of provider reports: the first word of a methodology's scope."""
    return methodology.scope.partition(".")[0]


def _numbers(cell: Cell) -> dict[str, int]:
    return {"acts": cell.acts, "persons": cell.persons, "credited_mg": cell.credited_mg}


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
        sectors[methodology.kind] = sector_of(methodology)
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
