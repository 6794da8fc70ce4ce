"""Shares: a tree over who got how many milligrams of a lot; its root is in the lot's leaf.

A share has a salt of its own, computed from a key of this installation, so that the root tells nothing about anybody
and a resident can prove their own share with one file.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from django.db import connection

from tanpuhui.kit.home import secret_key
from tanpuhui.ledger.account import KIND_BITS, Kind
from tanpuhui.ledger.asset import lot_code
from tanpuhui.registry.certify import REASON
from tanpuhui.transparency.merkle import hash_leaf, prove_inclusion, root_of, subtrees_of
from tanpuhui.transparency.record import Record

KEY = "lot-shares"
KIND = "share"


@dataclass(frozen=True)
class Shares:
    """Accounts of a lot, ascending, and the milligrams of each."""

    lot: str
    accounts: tuple[int, ...]
    amounts_mg: tuple[int, ...]

    @cached_property
    def leaves(self) -> list[bytes]:
        key = secret_key(KEY)
        return [
            hash_leaf(_record(self.lot, account, amount).entry(_salt(key, self.lot, account)))
            for account, amount in zip(self.accounts, self.amounts_mg, strict=True)
        ]

    @property
    def root(self) -> bytes:
        return root_of(self.leaves)

    def proof(self, account: int) -> dict[str, Any] | None:
        """One account's share and the hashes from it to the lot's root of shares; ``None`` without a share."""
        if account not in self.accounts:
            return None
        index = self.accounts.index(account)
        hashes = prove_inclusion(index=index, size=len(self.accounts), subtree=subtrees_of(self.leaves))
        return {
            **_record(self.lot, account, self.amounts_mg[index]).as_json(),
            "salt": b64encode(_salt(secret_key(KEY), self.lot, account)).decode(),
            "index": index,
            "size": len(self.accounts),
            "hashes": [b64encode(one).decode() for one in hashes],
        }


def shares_of(lot: str) -> Shares:
    """Who was given how much when the lot was certified, as the ledger has it; what came later changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.account_id >> %s, sum(p.amount)::bigint FROM ledger_posting p "
            "JOIN ledger_transaction t ON t.id = p.tx_id AND t.posted_on = p.posted_on "
            "JOIN ledger_asset a ON a.id = p.asset_id "
            "WHERE t.reason = %s AND a.code = %s AND p.account_id & 15 = %s AND p.amount > 0 "
            "GROUP BY 1 ORDER BY 1",
            [KIND_BITS, REASON, lot_code(lot), int(Kind.RESIDENT_CERTIFIED)],
        )
        found = cursor.fetchall()
    return Shares(lot, tuple(row[0] for row in found), tuple(row[1] for row in found))


def _record(lot: str, account: int, amount_mg: int) -> Record:
    return Record(KIND, f"{lot}/{account}", {"lot": lot, "account": account, "amount_mg": amount_mg})


def _salt(key: bytes, lot: str, account: int) -> bytes:
    return hmac.new(key, f"{lot}|{account}".encode(), sha256).digest()
