"""Balance statement: what an account has at a moment, by what it is and where it comes from, tied to the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.close.summary import ILLUSTRATIVE, LOT, OWED, PENDING, methodology_in, status_of
from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.statement import Statement, statement
from tanpuhui.methodology.methodology import STATUSES
from tanpuhui.registry.models import Lot
from tanpuhui.registry.serial import serials

#: Kinds of the ledger's accounts that a resident's statement names, and what each is called in it.
WHAT = {
    "resident_certified": "certified",
    "resident_pending": "pending",
    "resident_owed": "owed",
    "retired": "retired",
}


@dataclass(frozen=True)
class Position:
    """An amount of one kind from one methodology and vintage; certified ones name their lot and its serials."""

    what: str
    methodology: str
    vintage: int
    lot: str
    serials: str
    status: str
    amount_mg: int

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class BalanceStatement:
    """Positions, the largest first within each kind. ``digest`` is of the ledger's own statement of that moment."""

    account: int
    at: datetime
    positions: tuple[Position, ...]
    digest: str

    def sum_mg(self, what: str) -> int:
        return sum(position.amount_mg for position in self.positions if position.what == what)

    @property
    def is_illustrative(self) -> bool:
        return any(position.status == ILLUSTRATIVE for position in self.positions)

    def as_json(self) -> dict[str, Any]:
        return {
            "account": self.account,
            "at": self.at.isoformat(),
            **{f"{what}_mg": self.sum_mg(what) for what in WHAT.values()},
            "positions": [position.as_json() for position in self.positions],
            "ledger_digest": self.digest,
        }


def balance_statement(account: int, *, at: datetime) -> BalanceStatement:
    """The statement as of a moment, to the second: the same moment always gives the same statement."""
    moment = at.astimezone(UTC).replace(microsecond=0)
    drawn = statement(connection, account, at=moment)
    rank = list(WHAT.values())
    found = [
        _position(what, asset, amount, drawn)
        for kind, what in WHAT.items()
        for asset, amount in drawn.totals.get(kind, {}).items()
        if amount
    ]
    found.sort(key=lambda one: (rank.index(one.what), -one.amount_mg, one.methodology, one.vintage, one.lot))
    return BalanceStatement(account, moment, tuple(found), digest_json(drawn.as_json()))


def _position(what: str, asset: str, amount_mg: int, drawn: Statement) -> Position:
    if asset.startswith(LOT):
        lot = Lot.objects.get(pk=asset.removeprefix(LOT))
        return Position(what, lot.methodology, lot.vintage, lot.code, serials(lot), lot.status, amount_mg)
    assert asset.startswith((PENDING, OWED)), "reductions are pending, owed or of a lot"
    key = methodology_in(asset)
    days = [line.effective_on for line in drawn.lines if methodology_in(line.asset) == key]
    vintage = int(asset.rpartition(":")[2])
    return Position(what, key, vintage, "", "", _weakest(key, days), amount_mg)


def _weakest(key: str, days: list[Any]) -> str:
    if find_methodology(key) is None or not days:
        return ILLUSTRATIVE
    return max((status_of(key, day) for day in {min(days), max(days)}), key=STATUSES.index)
