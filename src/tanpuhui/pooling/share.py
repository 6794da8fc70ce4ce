"""Share: who has what in a round now, and how a sale takes milligrams and gives money pro rata, to the last unit.

By largest remainder. Of those whose remainders are equal, the ones whose digest with the key of the sale comes first
get the odd unit: anybody with the key can work it out again, and no account number is always the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection

from tanpuhui.kit.digest import digest_bytes
from tanpuhui.kit.exact import share_out
from tanpuhui.kit.tonnes import TONNE_MG

_LEFT = """
    SELECT s.account, (s.amount_mg - coalesce(h.amount_mg, 0))::bigint
    FROM pooling_share s
    LEFT JOIN (SELECT h.account, sum(h.amount_mg) AS amount_mg FROM pooling_sale_share h
               JOIN pooling_sale a ON a.id = h.sale_id WHERE a.round_id = %s GROUP BY h.account) h
        ON h.account = s.account
    WHERE s.round_id = %s ORDER BY s.account
"""


@dataclass(frozen=True)
class Due:
    """What a sale takes of one account, and what it owes for it."""

    account: int
    amount_mg: int
    amount_minor: int


def left_of(round_id: int) -> dict[int, int]:
    """What is not sold of each share of a round, in mg; those of whom everything is sold are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_LEFT, [round_id, round_id])
        return {account: amount for account, amount in cursor.fetchall() if amount}


def decide_dues(left: Mapping[int, int], *, tonnes: int, amount_minor: int, key: str) -> list[Due]:
    """Who gives how much of so many tonnes, and gets how much of an amount; both sum exactly."""
    order = in_turn(left, key)
    taken = share_out(tonnes * TONNE_MG, [left[account] for account in order])
    parts = [(account, mg) for account, mg in zip(order, taken, strict=True) if mg]
    amounts = share_out(amount_minor, [mg for _, mg in parts])
    return sorted(
        (Due(account, mg, minor) for (account, mg), minor in zip(parts, amounts, strict=True)),
        key=lambda due: due.account,
    )


def in_turn(accounts: Iterable[int], key: str) -> list[int]:
    """Accounts in the order in which equal remainders are served under a key.

    >>> in_turn([1, 2, 3], "a") == in_turn([3, 2, 1], "a")
    True
    """
    return sorted(accounts, key=lambda account: digest_bytes(f"{key}:{account}".encode()))
