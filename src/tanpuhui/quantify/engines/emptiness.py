"""Emptiness: what a query cannot have rows of, told from its text and from what is known to be empty.

On a cluster the smallest relation costs a job of some tenths of a second; most days most of the rare ones are empty.
"""

from __future__ import annotations

from collections.abc import Set

from sqlglot import exp

#: Joins without a row of the right side where it has none; an outer or an anti join keeps those of the left.
_KEEPING = ("LEFT", "RIGHT", "FULL")


def surely_empty(query: exp.Expr, empty: Set[str]) -> bool:
    """Whether the answer has no row for certain, where the relations named have none.

    >>> from sqlglot import parse_one
    >>> surely_empty(parse_one("SELECT a FROM none JOIN some ON x = y"), {"none"})
    True
    >>> surely_empty(parse_one("SELECT a FROM some LEFT JOIN none ON x = y"), {"none"})
    False
    >>> surely_empty(parse_one("SELECT SUM(a) AS s FROM none"), {"none"})
    False
    """
    match query:
        case exp.Union():
            return surely_empty(query.left, empty) and surely_empty(query.right, empty)
        case exp.Subquery():
            return surely_empty(query.this, empty)
        case exp.Table():
            return query.name in empty
        case exp.Select():
            return _grouped(query) and (_nowhere(query) or _from_nothing(query, empty))
    return False


def _grouped(query: exp.Select) -> bool:
    """Whether no rows in means no rows out: a sum of nothing without a group is one row."""
    windows = list(query.find_all(exp.Window))
    sums = [node for node in query.find_all(exp.AggFunc) if not any(node is each.this for each in windows)]
    return bool(query.args.get("group")) or not sums


def _nowhere(query: exp.Select) -> bool:
    where = query.args.get("where")
    return where is not None and where.this == exp.false()


def _from_nothing(query: exp.Select, empty: Set[str]) -> bool:
    source = query.args.get("from_")
    if source is None:
        return False
    joins: list[exp.Join] = query.args.get("joins") or []
    needed = [join.this for join in joins if join.side not in _KEEPING and join.kind != "ANTI"]
    if any(join.side in ("RIGHT", "FULL") for join in joins):
        return False
    return any(surely_empty(each, empty) for each in (source.this, *needed))
