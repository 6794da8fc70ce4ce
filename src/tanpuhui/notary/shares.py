"""Shares: a tree over who got how many milligrams of a lot; its root is in the lot's leaf.

A share has a salt of its own, computed from a key of its person, so that the root tells nothing about anybody and a
resident can prove their own share with one file. When a person is erased the salt goes with the key; the share's hash
stays, so that the root is still that of the lot's leaf and whoever holds the file can still prove it.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from django.db import connection

from tanpuhui.ledger.account import KIND_BITS, Kind, account_id
from tanpuhui.ledger.asset import lot_code
from tanpuhui.registry.certify import REASON
from tanpuhui.sealing.keys import secret_of, secrets_of
from tanpuhui.transparency.merkle import hash_leaf, prove_inclusion, root_of, subtrees_of
from tanpuhui.transparency.models import DestroyedSalt
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
        erased = _erased(self.lot)
        known = [account for account in self.accounts if account not in erased]
        salts = dict(zip(known, (_salt(one, self.lot) for one in secrets_of(known, KEY)), strict=True))
        return [
            erased[account]
            if account in erased
            else hash_leaf(_record(self.lot, account, amount).entry(salts[account]))
            for account, amount in zip(self.accounts, self.amounts_mg, strict=True)
        ]

    @property
    def root(self) -> bytes:
        return root_of(self.leaves)

    def proof(self, account: int) -> dict[str, Any] | None:
        """One account's share and the hashes from it to the lot's root; ``None`` without one, or once erased."""
        if account not in self.accounts or account in _erased(self.lot):
            return None
        index = self.accounts.index(account)
        hashes = prove_inclusion(index=index, size=len(self.accounts), subtree=subtrees_of(self.leaves))
        return {
            **_record(self.lot, account, self.amounts_mg[index]).as_json(),
            "salt": b64encode(_salt(secret_of(account, KEY), self.lot)).decode(),
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


def destroy_salts(account: int) -> int:
    """Keep the hashes of an account's shares, in the caller's transaction, before its key is destroyed; how many."""
    made = 0
    for lot in lots_of(account):
        shares = shares_of(lot)
        if account in _erased(lot):
            continue
        leaf = shares.leaves[shares.accounts.index(account)]
        DestroyedSalt.objects.create(kind=KIND, key=f"{lot}/{account}", leaf=leaf)
        made += 1
    return made


def lots_of(account: int) -> list[str]:
    """Lots of which an account was given a share when they were certified."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT substring(a.code FROM 5) FROM ledger_posting p "
            "JOIN ledger_transaction t ON t.id = p.tx_id AND t.posted_on = p.posted_on "
            "JOIN ledger_asset a ON a.id = p.asset_id "
            "WHERE t.reason = %s AND a.code LIKE 'lot:%%' AND p.account_id = %s AND p.amount > 0 ORDER BY 1",
            [REASON, account_id(Kind.RESIDENT_CERTIFIED, account)],
        )
        return [lot for (lot,) in cursor.fetchall()]


def _erased(lot: str) -> dict[int, bytes]:
    """Hashes of the shares whose salts are destroyed, by account."""
    found = DestroyedSalt.objects.filter(kind=KIND, key__startswith=f"{lot}/").values_list("key", "leaf")
    return {int(key.rpartition("/")[2]): bytes(leaf) for key, leaf in found}


def _salt(secret: bytes, lot: str) -> bytes:
    return hmac.new(secret, lot.encode(), sha256).digest()
