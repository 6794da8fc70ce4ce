"""CAD Trust: lots and their units as records of its data model, version 1 or 2, for others to read.

Lots that another platform certified are left out: they are in that platform's own export, and would be there twice.
Field names and what is required follow the checks of its open implementation (github.com/Chia-Network/cadt, validations
of version 1 and 2); identifiers are UUIDs made from names, so that the same thing has the same one in every export.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.cadtrust_units import Unit, units_of
from tanpuhui.registry.models import FarLot, Lot
from tanpuhui.registry.refusals import BadModel, BadSite
from tanpuhui.registry.serial import written

MODELS = (1, 2)
COUNTRY = "China"
UNIT_TYPE = "Reduction - technical"
#: Sector and type by the first part of a methodology's scope, in the words of version 2's picklists.
SECTORS = {
    "transport": ("Transport", "Transport"),
    "energy": ("Energy industries (renewable-/ non renewable sources)", "Solar"),
    "household": ("Energy demand", "Energy Efficiency households"),
    "waste": ("Waste handling and disposal", "Waste"),
    "goods": ("Others", "Any combination of the above"),
}


@dataclass(frozen=True)
class Source:
    """What a lot's records are made of."""

    lot: Lot
    units: tuple[Unit, ...]
    site: str

    @property
    def project(self) -> str:
        return f"{self.lot.jurisdiction}:{self.lot.methodology}"

    @property
    def title(self) -> str:
        found = find_methodology(self.lot.methodology)
        return found.title.en if found else self.lot.methodology

    @property
    def sector(self) -> tuple[str, str]:
        found = find_methodology(self.lot.methodology)
        return SECTORS.get(found.scope.split(".")[0] if found else "", SECTORS["goods"])

    @property
    def link(self) -> str:
        return f"{self.site}/lots/{self.lot.code}/"

    def id(self, what: str, name: str) -> str:
        """The identifier of something of this site: the same in every export."""
        return str(uuid5(NAMESPACE_URL, f"{self.site}/{what}/{name}"))


def export(model: int, *, site: str) -> dict[str, Any]:
    """Every lot as records by table. ``site`` is the address of this platform: links and identifiers begin with it."""
    if model not in MODELS:
        raise BadModel(given=model)
    if not site.startswith("https://") or site.rstrip("/") != site:
        raise BadSite(given=site)
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    for lot in Lot.objects.exclude(far__home=FarLot.ELSEWHERE).order_by("serial_first"):
        source = Source(lot, tuple(units_of(lot)), site)
        for table, key, row in _first_model(source) if model == 1 else _second(source):
            # A project is registered with its first lot; later ones change nothing about it.
            tables.setdefault(table, {}).setdefault(key, row)
    return {"model": model, **{table: list(rows.values()) for table, rows in tables.items()}}


def _first_model(source: Source) -> list[tuple[str, str, dict[str, Any]]]:
    lot = source.lot
    place = load_jurisdiction(lot.jurisdiction).title["en"]
    project = source.id("project", source.project)
    issuance = source.id("issuance", lot.code)
    registry = f"{place} Tanpuhui"
    rows: list[tuple[str, str, dict[str, Any]]] = [
        (
            "projects",
            project,
            {
                "warehouseProjectId": project,
                "currentRegistry": registry,
                "projectId": source.project,
                "originProjectId": source.project,
                "registryOfOrigin": registry,
                "program": "Tanpuhui",
                "projectName": source.title,
                "projectLink": f"{source.site}/methodologies/{lot.methodology.replace('@', '/v')}/",
                "projectDeveloper": lot.operator,
                "sector": source.sector[0],
                "projectType": source.sector[1],
                "coveredByNDC": "Unknown",
                "projectStatus": "Registered",
                "projectStatusDate": lot.certified_at.isoformat(),
                "unitMetric": "tCO2e",
                "methodology": lot.methodology,
            },
        ),
        (
            "issuances",
            issuance,
            {
                "id": issuance,
                "warehouseProjectId": project,
                "startDate": date(lot.vintage, 1, 1).isoformat(),
                "endDate": lot.through.isoformat(),
                "verificationApproach": "recalculation from frozen evidence, sample",
                "verificationReportDate": lot.certified_at.date().isoformat(),
                "verificationBody": lot.verifier,
            },
        ),
        ("labels", source.id("label", lot.code), _first_label(source, project)),
    ]
    for unit in source.units:
        number = source.id("unit", unit.name)
        rows.append(("units", number, _first_unit(source, unit)))
        rows.append(("labelUnits", number, _first_label_unit(source, unit)))
    return rows


def _first_label_unit(source: Source, unit: Unit) -> dict[str, Any]:
    return {
        "id": source.id("label-unit", unit.name),
        "warehouseUnitId": source.id("unit", unit.name),
        "labelId": source.id("label", source.lot.code),
    }


def _first_label(source: Source, project: str) -> dict[str, Any]:
    lot = source.lot
    return {
        "id": source.id("label", lot.code),
        "warehouseProjectId": project,
        "label": _label(lot),
        "labelType": "Certification",
        "creditingPeriodStartDate": date(lot.vintage, 1, 1).isoformat(),
        "creditingPeriodEndDate": lot.through.isoformat(),
        "validityPeriodStartDate": lot.certified_at.date().isoformat(),
        "validityPeriodEndDate": date(9999, 12, 31).isoformat(),
        "unitQuantity": lot.tonnes,
        "labelLink": source.link,
    }


def _first_unit(source: Source, unit: Unit) -> dict[str, Any]:
    return {
        "warehouseUnitId": source.id("unit", unit.name),
        "issuanceId": source.id("issuance", source.lot.code),
        "unitOwner": unit.owner,
        "countryJurisdictionOfOwner": COUNTRY,
        "inCountryJurisdictionOfOwner": source.lot.jurisdiction,
        "serialNumberBlock": written(source.lot, unit.first, unit.last),
        "unitBlockStart": str(unit.first),
        "unitBlockEnd": str(unit.last),
        "unitCount": unit.tonnes,
        "vintageYear": source.lot.vintage,
        "unitType": UNIT_TYPE,
        "unitStatus": unit.status,
        "unitStatusReason": unit.reason,
        "unitRegistryLink": source.link,
        "correspondingAdjustmentDeclaration": "Unknown",
        "correspondingAdjustmentStatus": "Not Started",
    }


def _second(source: Source) -> list[tuple[str, str, dict[str, Any]]]:
    lot = source.lot
    place = load_jurisdiction(lot.jurisdiction).title["en"]
    code, _, version = lot.methodology.rpartition("@")
    project = source.id("project", source.project)
    methodology = source.id("methodology", lot.methodology)
    used = source.id("project-methodology", source.project)
    verification, issuance, label = (
        source.id(what, lot.code) for what in ("verification", "issuance", "label")
    )
    rows: list[tuple[str, str, dict[str, Any]]] = [
        (
            "projects",
            project,
            {
                "cadTrustProjectId": project,
                "projectRegistryName": f"{place} Tanpuhui",
                "projectId": source.project,
                "projectCreditingProgram": "Tanpuhui",
                "projectName": source.title,
                "projectLink": f"{source.site}/methodologies/{lot.methodology.replace('@', '/v')}/",
                "projectSector": [source.sector[0]],
                "projectType": [source.sector[1]],
                "projectStatus": "Registered",
                "projectStatusDate": lot.certified_at.isoformat(),
                "projectUnitMetric": "tCO2e",
            },
        ),
        (
            "methodologies",
            methodology,
            {
                "cadTrustMethodologyId": methodology,
                "methodologyCode": code,
                "methodologyName": source.title,
                "methodologyVersion": version,
                "methodologyLink": f"{source.site}/methodologies/{code}/v{version}/",
                "methodologyType": UNIT_TYPE,
            },
        ),
        (
            "projectMethodologies",
            used,
            {
                "cadTrustProjectMethodologyId": used,
                "cadTrustProjectId": project,
                "cadTrustMethodologyId": methodology,
            },
        ),
        (
            "verifications",
            verification,
            {
                "cadTrustVerificationId": verification,
                "verificationId": lot.code,
                "verificationStartDate": date(lot.vintage, 1, 1).isoformat(),
                "verificationEndDate": lot.through.isoformat(),
                "verificationBody": lot.verifier,
                "cadTrustProjectId": project,
            },
        ),
        (
            "issuances",
            issuance,
            {
                "cadTrustIssuanceId": issuance,
                "issuanceId": lot.code,
                "issuanceDate": lot.certified_at.isoformat(),
                "cadTrustVerificationId": verification,
                "cadTrustProjectMethodologyId": used,
            },
        ),
        (
            "labels",
            label,
            {
                "cadTrustLabelId": label,
                "labelName": _label(lot),
                "labelType": "Certification",
                "labelLink": source.link,
                "labelDate": lot.certified_at.date().isoformat(),
            },
        ),
    ]
    for unit in source.units:
        number = source.id("unit", unit.name)
        rows.append(("units", number, _second_unit(source, unit, issuance)))
        rows.append(("unitLabels", f"{number}:{label}", {"cadTrustUnitId": number, "cadTrustLabelId": label}))
    return rows


def _second_unit(source: Source, unit: Unit, issuance: str) -> dict[str, Any]:
    return {
        "cadTrustUnitId": source.id("unit", unit.name),
        "cadTrustIssuanceId": issuance,
        "unitSerialId": written(source.lot, unit.first, unit.last),
        "unitStartBlock": str(unit.first),
        "unitEndBlock": str(unit.last),
        "unitCount": unit.tonnes,
        "unitType": UNIT_TYPE,
        "unitVintageYear": source.lot.vintage,
        "unitStatus": unit.status,
        "unitStatusReason": unit.reason,
        "unitStatusDate": unit.since.isoformat(),
        "unitLink": source.link,
        "unitMetric": "tCO2e",
        "unitCurrentOwner": unit.owner,
    }


def _label(lot: Lot) -> str:
    return f"Tanpuhui {lot.jurisdiction}, factors {lot.status}"
