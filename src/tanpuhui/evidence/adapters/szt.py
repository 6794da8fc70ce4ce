"""Shenzhen Tong: taps of transit cards at metro gates and on buses."""

from __future__ import annotations

from collections.abc import Sequence

from tanpuhui.evidence.expressions import literal
from tanpuhui.evidence.format import (
    Check,
    Format,
    Note,
    Reading,
    Shape,
    Sheet,
    Terms,
    needed_moment,
    needed_text,
    whole_number,
)
from tanpuhui.evidence.stations import names

COLUMNS = (
    "card_no",
    "deal_date",
    "deal_type",
    "deal_money",
    "deal_value",
    "equ_no",
    "company_name",
    "station",
    "car_no",
    "conn_mark",
    "close_date",
)

KIND = (
    "CASE t_deal_type WHEN '地铁入站' THEN 'metro_entry' WHEN '地铁出站' THEN 'metro_exit' "
    "WHEN '巴士' THEN 'bus_boarding' END"
)

_OWN = ("card_no", "deal_date", "deal_type", "equ_no", "car_no", "station", "deal_money", "deal_value")
_METRO = "t_deal_type IN ('地铁入站', '地铁出站')"
_STATION = "(SELECT any_value(station) FROM station_names WHERE name = t_station)"
_HOW = "(SELECT any_value(how) FROM station_names WHERE name = t_station)"


def shapes(_terms: Terms) -> Sequence[Shape]:
    return (Shape(required=COLUMNS),)


def prepare() -> Sequence[str]:
    """The table of names by which taps call stations."""
    rows = ", ".join(f"({', '.join(map(literal, row))})" for row in names())
    return (
        "CREATE OR REPLACE TEMP TABLE station_names (name VARCHAR, station VARCHAR, how VARCHAR)",
        f"INSERT INTO station_names VALUES {rows}",
    )


def read(_terms: Terms, _sheet: Sheet) -> Reading:
    """A tap has no id: its id is a keyed digest of its own columns, so the very same tap is a duplicate."""
    own = " || '|' || ".join(f"coalesce(t_{column}, '')" for column in _OWN)
    return Reading(
        source_id=f"keyed_id({own})",
        person="t_card_no",
        kind=KIND,
        started_us="moment_us(t_deal_date)",
        ended_us="moment_us(t_deal_date)",
        measures={"fare_fen": "whole(t_deal_value)", "paid_fen": "whole(t_deal_money)"},
        station=f"CASE WHEN {_METRO} THEN {_STATION} END",
        line=f"nullif(CASE WHEN {_METRO} THEN t_company_name ELSE t_station END, '')",
        vehicle=f"nullif(CASE WHEN {_METRO} THEN t_equ_no ELSE t_car_no END, '')",
        extras={"how": f"CASE WHEN {_METRO} THEN {_HOW} END"},
        checks=[
            *needed_text("card_no"),
            *needed_moment("deal_date", "started_us"),
            *needed_text("deal_type"),
            Check("evidence.unknown_type", "deal_type", f"({KIND}) IS NULL"),
            *whole_number("deal_money", "paid_fen", needed=True),
            *whole_number("deal_value", "fare_fen", needed=True),
            *needed_moment("close_date", "moment_us(t_close_date)"),
            Check("evidence.out_of_range", "conn_mark", "t_conn_mark NOT IN ('0', '1')"),
            Check(
                "evidence.station_missing",
                "station",
                f"{_METRO} AND coalesce(t_station, '') IN ('', '-')",
            ),
            Check("evidence.station_unknown", "station", f"{_METRO} AND how IS NULL"),
        ],
        notes=[
            Note("evidence.card_of_8_characters", "length(t_card_no) = 8"),
            Note("evidence.station_suffix", "how = 'suffix'"),
            Note("evidence.station_alias", "how = 'alias'"),
        ],
    )


FORMAT = Format("szt", frozenset({"csv"}), shapes, read, prepare)
