"""EV sessions: charging sessions as a workplace network exports them, energy in decimal kWh."""

from __future__ import annotations

from collections.abc import Sequence

from tanpuhui.evidence.format import (
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
)

SHAPE = Shape(
    required=("sessionId", "kwhTotal", "created", "ended", "userId", "stationId"),
    optional=("startTime", "endTime"),
    ignored=("dollars", "chargeTimeHrs", "weekday", "platform", "distance", "locationId", "Efficiency_WhKm"),
)

_OVERLAPS = "started_us < max(ended_us) OVER (PARTITION BY {who} ORDER BY started_us, row_number {before})"
_BEFORE = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"


def shapes(_terms: Terms) -> Sequence[Shape]:
    return (SHAPE,)


def repaired(column: str, terms: Terms) -> str:
    """The text of a moment; with the repair ``two_digit_years``, year 14 is 2014."""
    if "two_digit_years" not in terms.repairs:
        return f"t_{column}"
    return f"CASE WHEN starts_with(t_{column}, '00') THEN '20' || substr(t_{column}, 3) ELSE t_{column} END"


def read(terms: Terms, _sheet: Sheet) -> Reading:
    """Full moments are used; the hour columns only say whether the session went past midnight."""
    created, ended = repaired("created", terms), repaired("ended", terms)
    notes = [
        Note("evidence.past_midnight", "whole(t_endTime) < whole(t_startTime)"),
        Note("evidence.person_overlap", "overlaps_person"),
        Note("evidence.station_overlap", "overlaps_station"),
        Note("evidence.rounded_to_unit", "below_thousandths(t_kwhTotal)"),
    ]
    if "two_digit_years" in terms.repairs:
        two_digits = "starts_with(t_created, '00') OR starts_with(t_ended, '00')"
        notes.append(Note("evidence.two_digit_year_repaired", two_digits))
    return Reading(
        source_id="t_sessionId",
        person="t_userId",
        kind="'ev_charge'",
        started_us=f"moment_us({created})",
        ended_us=f"moment_us({ended})",
        measures={"energy_wh": "thousandths(t_kwhTotal)"},
        station="t_stationId",
        extras={
            "overlaps_person": _OVERLAPS.format(who="t_userId", before=_BEFORE),
            "overlaps_station": _OVERLAPS.format(who="t_stationId", before=_BEFORE),
        },
        checks=[
            *needed_text("sessionId"),
            *needed_text("userId"),
            *needed_text("stationId"),
            *needed_moment("created", "started_us"),
            *needed_moment("ended", "ended_us"),
            *decimal_number("kwhTotal", needed=True),
            Check("evidence.no_energy", "kwhTotal", "thousandths(t_kwhTotal) = 0"),
        ],
        notes=notes,
    )


FORMAT = Format("ev_sessions", frozenset({"csv"}), shapes, read, alone=True)
