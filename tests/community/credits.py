"""Credits as closes post them, for tests of what people do together."""

from __future__ import annotations

import uuid
from datetime import date

import numpy as np
from django.db import connection

from access.people import AT
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.asset import get_or_create_asset, pending_code
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import post_batch
from unjudged import unjudged

KG = 1_000_000
DAY = date(2026, 3, 2)


def credit(
    account: int,
    amount_mg: int,
    *,
    day: date = DAY,
    methodology: str = "shenzhen/metro",
    reason: str = "close",
) -> None:
    """Post a credit, or with a negative amount take it back, as a close of that day does, without its manifest."""
    asset = get_or_create_asset(connection, pending_code(methodology, 1, day.year)).id
    one = np.zeros(1, np.int64)
    owner = account_id(Kind.RESIDENT_PENDING, account)
    legs = Legs(one + owner, one + asset, one + amount_mg, one, one)
    with unjudged():
        post_batch(
            connection,
            key=str(uuid.uuid4()),
            manifest=None,
            reason=reason,
            effective_on=day,
            legs=legs,
            at=AT,
        )
