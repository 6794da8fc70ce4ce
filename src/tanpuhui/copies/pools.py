"""Pools: what somebody said to pools, lent to them and got from them, as a section of the record of their account."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.money.account import money_of, resident_money_account
from tanpuhui.money.amounts import to_text
from tanpuhui.pooling.mine import shares_of
from tanpuhui.pooling.models import Payee, Terms
from tanpuhui.pooling.withdraw import withdrawals_of

#: More shares than anybody has.
ALL = 1_000_000


def pools(account: int, *, at: datetime) -> dict[str, Any]:
    """Terms as they were said, every share with its sales and their use, money, and where it is paid; as of now."""
    terms = Terms.objects.filter(account=account, said_at__lte=at).select_related("pool").order_by("pk")
    payee = Payee.objects.filter(pk=account).first()
    return {
        "terms": [
            {
                "pool": one.pool.code,
                "grant": one.grant_id,
                "min_price_per_tonne": to_text(one.min_price_minor, one.pool.currency),
                "currency": one.pool.currency,
                "vintages": one.vintages,
                "said_at": one.said_at.isoformat(),
            }
            for one in terms
        ],
        "shares": [one.as_json() for one in shares_of(account, most=ALL)],
        "money": [one.as_json() for one in money_of(resident_money_account(account))],
        "payee_token": payee.token if payee else None,
        "withdrawals": [
            {
                "reference": one.reference,
                "amount": to_text(one.amount_minor, one.currency),
                "currency": one.currency,
                "asked_at": one.asked_at.isoformat(),
                "outcome": one.ending.outcome if hasattr(one, "ending") else "open",
            }
            for one in withdrawals_of(account)
        ],
    }
