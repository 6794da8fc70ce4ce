"""States: how many milligrams of a lot are in each state; they sum to what was issued, always."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection

from tanpuhui.ledger.account import FIRST_ORGANISATION, KIND_BITS, Kind
from tanpuhui.ledger.asset import lot_code


@dataclass(frozen=True)
class States:
    """Milligrams of one lot. Pending ones are of no lot yet; what is set aside is ``locked``, whoever has it."""

    certified_mg: int = 0
    pooled_mg: int = 0
    transferred_mg: int = 0
    locked_mg: int = 0
    retired_mg: int = 0
    cancelled_mg: int = 0
    clawed_back_mg: int = 0
    buffer_mg: int = 0

    @property
    def total_mg(self) -> int:
        return sum(asdict(self).values())

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def states_of(lot: str) -> States:
    """The states of a lot, from the ledger."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.account_id & 15, (b.account_id >> %s) < %s AND (b.account_id >> %s) > 0, "
            "sum(b.available)::bigint, sum(b.held)::bigint FROM ledger_balance b "
            "JOIN ledger_asset a ON a.id = b.asset_id WHERE a.code = %s GROUP BY 1, 2",
            [KIND_BITS, FIRST_ORGANISATION, KIND_BITS, lot_code(lot)],
        )
        rows = cursor.fetchall()
    free = {(Kind(kind), of_resident): int(available) for kind, of_resident, available, _ in rows}

    def of(kind: Kind) -> int:
        return free.get((kind, True), 0) + free.get((kind, False), 0)

    return States(
        certified_mg=of(Kind.RESIDENT_CERTIFIED),
        pooled_mg=of(Kind.POOL),
        transferred_mg=of(Kind.COMPANY),
        locked_mg=sum(int(held) for _, _, _, held in rows),
        retired_mg=of(Kind.RETIRED),
        cancelled_mg=free.get((Kind.CANCELLED, False), 0),
        clawed_back_mg=free.get((Kind.CANCELLED, True), 0),
        buffer_mg=of(Kind.BUFFER),
    )
