"""Generic: acts in our own schema, as CSV, NDJSON or Parquet, with any of the known measures."""

from __future__ import annotations

from collections.abc import Sequence

from tanpuhui.evidence.format import (
    ACTION,
    REVISION,
    REVISION_COLUMNS,
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
from tanpuhui.evidence.record import MEASURES, PIECE_KINDS, PLACES

REQUIRED = ("source_id", "person", "kind", "started_at", "ended_at")


def measures_of(terms: Terms) -> tuple[str, ...]:
    """The known measures, and those that the contract adds."""
    return (*MEASURES, *(name for name in terms.options.get("measures", ()) if name not in MEASURES))


def shapes(terms: Terms) -> Sequence[Shape]:
    return (Shape(required=REQUIRED, optional=(*REVISION_COLUMNS, *PLACES, *measures_of(terms))),)


#: Measures that may be true or false; a distance that is true is no distance.
YES_OR_NO = ("is_", "has_", "host_is_")


def read(terms: Terms, sheet: Sheet) -> Reading:
    """Each column that the file has is what it says; sales, lamps and invoices are one piece where none is given."""
    names = [name for name in measures_of(terms) if f"t_{name}" in sheet.columns]
    measures = {name: _measure(name, sheet) for name in names}
    kinds = ", ".join(f"'{kind}'" for kind in PIECE_KINDS)
    one_piece = f"{sheet.is_empty('pieces')} AND t_kind IN ({kinds})"
    measures["pieces"] = f"CASE WHEN {one_piece} THEN 1 ELSE {sheet.whole('pieces')} END"
    return Reading(
        source_id="t_source_id",
        person="t_person",
        kind="t_kind",
        started_us=sheet.moment_us("started_at"),
        ended_us=sheet.moment_us("ended_at"),
        revision=REVISION,
        action=ACTION,
        measures=measures,
        station="nullif(t_station, '')",
        line="nullif(t_line, '')",
        vehicle="nullif(t_vehicle, '')",
        checks=[
            *needed_text("source_id"),
            *needed_text("person"),
            *needed_text("kind", words=sorted(terms.kinds)),
            *needed_moment("started_at", "started_us", is_empty=sheet.is_empty("started_at")),
            *needed_moment("ended_at", "ended_us", is_empty=sheet.is_empty("ended_at")),
            *revision_checks(),
            *(
                check
                for name in measures
                for check in whole_number(name, name, is_empty=sheet.is_empty(name))
            ),
        ],
    )


def _measure(name: str, sheet: Sheet) -> str:
    yes_or_no = name.startswith(YES_OR_NO) and name not in sheet.numbers
    return f"whole(flag(t_{name}))" if yes_or_no else sheet.whole(name)


FORMAT = Format("generic", frozenset({"csv", "ndjson", "parquet"}), shapes, read)
