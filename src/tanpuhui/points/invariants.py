"""Invariants: what must always be true of the second book, each as SQL that returns the rows where it is not."""

from __future__ import annotations

from tanpuhui.ledger.connection import Connection
from tanpuhui.ledger.invariants import Finding, Invariant, exceptions
from tanpuhui.points import sql


def invariants() -> tuple[Invariant, ...]:
    """Every invariant, read from ``sql/invariants.sql``: a name line, a line that says it, and its query."""
    found = []
    for block in sql.read("invariants").split("-- invariant: ")[1:]:
        name, says, query = block.split("\n", 2)
        found.append(Invariant(name.strip(), says.removeprefix("-- ").strip(), query.strip().rstrip(";")))
    return tuple(found)


def check(connection: Connection) -> list[Finding]:
    """Look for exceptions to every invariant of points; names up to 20 rows of each."""
    return [finding for invariant in invariants() for finding in exceptions(connection, invariant)]
