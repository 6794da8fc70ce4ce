"""Conflicts: what another registry counts too is found; an exact one stops a lot until it is reviewed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from close.town import Town
from registry.test_certify import AT, FIRST, lot_of, refused, roof
from registry.units_town import new_lot
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.conflicts import EXACT, POSSIBLE, Conflict, import_foreign, review, scan
from tanpuhui.registry.models import ForeignUnit
from tanpuhui.registry.refusals import (
    BadForeignUnits,
    ConflictUnreviewed,
    ReasonMissing,
    ReviewedOtherwise,
    UnknownConflict,
)

pytestmark = pytest.mark.django_db
DEMO = load_jurisdiction("demo")
HEAD = (
    "currentRegistry,projectId,country,sector,methodology,inCountryRegion,serialNumberBlock,startDate,endDate,"
    "unitCount\n"
)
ENERGY = '"Energy industries (renewable-/ non renewable sources)"'


def row(
    *,
    registry: str = "Other",
    project: str = "P-1",
    country: str = "China",
    sector: str = ENERGY,
    methodology: str = "",
    place: str = "",
    serials: str = "",
    days: str = "2026-01-01,2026-12-31",
    units: str = "5",
) -> str:
    return f"{registry},{project},{country},{sector},{methodology},{place},{serials},{days},{units}\n"


def taken(folder: Path, *rows: str) -> int:
    file = folder / "other.csv"
    file.write_text(HEAD + "".join(rows), encoding="utf-8")
    with transaction.atomic():
        return import_foreign(file, at=AT)


def found(folder: Path, **said: str) -> list[Conflict]:
    taken(folder, row(**said))
    return scan()


SERIALS = "DEMO-SHANGHAI.ROOFTOP-PV.1-2026"
OTHER = {"country": "Korea"}


@pytest.mark.parametrize(
    ("said", "severity", "reason"),
    [
        ({**OTHER, "serials": f"{SERIALS}-000000010-000000012"}, EXACT, "same serial numbers"),
        ({**OTHER, "serials": f"{SERIALS}-000000001"}, EXACT, "same serial numbers"),
        ({**OTHER, "serials": f"{SERIALS}-000000011-000000012"}, None, ""),
        ({**OTHER, "serials": "VCS-2026-000000001-000000010"}, None, ""),
        ({**OTHER, "project": "demo:shanghai/rooftop-pv@1"}, EXACT, "same project of origin"),
        (
            {**OTHER, "methodology": "shanghai/rooftop-pv", "place": "Demo"},
            EXACT,
            "same methodology, place and period",
        ),
        ({**OTHER, "methodology": "shanghai/rooftop-pv", "place": "beijing"}, None, ""),
        (
            {**OTHER, "methodology": "shanghai/rooftop-pv", "place": "demo", "days": "2025-01-01,2025-12-31"},
            None,
            "",
        ),
        ({}, POSSIBLE, "same sector and country, overlapping dates"),
        ({"days": "2026-12-31,2027-12-31"}, POSSIBLE, "same sector and country, overlapping dates"),
        ({"days": "2027-01-01,2027-12-31"}, None, ""),
        ({"sector": "Transport"}, None, ""),
    ],
)
def test_a_row_of_another_registry_is_compared_with_each_lot(
    tmp_path: Path, fresh_home: Path, said: dict[str, str], severity: str | None, reason: str
) -> None:
    lot = new_lot(10)

    conflicts = found(tmp_path, **said)

    expected = [] if severity is None else [(lot, severity, reason)]
    assert [(one.ours.name, one.severity, one.reason) for one in conflicts] == expected


def test_a_file_that_is_imported_again_adds_nothing(tmp_path: Path, fresh_home: Path) -> None:
    assert taken(tmp_path, row(), row(project="P-2"), row()) == 2
    assert taken(tmp_path, row(project="P-2"), row(project="P-3")) == 1
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        ForeignUnit.objects.update(registry="x")


def test_columns_of_version_2_and_a_vintage_are_read_too(tmp_path: Path, fresh_home: Path) -> None:
    file = tmp_path / "two.csv"
    file.write_text(
        "projectRegistryName,cadTrustProjectId,country,projectSector,unitSerialId,unitVintageYear,unitCount\n"
        "Other,1-2,China,Transport,X-1,2024,7\n"
    )

    import_foreign(file, at=AT)

    unit = ForeignUnit.objects.get()
    assert (unit.project, unit.serials, unit.units) == ("1-2", "X-1", 7)
    assert (unit.first_day.isoformat(), unit.last_day.isoformat()) == ("2024-01-01", "2024-12-31")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (row(registry=""), "registry"),
        (row(days=","), "from when"),
        (row(days="2026-02-30,2026-03-01"), "from when"),
        (row(days="2026-03-02,2026-03-01"), "before"),
        (row(units="many"), "units"),
    ],
)
def test_a_row_that_does_not_fit_is_named_and_nothing_is_imported(
    tmp_path: Path, fresh_home: Path, wrong: str, said: str
) -> None:
    with pytest.raises(BadForeignUnits, match=said) as caught:
        taken(tmp_path, row(), wrong)

    assert caught.value.facts["line"] == 3
    assert not ForeignUnit.objects.exists()


def test_a_column_that_is_missing_is_named(tmp_path: Path, fresh_home: Path) -> None:
    file = tmp_path / "x.csv"
    for content in (b"currentRegistry,projectId\n", b"\xff"):
        file.write_bytes(content)
        with pytest.raises(BadForeignUnits):
            import_foreign(file, at=AT)


def test_an_exact_conflict_stops_a_lot_until_somebody_says_why_it_is_none(town: Town, tmp_path: Path) -> None:
    town.settle("a")
    town.take(roof("1", "a", 3_000_000, FIRST))
    town.close(FIRST)
    taken(tmp_path, row(methodology="shanghai/rooftop-pv@1", place="demo", country="Korea"))

    refusal = refused(town, through=FIRST)
    assert isinstance(refusal, ConflictUnreviewed)
    conflict = refusal.facts["conflict"]
    with pytest.raises(ReasonMissing):
        review(conflict, reason=" ", reviewer="desk", jurisdiction=DEMO, at=AT)
    done = review(conflict, reason="other roofs", reviewer="desk", jurisdiction=DEMO, at=AT)

    assert review(conflict, reason="other roofs", reviewer="desk", jurisdiction=DEMO, at=AT) == done
    with pytest.raises(ReviewedOtherwise):
        review(conflict, reason="another", reviewer="desk", jurisdiction=DEMO, at=AT)
    with pytest.raises(UnknownConflict):
        review("0" * 16, reason="x", reviewer="desk", jurisdiction=DEMO, at=AT)
    lot = lot_of(town, through=FIRST)
    assert lot.tonnes == 1
    [known] = scan()
    assert (known.ours.name, known.id, known.review) == (lot.code, conflict, done)


def test_a_possible_conflict_stops_nothing(town: Town, tmp_path: Path) -> None:
    town.settle("a")
    town.take(roof("1", "a", 3_000_000, FIRST))
    town.close(FIRST)
    taken(tmp_path, row())

    lot_of(town, through=FIRST)

    assert [one.severity for one in scan()] == [POSSIBLE]
