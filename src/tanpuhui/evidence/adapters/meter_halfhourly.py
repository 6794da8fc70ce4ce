"""Half-hourly meters: consumption and gross PV generation of each half hour, in decimal kWh.

The decimals become watt-hours here, half to even, by integers alone: ``0.48200000000000004`` (an artefact of a
binary float upstream) is 482 Wh.
"""

from __future__ import annotations

from collections.abc import Sequence

from tanpuhui.evidence.expressions import literal
from tanpuhui.evidence.format import (
    ACTION,
    REVISION,
    REVISION_COLUMNS,
    Check,
    Format,
    Note,
    Reading,
    Shape,
    Sheet,
    Terms,
    decimal_number,
    needed_moment,
    needed_text,
    revision_checks,
)

HALF_HOUR_US = 1_800_000_000

OWN = Shape(
    required=("meter", "slot_start", "consumption_kwh"), optional=("generation_kwh", *REVISION_COLUMNS)
)
AUSGRID = Shape(
    required=("", "GC", "GG"),
    renamed={"": "slot_start", "GC": "consumption_kwh", "GG": "generation_kwh"},
)

#: Local hours in which the sun is up nowhere in China: 22:00 to 04:00.
_AT_NIGHT = "local_hour(moment_us(t_slot_start)) IN (22, 23, 0, 1, 2, 3)"


def shapes(_terms: Terms) -> Sequence[Shape]:
    return (OWN, AUSGRID)


def read(terms: Terms, sheet: Sheet) -> Reading:
    """A slot ends one microsecond before the next starts, so that the last one belongs to its own day."""
    own = sheet.shape == 0
    meter = "t_meter" if own else literal(str(terms.options.get("meter", sheet.stem)))
    at_night = f"{_AT_NIGHT} AND thousandths(t_generation_kwh) > 0"
    start = "moment_us(t_slot_start)"
    return Reading(
        source_id=f"keyed_id({meter} || '|' || CAST({start} AS VARCHAR))",
        person=meter,
        kind="'meter_slot'",
        started_us=start,
        ended_us=f"{start} + {HALF_HOUR_US - 1}",
        revision=REVISION if own else "0",
        action=ACTION if own else "'report'",
        measures={
            "energy_wh": "thousandths(t_consumption_kwh)",
            "pv_wh": f"CASE WHEN {at_night} THEN 0 ELSE thousandths(t_generation_kwh) END",
            "pv_night_wh": f"CASE WHEN {at_night} THEN thousandths(t_generation_kwh) END",
        },
        checks=[
            *(needed_text("meter") if own else ()),
            *needed_moment("slot_start", "started_us"),
            Check("evidence.slot_unaligned", "slot_start", f"wall_us(t_slot_start) % {HALF_HOUR_US} <> 0"),
            *decimal_number("consumption_kwh", needed=True),
            *decimal_number("generation_kwh"),
            *(revision_checks() if own else ()),
        ],
        notes=[
            Note("evidence.pv_at_night", at_night),
            Note(
                "evidence.rounded_to_unit",
                "below_thousandths(t_consumption_kwh) OR below_thousandths(t_generation_kwh)",
            ),
        ],
    )


FORMAT = Format("meter_halfhourly", frozenset({"csv"}), shapes, read, alone=True)
