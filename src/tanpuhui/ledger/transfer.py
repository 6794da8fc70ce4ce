"""Transfer: move amounts between accounts in one balanced transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.answer import Answer, ask
from tanpuhui.ledger.connection import Connection


@dataclass(frozen=True)
class Leg:
    """One side of a transaction: a positive amount comes in, a negative one goes out."""

    account_id: int
    asset_id: int
    amount: int
    ref: int = 0
    code: int = 0


@dataclass(frozen=True)
class TransferOrder:
    """A transfer to make once: the key names it, whatever happens to the line or the process."""

    key: str
    reason: str
    effective_on: date
    legs: tuple[Leg, ...]
    manifest: str | None = None

    def digest(self) -> str:
        """The digest of the content, without the key."""
        legs = [[leg.account_id, leg.asset_id, leg.amount, leg.ref, leg.code] for leg in self.legs]
        return digest_json(["transfer", self.reason, self.effective_on.isoformat(), self.manifest, legs])


def move(
    *, source: int, target: int, asset_id: int, amount: int, ref: int = 0, code: int = 0
) -> tuple[Leg, Leg]:
    """The two legs that take an amount (1 or more) out of one account and put it into another."""
    assert amount >= 1
    return Leg(source, asset_id, -amount, ref, code), Leg(target, asset_id, amount, ref, code)


def transfer(connection: Connection, order: TransferOrder, *, at: datetime) -> Answer:
    """Post an order once. Too little in an account is an answer; legs that do not balance are :class:`Unbalanced`."""
    digest = order.digest()
    parameters = [
        order.key,
        digest,
        order.reason,
        order.effective_on,
        at,
        order.manifest,
        [leg.account_id for leg in order.legs],
        [leg.asset_id for leg in order.legs],
        [leg.amount for leg in order.legs],
        [leg.ref for leg in order.legs],
        [leg.code for leg in order.legs],
    ]
    query = (
        "ledger_transfer(%s, %s, %s, %s, %s, %s, %s::bigint[], %s::integer[], %s::bigint[], %s::bigint[],"
        " %s::smallint[])"
    )
    return ask(connection, order.key, digest, query, parameters)
