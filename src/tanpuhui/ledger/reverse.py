"""Reverse: post the exact inverse of a transaction, once. A reversal is not reversed."""

from __future__ import annotations

from datetime import date, datetime

from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.answer import Answer, ask
from tanpuhui.ledger.connection import Connection


def reverse(
    connection: Connection, tx_id: int, *, key: str, reason: str, effective_on: date, at: datetime
) -> Answer:
    """Reverse a posted transaction; an owner who has already spent what came in makes it ``ledger.insufficient``."""
    digest = digest_json(["reverse", tx_id, reason, effective_on.isoformat()])
    query = "ledger_reverse(%s, %s, %s, %s, %s, %s)"
    return ask(connection, key, digest, query, [key, digest, reason, effective_on, at, tx_id])
