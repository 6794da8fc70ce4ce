"""Hold: set amounts aside on one or several accounts, all of them or none, until captured, released or expired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.moment import to_us
from tanpuhui.ledger.answer import Answer, ask
from tanpuhui.ledger.connection import Connection


@dataclass(frozen=True)
class HoldLine:
    """An amount (1 or more) to set aside on one account. Lines are numbered from 1 in the order given."""

    account_id: int
    asset_id: int
    amount: int


@dataclass(frozen=True)
class HoldOrder:
    """A hold to open once, under its key."""

    key: str
    reason: str
    lines: tuple[HoldLine, ...]
    expires_at: datetime | None = None

    def digest(self) -> str:
        """The digest of the content, without the key."""
        lines = [[line.account_id, line.asset_id, line.amount] for line in self.lines]
        return digest_json(["hold", self.reason, self.expires_at and to_us(self.expires_at), lines])


def hold(connection: Connection, order: HoldOrder, *, at: datetime) -> Answer:
    """Open a hold once; the answer's id is the hold's. Too little available is an answer, and stays one."""
    assert order.lines
    assert all(line.amount >= 1 for line in order.lines)
    digest = order.digest()
    parameters = [
        order.key,
        digest,
        order.reason,
        at,
        order.expires_at,
        [line.account_id for line in order.lines],
        [line.asset_id for line in order.lines],
        [line.amount for line in order.lines],
    ]
    query = "ledger_hold(%s, %s, %s, %s, %s, %s::bigint[], %s::integer[], %s::bigint[])"
    return ask(connection, order.key, digest, query, parameters)
