"""CAD Trust: lots and their units as records of its data model, version 1 or 2, for others to read.

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
from tanpuhui.registry.history import holder_name
from tanpuhui.registry.models import Annulment, Block, Lot
from tanpuhui.registry.refusals import BadModel, BadSite
from tanpuhui.registry.serial import written

MODELS = (1, 2)
COUNTRY = "China"
UNIT_TYPE = "Reduction - technical"
#: What a block's state is called there. Open ones are held by residents, whom nobody names.
STATUSES = {
    Block.OPEN: "Held",
    Block.HELD: "Held",
    Block.LOCKED: "Held",
    Block.RETIRED: "Retired",
    Block.CANCELLED: "Cancelled",
}
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
    blocks: tuple[Block, ...]
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
    for lot in Lot.objects.order_by("serial_first"):
        blocks = tuple(Block.objects.filter(lot=lot, closed_at__isnull=True).order_by("first"))
        of_lot = _first_model(Source(lot, blocks, site)) if model == 1 else _second(Source(lot, blocks, site))
        for table, key, row in of_lot:
            tables.setdefault(table, {})[key] = row
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
                "verificationDate": lot.certified_at.date().isoformat(),
                "verificationBody": lot.verifier,
            },
        ),
        ("labels", source.id("label", lot.code), _first_label(source, project)),
    ]
    rows += [
        ("units", source.id("unit", str(block.pk)), _first_unit(source, block)) for block in source.blocks
    ]
    return rows


def _first_label(source: Source, project: str) -> dict[str, Any]:
    lot = source.lot
    return {
        "id": source.id("label", lot.code),
        "warehouseProjectId": project,
        "label": _label(lot),
        "creditingPeriodStartDate": date(lot.vintage, 1, 1).isoformat(),
        "creditingPeriodEndDate": lot.through.isoformat(),
        "validityStartDate": lot.certified_at.date().isoformat(),
        "validityPeriodEndDate": date(9999, 12, 31).isoformat(),
        "unitQuantity": lot.tonnes,
        "labelLink": source.link,
    }


def _first_unit(source: Source, block: Block) -> dict[str, Any]:
    return {
        "warehouseUnitId": source.id("unit", str(block.pk)),
        "issuanceId": source.id("issuance", source.lot.code),
        "unitOwner": _owner(block),
        "countryJurisdictionOfOwner": COUNTRY,
        "inCountryJurisdictionOfOwner": source.lot.jurisdiction,
        "serialNumberBlock": written(source.lot, block.first, block.last),
        "unitBlockStart": str(block.first),
        "unitBlockEnd": str(block.last),
        "unitCount": block.tonnes,
        "vintageYear": source.lot.vintage,
        "unitType": UNIT_TYPE,
        "unitStatus": STATUSES[block.state],
        "unitStatusReason": _reason(source.lot, block),
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
    for block in source.blocks:
        unit = source.id("unit", str(block.pk))
        rows.append(("units", unit, _second_unit(source, block, issuance)))
        rows.append(("unitLabels", f"{unit}:{label}", {"cadTrustUnitId": unit, "cadTrustLabelId": label}))
    return rows


def _second_unit(source: Source, block: Block, issuance: str) -> dict[str, Any]:
    return {
        "cadTrustUnitId": source.id("unit", str(block.pk)),
        "cadTrustIssuanceId": issuance,
        "unitSerialId": written(source.lot, block.first, block.last),
        "unitStartBlock": str(block.first),
        "unitEndBlock": str(block.last),
        "unitCount": block.tonnes,
        "unitType": UNIT_TYPE,
        "unitVintageYear": source.lot.vintage,
        "unitStatus": STATUSES[block.state],
        "unitStatusReason": _reason(source.lot, block),
        "unitStatusDate": block.opened_at.isoformat(),
        "unitLink": source.link,
        "unitMetric": "tCO2e",
        "unitCurrentOwner": _owner(block),
    }


def _owner(block: Block) -> str:
    return holder_name(block.owner) or ("annulled" if block.state == Block.CANCELLED else "residents")


def _label(lot: Lot) -> str:
    return f"Tanpuhui {lot.jurisdiction}, factors {lot.status}"


def _reason(lot: Lot, block: Block) -> str | None:
    """Why something is retired or cancelled, which version 1 requires; a lot's annulment before the block's own."""
    if block.state not in (Block.RETIRED, Block.CANCELLED):
        return None
    annulled = Annulment.objects.filter(pk=lot.pk).first()
    if annulled is not None and block.state == Block.CANCELLED:
        return annulled.reason
    moved = lot.movements.filter(to_state=block.state, first__lte=block.first, last__gte=block.first)
    last = moved.order_by("-id").first()
    said = {name: text for name, text in (last.said if last else {}).items() if text}
    return ", ".join(f"{name}: {text}" for name, text in sorted(said.items())) or block.state
