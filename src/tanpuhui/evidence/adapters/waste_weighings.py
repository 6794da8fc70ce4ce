"""Waste weighings: what a person brought to a sorting station, by material, in grams.

A survey of public bins (Bellevue, Zurich) is recognised too: it names neither person nor moment, so each of its
rows is refused with the reason that says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from tanpuhui.evidence.format import (
    ACTION,
    REVISION,
    REVISION_COLUMNS,
    Check,
    Format,
    Reading,
    Shape,
    Sheet,
    Terms,
    needed_moment,
    needed_text,
    revision_checks,
    whole_number,
)

#: The small integers of ``material``.
MATERIALS = {"paper": 1, "plastic": 2, "metal": 3, "glass": 4, "textile": 5, "kitchen": 6, "other": 7}

OWN = Shape(
    required=("weighing_id", "person", "station", "weighed_at", "material", "mass_g"),
    optional=REVISION_COLUMNS,
)
_BIN = ("number", "identifier", "location", "ch_coordinates_x", "ch_coordinates_y", "type", "comment")
SURVEY = Shape(required=(*_BIN, "weight"), optional=("category", "sub_bin_type"))
_PARTS = ("weight_paper", "weight_pet", "weight_metals", "weight_glass", "weight_others")
SURVEY_TOTALS = Shape(required=(*_BIN, "weight_total", *_PARTS))

_NO_WEIGHT = "(is_empty(t_{column}) OR upper(t_{column}) = 'NA')"


def shapes(_terms: Terms) -> Sequence[Shape]:
    return (OWN, SURVEY, SURVEY_TOTALS)


def read(_terms: Terms, sheet: Sheet) -> Reading:
    return (_own, _survey, _survey_totals)[sheet.shape]()


def _own() -> Reading:
    names = " ".join(f"WHEN '{name}' THEN {code}" for name, code in MATERIALS.items())
    material = f"CASE t_material {names} END"
    return Reading(
        source_id="t_weighing_id",
        person="t_person",
        kind="'waste_sorting'",
        started_us="moment_us(t_weighed_at)",
        ended_us="moment_us(t_weighed_at)",
        revision=REVISION,
        action=ACTION,
        measures={"mass_g": "whole(t_mass_g)", "material": material},
        station="nullif(t_station, '')",
        checks=[
            *needed_text("weighing_id"),
            *needed_text("person"),
            *needed_moment("weighed_at", "ended_us"),
            Check("evidence.mass_missing", "mass_g", _NO_WEIGHT.format(column="mass_g")),
            *whole_number("mass_g", "mass_g"),
            Check("evidence.missing", "material", "is_empty(t_material)"),
            Check("evidence.material_unknown", "material", f"{material} IS NULL"),
            *revision_checks(),
        ],
    )


def _nobodys(*checks: Check) -> Reading:
    """A reading that refuses every row: by its own checks, and at last because nobody brought it."""
    return Reading(
        source_id="t_number",
        person="NULL",
        kind="'waste_sorting'",
        started_us="NULL::BIGINT",
        ended_us="NULL::BIGINT",
        measures={"mass_g": "NULL::BIGINT"},
        checks=[*checks, Check("evidence.missing", "person", "true")],
    )


def _survey() -> Reading:
    return _nobodys(Check("evidence.mass_missing", "weight", _NO_WEIGHT.format(column="weight")))


def _survey_totals() -> Reading:
    parts = " + ".join(f"coalesce(thousandths(t_{part}), 0)" for part in _PARTS)
    total = "thousandths(t_weight_total)"
    differ = f"abs({total} - ({parts})) * 50 > {total}"
    return _nobodys(
        Check("evidence.mass_missing", "weight_total", _NO_WEIGHT.format(column="weight_total")),
        Check("evidence.parts_differ", "weight_total", differ, {"limit_percent": 2}),
    )


FORMAT = Format("waste_weighings", frozenset({"csv"}), shapes, read)
