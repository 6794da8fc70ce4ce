"""Payments: a payment app's records, one JSON object a line. A payment refunded is a payment that never was."""

from __future__ import annotations

from collections.abc import Sequence

from tanpuhui.evidence.format import (
    Check,
    Format,
    Reading,
    Shape,
    Sheet,
    Terms,
    control_characters,
    needed_moment,
    needed_text,
    whole_number,
)

SHAPE = Shape(
    required=("id", "type", "user", "at"),
    optional=("amount_fen", "pieces", "mode", "ended_at", "distance_m", "refunds"),
)

PIECE_TYPES = ("e_invoice", "no_cutlery_order", "second_hand_sale")
TYPES = (*PIECE_TYPES, "transit_code", "top_up", "refund")

_PIECES = ", ".join(f"'{name}'" for name in PIECE_TYPES)
_RIDE = "t_type = 'transit_code'"
_REFUND = "t_type = 'refund'"
_BOARDING = f"{_RIDE} AND t_mode = 'bus' AND is_empty(t_distance_m)"


def shapes(_terms: Terms) -> Sequence[Shape]:
    return (SHAPE,)


def _needed(column: str, when: str) -> Check:
    return Check("evidence.missing", column, f"{when} AND is_empty(t_{column})")


def read(_terms: Terms, _sheet: Sheet) -> Reading:
    """A refund is revision 1 of the order that it names: a retraction, whenever it arrives."""
    ended = "CASE WHEN is_empty(t_ended_at) THEN t_at ELSE t_ended_at END"
    return Reading(
        source_id=f"CASE WHEN {_REFUND} THEN t_refunds ELSE t_id END",
        person="t_user",
        kind=f"CASE WHEN {_BOARDING} THEN 'bus_boarding' WHEN {_RIDE} THEN t_mode || '_trip' ELSE t_type END",
        started_us="moment_us(t_at)",
        ended_us=f"moment_us({ended})",
        revision=f"CASE WHEN {_REFUND} THEN 1 ELSE 0 END",
        action=f"CASE WHEN {_REFUND} THEN 'retract' ELSE 'report' END",
        measures={
            "distance_m": f"CASE WHEN {_RIDE} THEN whole(t_distance_m) END",
            "pieces": f"CASE WHEN t_type IN ({_PIECES}) THEN coalesce(whole(t_pieces), 1) END",
            "amount_fen": "whole(t_amount_fen)",
        },
        checks=_checks(),
    )


def _checks() -> list[Check]:
    """What each type of record cannot do without, and what its values must be."""
    types = ", ".join(f"'{name}'" for name in TYPES)
    return [
        *needed_text("id"),
        *needed_text("type"),
        Check("evidence.unknown_type", "type", f"t_type NOT IN ({types})"),
        *needed_text("user"),
        *needed_moment("at", "started_us"),
        Check(
            "evidence.not_a_moment",
            "ended_at",
            "NOT is_empty(t_ended_at) AND ended_us IS NULL",
        ),
        *(
            check
            for name in ("amount_fen", "pieces", "distance_m")
            for check in whole_number(name, f"whole(t_{name})")
        ),
        _needed("refunds", _REFUND),
        control_characters("refunds"),
        Check("evidence.too_long", "refunds", "length(t_refunds) > 200", {"limit": 200}),
        _needed("mode", _RIDE),
        Check("evidence.unknown_type", "mode", f"{_RIDE} AND t_mode NOT IN ('bus', 'metro')"),
        _needed("ended_at", f"{_RIDE} AND NOT is_empty(t_distance_m)"),
        _needed("distance_m", f"{_RIDE} AND t_mode = 'metro'"),
    ]


FORMAT = Format("payments", frozenset({"ndjson"}), shapes, read)
