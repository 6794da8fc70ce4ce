"""CAD Trust: exports have what its data models require, from its picklists, and every unit is in them once."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from django.db import connection

from registry.units_town import ACME, AT, ON, POOL, gathered, given, new_lot, order
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.transfer import TransferOrder, move, transfer
from tanpuhui.registry.annul import annul
from tanpuhui.registry.buffer import BufferOrder, fill_buffer
from tanpuhui.registry.cadtrust import export
from tanpuhui.registry.cadtrust_check import problems
from tanpuhui.registry.cancel import cancel
from tanpuhui.registry.claw_back import ClawBackOrder, claw_back
from tanpuhui.registry.lock import lock
from tanpuhui.registry.models import FarLot, Lot
from tanpuhui.registry.retire import retire
from tanpuhui.registry.units import asset_of

pytestmark = pytest.mark.django_db
SITE = "https://carbon.example"


@pytest.fixture()
def lots() -> list[str]:
    """One lot with tonnes in every state, and one that was annulled."""
    first, second = new_lot(10), new_lot(4, jurisdiction="guangdong", methodology="shenzhen/metro@1")
    given(ACME, first, 6)
    given(ACME, second, 1)
    retire(order(ACME, (first, 2), purpose="2025"), at=AT)
    lock(order(ACME, (first, 1)), at=AT)
    annul(second, reason="wrong meter", at=AT)
    return [first, second]


def said(model: int, number: str) -> dict[str, list[tuple[Any, ...]]]:
    rows = export(model, site=SITE)["units"]
    return {
        "units": [(row[number], row["unitCount"], row["unitStatus"], row["unitStatusReason"]) for row in rows]
    }


@pytest.mark.parametrize(("model", "number"), [(1, "unitBlockStart"), (2, "unitStartBlock")])
def test_every_tonne_is_exported_once_with_its_state(lots: list[str], model: int, number: str) -> None:
    assert said(model, number)["units"] == [
        ("1", 2, "Retired", "purpose: 2025"),
        ("3", 1, "Held", None),
        ("4", 3, "Held", None),
        ("7", 4, "Held", None),
        ("11", 1, "Cancelled", "wrong meter"),
        ("12", 3, "Cancelled", "wrong meter"),
    ]


@pytest.mark.parametrize(("model", "number"), [(1, "unitBlockStart"), (2, "unitStartBlock")])
def test_tonnes_that_were_used_side_by_side_keep_their_own_reasons(model: int, number: str) -> None:
    lot = new_lot(5)
    given(ACME, lot, 5)
    retire(order(ACME, (lot, 2), purpose="2025"), at=AT)
    retire(order(ACME, (lot, 1), purpose="marathon"), at=AT)
    cancel(order(ACME, (lot, 1), reason="counted twice"), at=AT)
    annul(lot, reason="wrong meter", at=AT)

    assert said(model, number)["units"] == [
        ("1", 2, "Retired", "purpose: 2025"),
        ("3", 1, "Retired", "purpose: marathon"),
        ("4", 1, "Cancelled", "counted twice"),
        ("5", 1, "Cancelled", "wrong meter"),
    ]


@pytest.mark.parametrize(("model", "number"), [(1, "unitBlockStart"), (2, "unitStartBlock")])
def test_what_residents_have_no_more_is_not_called_held(model: int, number: str) -> None:
    lot = new_lot(10, holders={1: 10 * TONNE_MG})
    gathered(lot, 2)
    fill_buffer(BufferOrder("b", lot, TONNE_MG * 3 // 2, ON), pool=POOL, at=AT)
    claw_back(ClawBackOrder("c", 1, lot, TONNE_MG * 5 // 4, ON), at=AT)
    legs = move(
        source=account_id(Kind.RESIDENT_CERTIFIED, 1),
        target=account_id(Kind.RETIRED, 1),
        asset_id=asset_of(lot),
        amount=TONNE_MG * 5 // 2,
    )
    transfer(connection, TransferOrder("p", "points.convert", ON, legs), at=AT).accepted()

    # Of 10 t: 4.25 t with the resident and 0.5 t in the pool, 1.5 t in the buffer, 2.5 t retired, 1.25 t cancelled.
    mixed = "750000000 mg held, 500000000 mg in the buffer, 500000000 mg converted to points, "
    assert said(model, number)["units"] == [
        ("1", 4, "Held", None),
        ("5", 1, "Buffer", None),
        ("6", 2, "Inactive", f"{mixed}250000000 mg clawed back, or paid out of the buffer"),
        ("8", 2, "Retired", "converted to points"),
        ("10", 1, "Cancelled", "clawed back, or paid out of the buffer"),
    ]
    assert [found for found in problems(export(model, site=SITE)) if found.table == "units"] == []


@pytest.mark.parametrize("model", [1, 2])
def test_a_lot_that_another_platform_certified_is_in_its_export_and_not_in_ours(model: int) -> None:
    own, theirs = new_lot(3), new_lot(2)
    FarLot.objects.create(lot_id=theirs, home=FarLot.ELSEWHERE, party="city", owner=None)

    assert [row["unitCount"] for row in export(model, site=SITE)["units"]] == [Lot.objects.get(pk=own).tonnes]


def test_a_project_is_registered_with_its_first_lot() -> None:
    first = Lot.objects.get(pk=new_lot(1))
    second = Lot.objects.get(pk=new_lot(1))

    [project] = export(1, site=SITE)["projects"]

    assert (first.methodology, first.jurisdiction) == (second.methodology, second.jurisdiction)
    assert project["projectStatusDate"] == first.certified_at.isoformat()


#: Fields of records of version 1 as its implementation validates them (src/validations of Chia-Network/cadt 1.7).
ISSUANCE = {
    *("id", "warehouseProjectId", "startDate", "endDate", "verificationApproach", "verificationBody"),
    "verificationReportDate",
}
LABEL = {
    *("id", "warehouseProjectId", "label", "labelType", "creditingPeriodStartDate", "creditingPeriodEndDate"),
    *("validityPeriodStartDate", "validityPeriodEndDate", "unitQuantity", "labelLink"),
}


def test_records_of_version_one_have_the_names_that_its_implementation_knows(lots: list[str]) -> None:
    exported = export(1, site=SITE)

    assert {frozenset(row) for row in exported["issuances"]} == {frozenset(ISSUANCE)}
    assert {frozenset(row) for row in exported["labels"]} == {frozenset(LABEL)}


def test_what_version_one_requires_is_there(lots: list[str]) -> None:
    exported = export(1, site=SITE)

    assert problems(exported) == []
    assert {table: len(rows) for table, rows in exported.items() if table != "model"} == {
        "projects": 2,
        "issuances": 2,
        "labels": 2,
        "units": 6,
        "labelUnits": 6,
    }
    assert exported["units"][4]["serialNumberBlock"].startswith("GD-PHCER-SHENZHEN.METRO.1-2026-")


def test_version_two_takes_verifiers_from_its_picklist_alone(lots: list[str]) -> None:
    exported = export(2, site=SITE)

    assert [(found.table, found.field) for found in problems(exported)] == [
        ("verifications", "verificationBody")
    ] * 2
    for row in exported["verifications"]:
        row["verificationBody"] = "China Quality Certification Center"
    assert problems(exported) == []
    assert len(exported["unitLabels"]) == 6


def test_an_export_names_the_same_things_in_the_same_way_again(lots: list[str]) -> None:
    assert export(2, site=SITE) == export(2, site=SITE)
    assert export(1, site=SITE) != export(1, site="https://other.example")


@pytest.mark.parametrize(
    ("table", "field", "value", "problem"),
    [
        ("units", "unitStatus", "Sold", "'Sold' is not on the picklist"),
        ("units", "unitCount", 7, "is not what unitBlockStart and unitBlockEnd count"),
        ("units", "unitStatusReason", None, "is missing"),
        ("units", "issuanceId", "nothing", "names no record of issuances"),
        ("projects", "projectName", "", "is missing"),
        ("issuances", "verificationDate", "2026-11-24", "is no field of the model"),
        ("labels", "labelType", "Good", "'Good' is not on the picklist"),
    ],
)
def test_what_cad_trust_would_refuse_is_found(
    lots: list[str], table: str, field: str, value: Any, problem: str
) -> None:
    exported = deepcopy(export(1, site=SITE))

    exported[table][0][field] = value

    assert problem in [found.problem for found in problems(exported)]


def test_numbers_that_are_in_two_units_are_found(lots: list[str]) -> None:
    exported = deepcopy(export(1, site=SITE))
    first, second, *_ = exported["units"]
    second["unitBlockStart"], second["unitCount"] = "2", 2

    shared = [found for found in problems(exported) if "too" in found.problem]

    assert [found.as_json() for found in shared] == [
        {
            "table": "units",
            "record": second["warehouseUnitId"],
            "field": "unitBlockStart",
            "problem": f"is in unit {first['warehouseUnitId']} too",
        }
    ]


def test_an_export_needs_a_model_and_an_address(lots: list[str]) -> None:
    for model, site in ((3, SITE), (1, "carbon.example"), (1, f"{SITE}/")):
        with pytest.raises(Refusal):
            export(model, site=site)


def test_without_lots_there_is_nothing_to_export() -> None:
    assert Lot.objects.count() == 0

    assert export(1, site=SITE) == {"model": 1}
    assert problems({"model": 1}) == []
