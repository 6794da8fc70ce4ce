"""Ruled: invariants of conversions that need the dated tables and methodologies, which the database does not know."""

from __future__ import annotations

from collections.abc import Iterator

from tanpuhui.ledger.invariants import Invariant
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import known_jurisdictions, load_jurisdiction
from tanpuhui.registry.pooled_only import is_household_alone


def invariants() -> tuple[Invariant, ...]:
    """Conversions at another rate than a rule's, and of pending reductions that are still to be certified."""
    rates, for_points = list(_rates()), list(_for_points())
    ruled = " OR ".join(rates) or "false"
    return (
        Invariant(
            "conversions_are_as_the_rule_of_their_day_says",
            "A conversion has the rate of a dated rule of its place, and used its claim up if that rule says so.",
            f"""
            SELECT 'points_conversion' AS tablename, format('id=%s', c.id) AS key,
                format('%s mg a point, claim used up: %s, in %s on %s', c.mg_per_point, c.consumed, c.jurisdiction,
                    t.effective_on) AS found
            FROM points_conversion c LEFT JOIN ledger_transaction t ON t.id = c.tx_id
            WHERE ({ruled}) IS NOT TRUE
            """,
        ),
        Invariant(
            "pending_converts_where_it_is_never_certified",
            "What converts before it is certified is what a single household saved, which no lot ever takes.",
            f"""
            SELECT 'points_conversion_line' AS tablename, format('id=%s', l.id) AS key,
                format('%s mg of %s', l.amount_mg, a.code) AS found
            FROM points_conversion_line l JOIN ledger_asset a ON a.id = l.asset
            WHERE a.code NOT LIKE 'lot:%'
                AND (substring(a.code FROM '^pending:(.*):[0-9]+$') = ANY(ARRAY[{", ".join(for_points)}]::text[]))
                    IS NOT TRUE
            """,
        ),
    )


def _rates() -> Iterator[str]:
    """A condition for each dated rule."""
    for place in map(load_jurisdiction, known_jurisdictions()):
        for rule in place.points_conversions:
            claim = "" if rule.content["consumes_claim"] else "NOT "
            yield (
                f"c.jurisdiction = {_quoted(place.code)} AND t.effective_on BETWEEN '{rule.first_day}' AND "
                f"'{rule.last_day}' AND c.mg_per_point = {int(rule.content['mg_per_point'])} AND {claim}c.consumed"
            )


def _for_points() -> Iterator[str]:
    for methodology in load_library().all():
        if is_household_alone(methodology):
            yield _quoted(f"{methodology.code}@{methodology.version}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
