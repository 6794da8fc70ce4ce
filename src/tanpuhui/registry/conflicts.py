"""Conflicts: units of other registries beside ours: what they seem to count twice, how surely, and who looked at it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.kit.digest import digest_bytes, digest_json
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.cadtrust import COUNTRY, SECTORS
from tanpuhui.registry.models import ConflictReview, ForeignUnit, Lot
from tanpuhui.registry.refusals import (
    BadForeignUnits,
    ConflictUnreviewed,
    ReasonMissing,
    ReviewedOtherwise,
    UnknownConflict,
)
from tanpuhui.registry.serial import written

EXACT, POSSIBLE = "exact", "possible"
#: Why two may be the same thing, the surest first.
SAME_SERIALS, SAME_ORIGIN, SAME_THING, SAME_SECTOR = (
    "same serial numbers",
    "same project of origin",
    "same methodology, place and period",
    "same sector and country, overlapping dates",
)
#: Columns of CAD Trust's projects, issuances and units, of version 1 and 2, that a row is read from.
_FIELDS = {
    "registry": ("currentRegistry", "registryOfOrigin", "projectRegistryName", "registry"),
    "project": ("originProjectId", "projectId", "warehouseProjectId", "cadTrustProjectId"),
    "name": ("projectName",),
    "country": ("country", "countryJurisdictionOfOwner", "projectCountry"),
    "place": ("inCountryRegion", "inCountryJurisdictionOfOwner", "projectRegion"),
    "sector": ("sector", "projectSector"),
    "methodology": ("methodology", "methodologyCode"),
    "serials": ("serialNumberBlock", "unitSerialId"),
    "first_day": ("startDate", "verificationStartDate", "issuanceStartDate"),
    "last_day": ("endDate", "verificationEndDate", "issuanceEndDate"),
    "vintage": ("vintageYear", "unitVintageYear"),
    "units": ("unitCount", "unitQuantity"),
}
_NEEDED = ("registry", "project", "country", "sector")
_RANGE = re.compile(r"(.+?)-([0-9]{9,18})(?:-([0-9]{9,18}))?\Z")


@dataclass(frozen=True)
class Ours:
    """What we count or are about to: a lot, or what a lot would be made of."""

    name: str
    jurisdiction: str
    methodology: str
    first_day: date
    last_day: date
    serials: str = ""

    @property
    def sector(self) -> str:
        found = find_methodology(self.methodology)
        return SECTORS.get(found.scope.split(".")[0] if found else "", SECTORS["goods"])[0]

    @property
    def project(self) -> str:
        return f"{self.jurisdiction}:{self.methodology}"


@dataclass(frozen=True)
class Conflict:
    """A row of another registry and something of ours, why they may be the same, and what was said about it."""

    foreign: ForeignUnit
    ours: Ours
    severity: str
    reason: str
    review: ConflictReview | None

    @property
    def id(self) -> str:
        return conflict_id(self.foreign, self.ours)

    def as_json(self) -> dict[str, Any]:
        return {
            "conflict": self.id,
            "severity": self.severity,
            "reason": self.reason,
            "ours": self.ours.name,
            "methodology": self.ours.methodology,
            "registry": self.foreign.registry,
            "project": self.foreign.project,
            "name": self.foreign.name,
            "serials": self.foreign.serials,
            "from": self.foreign.first_day.isoformat(),
            "to": self.foreign.last_day.isoformat(),
            "reviewed": self.review.reason if self.review else None,
            "reviewer": self.review.reviewer if self.review else None,
        }


def conflict_id(foreign: ForeignUnit, ours: Ours) -> str:
    """The same pair has the same name; a lot that does not exist yet is known by what it would be made of."""
    digest = digest_json([foreign.digest, ours.jurisdiction, ours.methodology, ours.first_day.year])
    return digest.partition(":")[2][:16]


def import_foreign(file: Path, *, at: datetime) -> int:
    """Take the rows of another registry's file, in the caller's transaction; answers how many are new."""
    content = file.read_bytes()
    rows = list(_rows(file.name, content))
    known = set(ForeignUnit.objects.values_list("digest", flat=True))
    fresh: dict[str, ForeignUnit] = {}
    for number, row in rows:
        digest = digest_json({name: _plain(value) for name, value in row.items()})
        if digest not in known:
            fresh.setdefault(
                digest,
                ForeignUnit(**row, digest=digest, file=digest_bytes(content), line=number, imported_at=at),
            )
    ForeignUnit.objects.bulk_create(fresh.values())
    return len(fresh)


def scan() -> list[Conflict]:
    """Every pair of a lot and a foreign row that may be one thing; exact ones first, then by lot."""
    lots = [_of_lot(lot) for lot in Lot.objects.order_by("serial_first")]
    return _conflicts(lots)


def refuse_conflicts(methodology: str, jurisdiction: Jurisdiction, first: date, last: date) -> None:
    """Refuse to certify what another registry counts exactly, while nobody has said why that is none."""
    ours = Ours("", jurisdiction.code, methodology, first, last)
    for one in _conflicts([ours]):
        if one.severity == EXACT and one.review is None:
            raise ConflictUnreviewed(
                registry=one.foreign.registry,
                project=one.foreign.project,
                reason=one.reason,
                first_day=one.foreign.first_day,
                last_day=one.foreign.last_day,
                conflict=one.id,
            )


def review(
    conflict: str, *, reason: str, reviewer: str, jurisdiction: Jurisdiction, at: datetime
) -> ConflictReview:
    """Say why a conflict is none, in the caller's transaction; the same again is answered as before.

    What would be certified here next is looked for too: a refusal of a certification names its conflict.
    """
    if not reason.strip() or not reviewer.strip():
        raise ReasonMissing()
    known = ConflictReview.objects.filter(conflict=conflict).first()
    if known is not None:
        if known.reason != reason:
            raise ReviewedOtherwise(conflict=conflict, day=known.reviewed_at.date())
        return known
    found = next((one for one in (*scan(), *_to_come(jurisdiction)) if one.id == conflict), None)
    if found is None:
        raise UnknownConflict(conflict=conflict)
    return ConflictReview.objects.create(
        conflict=conflict,
        foreign=found.foreign,
        ours=found.ours.name or found.ours.project,
        reason=reason,
        reviewer=reviewer,
        reviewed_at=at,
    )


def _to_come(jurisdiction: Jurisdiction) -> list[Conflict]:
    """Conflicts with what could be certified here: each foreign row's own methodology and years."""
    every = []
    for row in ForeignUnit.objects.order_by("id"):
        if not row.methodology:
            continue
        for year in range(row.first_day.year, row.last_day.year + 1):
            every.append(Ours("", jurisdiction.code, row.methodology, date(year, 1, 1), date(year, 12, 31)))
    return _conflicts(every)


def _conflicts(every: list[Ours]) -> list[Conflict]:
    foreign = list(ForeignUnit.objects.order_by("id"))
    reviews = {one.conflict: one for one in ConflictReview.objects.all()}
    found = []
    for ours in every:
        for row in foreign:
            reason = why(ours, row)
            if reason is not None:
                severity = POSSIBLE if reason == SAME_SECTOR else EXACT
                known = reviews.get(conflict_id(row, ours))
                found.append(Conflict(row, ours, severity, reason, known))
    return sorted(found, key=lambda one: (one.severity != EXACT, one.ours.name, one.foreign.pk))


def why(ours: Ours, row: ForeignUnit) -> str | None:
    """Why a row of another registry may be what we count, or ``None``; the surest reason."""
    if row.serials and ours.serials and _meet(row.serials, ours.serials):
        return SAME_SERIALS
    overlap = row.first_day <= ours.last_day and ours.first_day <= row.last_day
    if row.project == ours.project and overlap:
        return SAME_ORIGIN
    methods = (ours.methodology, ours.methodology.partition("@")[0])
    same_place = row.place.casefold() == ours.jurisdiction
    if row.methodology in methods and same_place and overlap:
        return SAME_THING
    same = (row.sector, row.country) == (ours.sector, COUNTRY)
    return SAME_SECTOR if same and overlap else None


def _meet(one: str, other: str) -> bool:
    """Whether two printed ranges have a number in common: the same text before them, and numbers that overlap."""
    first, second = _RANGE.match(one.strip()), _RANGE.match(other.strip())
    if first is None or second is None:
        return one.strip() == other.strip()
    if first[1].upper() != second[1].upper():
        return False
    ends = [(int(match[2]), int(match[3] or match[2])) for match in (first, second)]
    return ends[0][0] <= ends[1][1] and ends[1][0] <= ends[0][1]


def _of_lot(lot: Lot) -> Ours:
    serials = written(lot, lot.serial_first, lot.serial_last)
    return Ours(lot.code, lot.jurisdiction, lot.methodology, date(lot.vintage, 1, 1), lot.through, serials)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _rows(name: str, content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise BadForeignUnits(
            file=name, line=1, problem="It is not UTF-8.", repair="Save it as UTF-8."
        ) from None
    columns = set(reader.fieldnames or ())
    for needed in _NEEDED:
        if not columns & set(_FIELDS[needed]):
            raise BadForeignUnits(
                file=name,
                line=1,
                problem=f"No column says its {needed}.",
                repair=f"Have one of {', '.join(_FIELDS[needed])}.",
            )
    for number, line in enumerate(reader, 2):
        yield number, _row(name, number, line)


def _row(name: str, number: int, line: dict[str, str | None]) -> dict[str, Any]:
    said = {
        field: next((text for one in columns if (text := (line.get(one) or "").strip())), "")
        for field, columns in _FIELDS.items()
    }

    def wrong(problem: str, repair: str) -> BadForeignUnits:
        return BadForeignUnits(file=name, line=number, problem=problem, repair=repair)

    for needed in _NEEDED:
        if not said[needed]:
            raise wrong(f"{needed} is empty.", "Fill it in.")
    first, last = _period(said, wrong)
    if said["units"] and not (
        said["units"].isascii() and said["units"].isdecimal() and len(said["units"]) < 19
    ):
        raise wrong(f"units is {said['units'][:40]!r}.", "Write a whole number.")
    return {
        **{field: said[field][:500] for field in ("registry", "project", "name", "country", "place")},
        **{field: said[field][:500] for field in ("sector", "methodology", "serials")},
        "first_day": first,
        "last_day": last,
        "units": int(said["units"]) if said["units"] else None,
    }


def _period(said: dict[str, str], wrong: Any) -> tuple[date, date]:
    """From when to when: the issuance's days, or the whole vintage where only that is said."""
    vintage = said["vintage"]
    if not said["first_day"] and vintage.isascii() and vintage.isdecimal() and len(vintage) == 4:
        return date(int(vintage), 1, 1), date(int(vintage), 12, 31)
    try:
        first = date.fromisoformat(said["first_day"][:10])
        last = date.fromisoformat((said["last_day"] or said["first_day"])[:10])
    except ValueError:
        raise wrong(
            "It does not say from when to when.", "Give startDate and endDate, or vintageYear."
        ) from None
    if last < first:
        raise wrong(f"{last} is before {first}.", "Let it follow.")
    return first, last
