"""A statement: every line of one owner's accounts up to a moment, with running balances and totals."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from tanpuhui.ledger.account import KIND_BITS, kind_of
from tanpuhui.ledger.balance import owner_balances_at
from tanpuhui.ledger.connection import Connection, refusing
from tanpuhui.ledger.detached import LINES, kept_from, months_of, with_legs


@dataclass(frozen=True)
class Line:
    """One leg: what came in or went out of which account, why, and what was there after it."""

    tx_id: int
    leg: int
    account: str
    asset: str
    unit: str
    amount: int
    ref: int
    code: int
    balance: int
    reason: str
    effective_on: date
    posted_at: datetime
    reverses: int | None


@dataclass(frozen=True)
class Statement:
    """The lines of an owner, newest first, and what the accounts have by kind and asset, held amounts included."""

    owner_id: int
    at: datetime
    lines: tuple[Line, ...]
    totals: dict[str, dict[str, int]]

    def pending_mg(self) -> int:
        """Reductions that wait for certification, in mg CO2e."""
        return sum(self.totals.get("resident_pending", {}).values())

    def certified_mg(self) -> int:
        """Certified reductions, in mg CO2e, over all lots."""
        return sum(self.totals.get("resident_certified", {}).values())

    def owed_mg(self) -> int:
        """What was taken back after it was certified, and is made good by what is credited next, in mg CO2e."""
        return sum(self.totals.get("resident_owed", {}).values())

    def retired_mg(self) -> int:
        """Reductions retired in this owner's name, in mg CO2e."""
        return sum(self.totals.get("retired", {}).values())

    def as_json(self) -> dict[str, Any]:
        """The statement as JSON-ready values; amounts are integers in the unit of their asset."""
        return {
            "account": self.owner_id,
            "at": self.at.isoformat(),
            "pending_mg": self.pending_mg(),
            "certified_mg": self.certified_mg(),
            "retired_mg": self.retired_mg(),
            "owed_mg": self.owed_mg(),
            "totals": self.totals,
            "lines": [_line_as_json(line) for line in self.lines],
        }


def statement(connection: Connection, owner_id: int, *, at: datetime, limit: int | None = None) -> Statement:
    """An owner's statement as the ledger knew it at a moment: at most ``limit`` newest lines; totals count all."""
    first = owner_id << KIND_BITS
    last = first + (1 << KIND_BITS) - 1
    lines = tuple(_line(row) for row in _rows(connection, first, last, at, limit))
    totals: dict[str, dict[str, int]] = {}
    for balance in owner_balances_at(connection, owner_id, at):
        totals.setdefault(_name(balance.account_id), {})[balance.asset] = balance.available
    return Statement(owner_id, at, lines, totals)


def _rows(
    connection: Connection, first: int, last: int, at: datetime, limit: int | None
) -> list[tuple[Any, ...]]:
    """The lines, newest first. A page that months of the table fill needs no file; else all of before are read."""
    found = months_of(connection, first, last)
    with refusing(), connection.cursor() as cursor:
        if limit is not None and (not found or at >= kept_from(found)):
            cursor.execute("SELECT * FROM ledger_newest_lines(%s, %s, %s, %s)", [first, last, at, limit])
            page: list[tuple[Any, ...]] = cursor.fetchall()
            if not found or len(page) == limit:
                return page
        cursor.execute(f"SELECT * FROM {LINES} LIMIT %s", [*with_legs(found, first, last, at), limit])
        return list(cursor.fetchall())


def _line(row: tuple[Any, ...]) -> Line:
    tx_id, leg, account, *rest = row
    return Line(tx_id, leg, _name(account), *rest)


def _name(account: int) -> str:
    return kind_of(account).name.lower()


def _line_as_json(line: Line) -> dict[str, Any]:
    dates = {"effective_on": line.effective_on.isoformat(), "posted_at": line.posted_at.isoformat()}
    return {**asdict(line), **dates}
