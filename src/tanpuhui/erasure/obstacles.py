"""Obstacles: what must end before somebody can be erased, each with the way to end it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.db import connection

from tanpuhui.consent.show import wards_of
from tanpuhui.erasure.refusals import StillOpen
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.balance import balances


def refuse_open(account: int, *, today: date) -> None:
    """Refuse somebody who has something open; the first thing that stands in the way is named."""
    for what, next_step in _open(account, today):
        raise StillOpen(account=account, what=what, next_step=next_step)


def _open(account: int, today: date) -> Iterator[tuple[str, str]]:
    if wards_of(account, on=today):
        yield (
            "it decides for a child",
            "Erase or close the child's account first, or let another guardian take it over.",
        )
    for row in balances(connection, [account_id(kind, account) for kind in _RESIDENTS]):
        if row.held:
            yield (
                "something of it is held: a redemption, a round of a pool, a withdrawal or a freeze",
                "Wait for its end or end it, then repeat the command.",
            )
        if row.account_id == account_id(Kind.RESIDENT_MONEY, account) and row.available:
            yield (
                "money of it was not paid out",
                "Pay it out to the person, then repeat the command.",
            )
    yield from _rounds(account)


_RESIDENTS = (
    Kind.RESIDENT_PENDING,
    Kind.RESIDENT_CERTIFIED,
    Kind.RESIDENT_POINTS,
    Kind.RESIDENT_MONEY,
    Kind.RESIDENT_OWED,
)


def _rounds(account: int) -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT s.round_id FROM pooling_share s LEFT JOIN pooling_closing c ON c.round_id = s.round_id "
            "WHERE s.account = %s AND c.round_id IS NULL ORDER BY 1",
            [account],
        )
        rounds = [str(number) for (number,) in cursor.fetchall()]
    if rounds:
        yield (
            f"it is in a round of a pool that is on sale (round {', '.join(rounds)})",
            "Settle and close the round, then repeat the command.",
        )
