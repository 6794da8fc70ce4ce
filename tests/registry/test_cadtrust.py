"""CAD Trust: exports have what its data models require, from its picklists, and every unit is in them once."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from registry.units_town import ACME, AT, given, new_lot, order
from tanpuhui.kit.refusal import Refusal
from tanpuhui.registry.annul import annul
from tanpuhui.registry.cadtrust import export
from tanpuhui.registry.cadtrust_check import problems
from tanpuhui.registry.lock import lock
from tanpuhui.registry.models import Lot
from tanpuhui.registry.retire import retire

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


def test_what_version_one_requires_is_there(lots: list[str]) -> None:
    exported = export(1, site=SITE)

    assert problems(exported) == []
    assert {table: len(rows) for table, rows in exported.items() if table != "model"} == {
        "projects": 2,
        "issuances": 2,
        "labels": 2,
        "units": 6,
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
    ],
)
def test_what_cad_trust_would_refuse_is_found(
    lots: list[str], table: str, field: str, value: Any, problem: str
) -> None:
    exported = deepcopy(export(1, site=SITE))

    exported[table][0][field] = value

    assert problem in [found.problem for found in problems(exported)]


def test_an_export_needs_a_model_and_an_address(lots: list[str]) -> None:
    for model, site in ((3, SITE), (1, "carbon.example"), (1, f"{SITE}/")):
        with pytest.raises(Refusal):
            export(model, site=site)


def test_without_lots_there_is_nothing_to_export() -> None:
    assert Lot.objects.count() == 0

    assert export(1, site=SITE) == {"model": 1}
    assert problems({"model": 1}) == []
