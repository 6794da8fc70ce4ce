"""Ruled: the rules under which years are filed are those of the dated tables, which the database does not know."""

from __future__ import annotations

from collections.abc import Iterator

from tanpuhui.ledger.invariants import Invariant
from tanpuhui.quantify.jurisdiction import Jurisdiction, known_jurisdictions, load_jurisdiction

_LAST_DAY = "make_date(y.year, 12, 31)"


def invariants() -> tuple[Invariant, ...]:
    """Years that are filed under another cap or pool than the table's rule of their last day."""
    ruled = " OR ".join(_conditions()) or "false"
    return (
        Invariant(
            "years_are_filed_under_their_dated_rules",
            "The cap and the pool of a year that was filed for are those of its place's dated tables.",
            f"""
            SELECT 'offsetting_year_rules' AS tablename, format('%s %s', y.jurisdiction, y.year) AS key,
                format('%s %% of %s, pool %s t', y.cap ->> 'share_percent', y.cap ->> 'denominator',
                    coalesce(y.pool ->> 'pool_t', 'none')) AS found
            FROM offsetting_year_rules y WHERE ({ruled}) IS NOT TRUE ORDER BY 2
            """,
        ),
    )


def _conditions() -> Iterator[str]:
    """A condition for each rule of a cap, with the pools of its place."""
    for place in map(load_jurisdiction, known_jurisdictions()):
        pools = _pools(place)
        for rule in place.offset_caps:
            yield (
                f"y.jurisdiction = {_quoted(place.code)} "
                f"AND {_LAST_DAY} BETWEEN '{rule.first_day}' AND '{rule.last_day}' "
                f"AND y.cap ->> 'share_percent' = {_quoted(str(rule.content['share_percent']))} "
                f"AND y.cap ->> 'denominator' = {_quoted(str(rule.content['denominator']))} AND ({pools})"
            )


def _pools(place: Jurisdiction) -> str:
    """That the pool is the rule's where there is one, and none where there is none."""
    said = "false"
    without = "true"
    for rule in place.offset_pools:
        covers = f"{_LAST_DAY} BETWEEN '{rule.first_day}' AND '{rule.last_day}'"
        said += f" OR {covers} AND (y.pool ->> 'pool_t')::numeric = {int(rule.content['pool_t'])}"
        without += f" AND NOT {covers}"
    return f"{said} OR y.pool IS NULL AND {without}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
