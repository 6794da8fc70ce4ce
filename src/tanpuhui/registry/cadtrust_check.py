"""CAD Trust check: records against what its data model requires, and against its picklists."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_UNIT_TYPES = ("Reduction - nature", "Reduction - technical", "Removal - nature", "Removal - technical")
_MORE_UNIT_TYPES = (*_UNIT_TYPES, "Avoidance - nature", "Avoidance - technical", "Not Determined")
_VERIFIERS = (
    "China Certification Center Inc.",
    "China Classification Society Certification Co. Limited",
    "China Environmental United Certification Center Co. Limited",
    "China Quality Certification Center",
    "China Testing & Certification International Group Co. Limited",
    "Shenzhen CTI International Certification Co. Limited",
    "TÜV Rheinland (China) Limited",
)

#: Fields that a record must have, by model and table.
REQUIRED: dict[int, dict[str, tuple[str, ...]]] = {
    1: {
        "projects": (
            "projectId", "originProjectId", "registryOfOrigin", "projectName", "projectLink", "projectDeveloper",
            "sector", "projectType", "coveredByNDC", "projectStatus", "projectStatusDate", "unitMetric", "methodology",
        ),
        "issuances": (
            "startDate", "endDate", "verificationApproach", "verificationReportDate", "verificationBody",
        ),
        "labels": (
            "label", "labelType", "creditingPeriodStartDate", "creditingPeriodEndDate", "validityPeriodStartDate",
            "validityPeriodEndDate", "unitQuantity", "labelLink",
        ),
        "labelUnits": ("warehouseUnitId", "labelId"),
        "units": (
            "countryJurisdictionOfOwner", "unitBlockStart", "unitBlockEnd", "unitCount", "vintageYear", "unitType",
            "unitStatus", "unitRegistryLink", "correspondingAdjustmentDeclaration", "correspondingAdjustmentStatus",
        ),
    },
    2: {
        "projects": (
            "projectRegistryName", "projectId", "projectName", "projectLink", "projectSector", "projectType",
            "projectStatus", "projectStatusDate", "projectUnitMetric",
        ),
        "methodologies": ("methodologyCode", "methodologyName"),
        "projectMethodologies": ("cadTrustProjectId", "cadTrustMethodologyId"),
        "verifications": ("verificationId", "verificationBody", "cadTrustProjectId"),
        "issuances": ("issuanceId", "cadTrustVerificationId", "cadTrustProjectMethodologyId"),
        "labels": ("labelName",),
        "units": ("unitSerialId", "unitStartBlock", "unitEndBlock", "unitVintageYear", "cadTrustIssuanceId"),
        "unitLabels": ("cadTrustUnitId", "cadTrustLabelId"),
    },
}  # fmt: skip

#: Fields that a record may have besides; any other is refused, so that a name that is misspelt is found.
OPTIONAL: dict[int, dict[str, tuple[str, ...]]] = {
    1: {
        "projects": (
            "warehouseProjectId", "currentRegistry", "program", "projectTags", "ndcInformation", "methodology2",
            "validationBody", "validationDate", "description",
        ),
        "issuances": ("id", "warehouseProjectId"),
        "labels": ("id", "warehouseProjectId"),
        "labelUnits": ("id",),
        "units": (
            "warehouseUnitId", "issuanceId", "projectLocationId", "unitOwner", "inCountryJurisdictionOfOwner",
            "serialNumberBlock", "marketplace", "marketplaceLink", "marketplaceIdentifier", "unitTags",
            "unitStatusReason",
        ),
    },
    2: {
        "projects": (
            "cadTrustProjectId", "projectCreditingProgram", "projectDescription", "projectSubtype",
            "cadTrustReferenceProjectId", "cadTrustProgramId",
        ),
        "methodologies": (
            "cadTrustMethodologyId", "methodologyVersion", "methodologyDate", "methodologyLink", "methodologyType",
        ),
        "projectMethodologies": (
            "cadTrustProjectMethodologyId", "projectMethodologyDate", "projectMethodologyDescription",
        ),
        "verifications": (
            "cadTrustVerificationId", "verificationStartDate", "verificationEndDate", "cadTrustValidationId",
        ),
        "issuances": ("cadTrustIssuanceId", "issuanceDate", "cadTrustLocationId"),
        "labels": ("cadTrustLabelId", "labelType", "labelLink", "labelDate"),
        "units": (
            "cadTrustUnitId", "unitCount", "unitType", "unitStatus", "unitStatusReason", "unitStatusDate",
            "unitRetirementDetail", "unitRetirementBeneficiary", "unitRetirementBeneficiaryId", "unitLink",
            "unitMetric", "unitCurrentOwner", "unitItmosReferenceId", "marketplace", "marketplaceLink",
            "marketplaceIdentifier",
        ),
        "unitLabels": (),
    },
}  # fmt: skip

#: What a field may say, by model: the picklists as they were published with the implementation. Of verifiers only those
#: are here that work in China; a name that is none of them has to be added to the picklist by its governance first.
PICKLISTS: dict[int, dict[tuple[str, str], tuple[str, ...]]] = {
    1: {
        ("projects", "coveredByNDC"): ("Inside NDC", "Outside NDC", "Unknown"),
        ("projects", "projectStatus"): (
            "Listed", "Validated", "Registered", "Approved", "Authorized", "Completed", "Inactive", "Withdrawn",
            "Rejected", "De-registered",
        ),
        ("projects", "unitMetric"): ("tCO2e",),
        ("labels", "labelType"): (
            "Endorsement", "Certification", "Letter of Approval", "Letter of Authorization", "Letter of Qualification",
        ),
        ("units", "countryJurisdictionOfOwner"): ("China",),
        ("units", "unitType"): _MORE_UNIT_TYPES,
        ("units", "unitStatus"): (
            "Held", "Retired", "Cancelled", "Expired", "Inactive", "Buffer", "Exported", "Rejected", "Pending Export",
        ),
        ("units", "correspondingAdjustmentDeclaration"): ("Committed", "Not Required", "Unknown"),
        ("units", "correspondingAdjustmentStatus"): ("Not Applicable", "Not Started", "Pending", "Completed"),
    },
    2: {
        ("projects", "projectSector"): (
            "Transport", "Energy industries (renewable-/ non renewable sources)", "Energy demand",
            "Waste handling and disposal", "Others",
        ),
        ("projects", "projectType"): (
            "Transport", "Solar", "Energy Efficiency households", "Waste", "Any combination of the above",
        ),
        ("projects", "projectStatus"): (
            "Certified", "Completed", "Inactive", "Listed", "Registered", "Rejected", "Validated", "Verified",
            "Withdrawn",
        ),
        ("projects", "projectUnitMetric"): ("gCO2eq/kWh", "kt (Kiloton)", "tCO2e"),
        ("methodologies", "methodologyType"): _MORE_UNIT_TYPES,
        ("verifications", "verificationBody"): _VERIFIERS,
        ("labels", "labelType"): (
            "Certification", "Article 6 - Endorsement", "Article 6 - Letter of Qualification",
            "Article 6 - Authorisation", "Article 6 - Letter of Approvals",
        ),
        ("units", "unitType"): _MORE_UNIT_TYPES,
        ("units", "unitStatus"): (
            "Buffer", "Cancelled", "Expired", "Held", "Inactive", "Issued", "Rejected", "Retired",
        ),
        ("units", "unitMetric"): ("gCO2eq/kWh", "kt (Kiloton)", "tCO2e"),
    },
}  # fmt: skip

#: Records that a field points at: table and identifier.
_POINTS_AT = {
    1: {
        ("units", "issuanceId"): ("issuances", "id"),
        ("issuances", "warehouseProjectId"): ("projects", "warehouseProjectId"),
        ("labels", "warehouseProjectId"): ("projects", "warehouseProjectId"),
        ("labelUnits", "warehouseUnitId"): ("units", "warehouseUnitId"),
        ("labelUnits", "labelId"): ("labels", "id"),
    },
    2: {
        ("units", "cadTrustIssuanceId"): ("issuances", "cadTrustIssuanceId"),
        ("issuances", "cadTrustVerificationId"): ("verifications", "cadTrustVerificationId"),
        ("issuances", "cadTrustProjectMethodologyId"): ("projectMethodologies", "cadTrustProjectMethodologyId"),
        ("verifications", "cadTrustProjectId"): ("projects", "cadTrustProjectId"),
        ("projectMethodologies", "cadTrustProjectId"): ("projects", "cadTrustProjectId"),
        ("projectMethodologies", "cadTrustMethodologyId"): ("methodologies", "cadTrustMethodologyId"),
        ("unitLabels", "cadTrustUnitId"): ("units", "cadTrustUnitId"),
        ("unitLabels", "cadTrustLabelId"): ("labels", "cadTrustLabelId"),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """A record that CAD Trust would refuse, and why."""

    table: str
    record: str
    field: str
    problem: str

    def as_json(self) -> dict[str, str]:
        return dict(vars(self))


def problems(exported: dict[str, Any]) -> list[Problem]:
    """What is missing, unknown, on no picklist, points at nothing, or does not count up, in an export."""
    model = exported["model"]
    found = _shared_numbers(exported)
    identifiers = {
        (table, key): {row[key] for row in exported.get(table, [])}
        for table, key in _POINTS_AT[model].values()
    }
    for table, required in REQUIRED[model].items():
        known = {*required, *OPTIONAL[model][table]}
        for number, row in enumerate(exported.get(table, []), 1):
            named = str(next(iter(row.values()), number))
            found += [
                Problem(table, named, name, "is missing")
                for name in required
                if row.get(name) in (None, "", [])
            ]
            found += [
                Problem(table, named, name, "is no field of the model") for name in row if name not in known
            ]
            found += _unlisted(model, table, named, row)
            found += _dangling(model, identifiers, table, named, row)
            if table == "units":
                found += _of_unit(model, named, row)
    return found


def _unlisted(model: int, table: str, named: str, row: dict[str, Any]) -> list[Problem]:
    found = []
    for (of, name), known in PICKLISTS[model].items():
        if of != table or row.get(name) is None:
            continue
        said = row[name] if isinstance(row[name], list) else [row[name]]
        found += [
            Problem(table, named, name, f"{one!r} is not on the picklist") for one in said if one not in known
        ]
    return found


def _dangling(
    model: int, identifiers: dict[tuple[str, str], set[str]], table: str, named: str, row: dict[str, Any]
) -> list[Problem]:
    return [
        Problem(table, named, name, f"names no record of {other[0]}")
        for (of, name), other in _POINTS_AT[model].items()
        if of == table and row.get(name) not in identifiers[other]
    ]


#: The names of a unit's identifier and of its first and last number, by model.
_NUMBERS = {
    1: ("warehouseUnitId", "unitBlockStart", "unitBlockEnd"),
    2: ("cadTrustUnitId", "unitStartBlock", "unitEndBlock"),
}


def _shared_numbers(exported: dict[str, Any]) -> list[Problem]:
    """Units that begin before the one before them ends: a platform numbers its tonnes once, whatever their lot."""
    name, first, last = _NUMBERS[exported["model"]]
    ranges = sorted((int(row[first]), int(row[last]), row[name]) for row in exported.get("units", []))
    return [
        Problem("units", after[2], first, f"is in unit {before[2]} too")
        for before, after in pairwise(ranges)
        if after[0] <= before[1]
    ]


def _of_unit(model: int, named: str, row: dict[str, Any]) -> list[Problem]:
    _, first, last = _NUMBERS[model]
    found = []
    if int(row[last]) - int(row[first]) + 1 != row["unitCount"]:
        found.append(Problem("units", named, "unitCount", f"is not what {first} and {last} count"))
    if row["unitStatus"] in ("Retired", "Cancelled") and not row.get("unitStatusReason"):
        found.append(Problem("units", named, "unitStatusReason", "is missing"))
    return found
