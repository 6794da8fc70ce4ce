"""Invariants: what must always be true of the ledger, each as SQL that returns the rows where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tanpuhui.kit.progress import Report, nobody, told
from tanpuhui.ledger import sql
from tanpuhui.ledger.connection import Connection
from tanpuhui.ledger.every_month import Everything, every_month

ROWS_NAMED = 20


@dataclass(frozen=True)
class Invariant:
    """A named truth, and a query for its exceptions with the columns ``tablename``, ``key`` and ``found``."""

    name: str
    says: str
    query: str


@dataclass(frozen=True)
class Finding:
    """A row that breaks an invariant: where it is, and what was found there."""

    invariant: str
    table: str
    key: str
    found: str

    def as_json(self) -> dict[str, Any]:
        """The finding as JSON-ready values."""
        return asdict(self)


def invariants() -> tuple[Invariant, ...]:
    """Every invariant, read from ``sql/invariants.sql``: a name line, a line that says it, and its query."""
    blocks = sql.read("invariants").split("-- invariant: ")[1:]
    return tuple(_invariant(block) for block in blocks)


def check(connection: Connection) -> list[Finding]:
    """Look for exceptions to every invariant; names up to 20 rows of each.

    In a REPEATABLE READ transaction (the command line's is one) it looks at a single moment, so that postings
    made meanwhile are not taken for findings. Postings are those of all months, from their files too.
    """
    with every_month(connection) as everything:
        return [*unread(everything), *exceptions_of(connection, invariants())]


def unread(everything: Everything) -> list[Finding]:
    """Months whose files are missing or not what was detached. What other invariants then find may follow from that."""
    return [
        Finding("months_are_as_detached", "ledger_detached_month", f"month={month}", why)
        for month, why in everything.unread
    ]


def exceptions_of(
    connection: Connection, asked: Sequence[Invariant], report: Report = nobody
) -> list[Finding]:
    """Exceptions to each of some invariants, in their order; whoever watches is told after each."""
    each = told(asked, report, "Asking the ledger's invariants", len(asked))
    return [finding for invariant in each for finding in exceptions(connection, invariant)]


def exceptions(connection: Connection, invariant: Invariant) -> list[Finding]:
    """The first rows that break one invariant.

    Where nothing is wrong every row is read. The planner, who hopes to find twenty soon or believes what a table was
    before it grew, would compare each row with each: days at a million. So it joins by hashing or sorting here.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)")
        cursor.execute(f"SELECT tablename, key, found FROM ({invariant.query}) q LIMIT {ROWS_NAMED}")
        findings = [Finding(invariant.name, *row) for row in cursor.fetchall()]
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT; SET LOCAL jit TO DEFAULT")
        return findings


def counts(connection: Connection) -> dict[str, int]:
    """How much was looked at: postings, transactions, balances, holds and invariants."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM ledger_posting), (SELECT count(*) FROM ledger_transaction),"
            " (SELECT count(*) FROM ledger_balance),"
            " (SELECT count(*) FROM ledger_hold) + (SELECT count(*) FROM ledger_single_hold)"
        )
        postings, transactions, balances, holds = cursor.fetchone()
    return {
        "postings": postings,
        "transactions": transactions,
        "balances": balances,
        "holds": holds,
        "invariants": len(invariants()),
    }


def _invariant(block: str) -> Invariant:
    name, says, query = block.split("\n", 2)
    return Invariant(name.strip(), says.removeprefix("-- ").strip(), query.strip().rstrip(";"))
