"""A balance at a moment is the same sum, counted from the first posting on or back from what there is now; so are the
newest lines of a statement."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.bookings import AT, moving, new_asset, new_key, new_resident
from tanpuhui.ledger.account import KIND_BITS, owner_of
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.ledger.post_batch import ISSUANCE
from tanpuhui.ledger.transfer import transfer

pytestmark = pytest.mark.django_db

HOURS = 24 * 90
#: What happens: hours before the newest moment, to whom, and how much: negative spends, zero holds what there is.
steps = st.lists(
    st.tuples(st.integers(0, HOURS), st.integers(0, 1), st.integers(-40, 100)), min_size=1, max_size=12
)


def read(function: str, owner: int, hours: int, *more: int) -> list[Any]:
    first = owner << KIND_BITS
    given = [first, first + 15, AT - timedelta(hours=hours), *more]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {function}({', '.join(['%s'] * len(given))})", given)
        return cursor.fetchall()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=steps, moments=st.lists(st.integers(-1, HOURS + 1), min_size=1, max_size=6))
def test_both_ways_agree_at_every_moment(history: list[tuple[int, int, int]], moments: list[int]) -> None:
    asset, other = new_asset(), new_asset()
    people = [new_resident(), new_resident()]
    with transaction.atomic():
        for hours, who, amount in history:
            at, account = AT - timedelta(hours=hours), people[who]
            if amount > 0:
                transfer(connection, moving(ISSUANCE, account, asset, amount), at=at)
                transfer(connection, moving(ISSUANCE, account, other, 1), at=at)
            elif amount < 0:
                transfer(connection, moving(account, people[1 - who], asset, -amount), at=at)
            else:
                hold(connection, HoldOrder(new_key(), "test", (HoldLine(account, asset, 1),)), at=at)

        for account in people:
            for hours in {*moments, *(one[0] for one in history)}:
                known = read("ledger_balance_forth", owner_of(account), hours)
                assert read("ledger_balance_back", owner_of(account), hours) == known
                assert read("ledger_balance_at", owner_of(account), hours) == known
                lines = read("ledger_lines", owner_of(account), hours)
                for most in (1, 3, 100):
                    assert read("ledger_newest_lines", owner_of(account), hours, most) == lines[:most]
