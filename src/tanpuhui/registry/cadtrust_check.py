"""CAD Trust check: records against what its data model requires, and against its picklists."""

from __future__ import annotations

from dataclasses import dataclass
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
            "startDate", "endDate", "verificationApproach", "verificationDate", "verificationBody",
        ),
        "labels": (
            "label", "creditingPeriodStartDate", "creditingPeriodEndDate", "validityStartDate",
            "validityPeriodEndDate", "unitQuantity", "labelLink",
        ),
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
    },
    2: {
        ("units", "cadTrustIssuanceId"): ("issuances", "cadTrustIssuanceId"),
        ("issuances", "cadTrustVerificationId"): ("verifications", "cadTrustVerificationId"),
        ("issuances", "cadTrustProjectMethodologyId"): ("projectMethodologies", "cadTrustProjectMethodologyId"),
        ("verifications", "cadTrustProjectId"): ("projects", "cadTrustProjectId"),
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
    """What is missing, is on no picklist, points at nothing, or does not count up, in an export."""
    model = exported["model"]
    found = []
    for table, required in REQUIRED[model].items():
        for number, row in enumerate(exported.get(table, []), 1):
            named = str(next(iter(row.values()), number))
            found += [
                Problem(table, named, name, "is missing")
                for name in required
                if row.get(name) in (None, "", [])
            ]
            found += _unlisted(model, table, named, row)
            found += _dangling(exported, table, named, row)
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


def _dangling(exported: dict[str, Any], table: str, named: str, row: dict[str, Any]) -> list[Problem]:
    found = []
    for (of, name), (other, key) in _POINTS_AT[exported["model"]].items():
        if of == table and row.get(name) not in {one[key] for one in exported.get(other, [])}:
            found.append(Problem(table, named, name, f"names no record of {other}"))
    return found


def _of_unit(model: int, named: str, row: dict[str, Any]) -> list[Problem]:
    first, last = ("unitBlockStart", "unitBlockEnd") if model == 1 else ("unitStartBlock", "unitEndBlock")
    found = []
    if int(row[last]) - int(row[first]) + 1 != row["unitCount"]:
        found.append(Problem("units", named, "unitCount", f"is not what {first} and {last} count"))
    if row["unitStatus"] in ("Retired", "Cancelled") and not row.get("unitStatusReason"):
        found.append(Problem("units", named, "unitStatusReason", "is missing"))
    return found
