"""Compare: what two versions of a methodology say differently, place by place, and line by line of their text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from tanpuhui.methodology.describe import description
from tanpuhui.methodology.methodology import Cap, Methodology


@dataclass(frozen=True)
class Difference:
    """One place in which two versions differ; ``None`` where one of them says nothing."""

    section: str
    name: str
    then: str | None
    now: str | None


def compare(one: Methodology, other: Methodology) -> list[Difference]:
    """Differences in identity, validity, fields, steps, factors, clauses and caps, in that order."""
    then, now = _places(one), _places(other)
    keys = [*then, *(key for key in now if key not in then)]
    order = list(dict.fromkeys(section for section, _ in keys))
    found = [
        Difference(section, name, then.get((section, name)), now.get((section, name)))
        for section, name in keys
        if then.get((section, name)) != now.get((section, name))
    ]
    return sorted(found, key=lambda each: order.index(each.section))


def compare_texts(one: Methodology, other: Methodology) -> list[str]:
    """The texts that a regulator approved, as lines that begin with ``-``, ``+`` or a space."""
    then, now = (
        (each.folder / "README.md").read_text(encoding="utf-8").splitlines() for each in (one, other)
    )
    return list(unified_diff(then, now, str(one), str(other), lineterm="", n=2))


def _places(methodology: Methodology) -> dict[tuple[str, str], str]:
    said = description(methodology)
    places: dict[tuple[str, str], str] = {}
    for name in ("kind", "scope", "book", "valid_from", "valid_to"):
        places["identity", name] = str(said[name] if said[name] is not None else "-")
    for language in ("zh", "en"):
        places["identity", f"title {language}"] = said["title"][language]
    places["identity", "document"] = f"{methodology.document.title} ({methodology.document.source})"
    places["identity", "status"] = methodology.status
    for field in said["fields"]:
        places["fields", field["name"]] = f"{field['min']} … {field['max']} {field['unit']}"
    for step in said["steps"]:
        places["steps", step["name"]] = f"{step['formula']} [{step['unit']}]"
    places["steps", "(result)"] = f"{methodology.result.step} [{methodology.result.unit.symbol}]"
    for factor in said["factors"]:
        places["factors", f"{factor['name']} ({factor['from']})"] = _factor(factor)
    for clause in said["clauses"]:
        condition = clause.get("when") or clause.get("requires") or ""
        places["clauses", clause["id"]] = f"{clause['text']['en']} {condition}".strip()
    for cap in methodology.caps:
        places["caps", f"{cap.per}, {cap.clause}"] = _cap(cap)
    return places


def _factor(factor: Mapping[str, Any]) -> str:
    until = f", to {factor['to']}" if factor["to"] else ""
    return f"{factor['value']} {factor['unit']}, {factor['status']}, {factor['source']}{until}"


def _cap(cap: Cap) -> str:
    limits = ((cap.limit_mg, "mg"), (cap.limit_points, "points"), (cap.limit, cap.field or ""))
    return ", ".join(f"{limit} {unit}".strip() for limit, unit in limits if limit is not None)
