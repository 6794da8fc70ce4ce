"""Accounts and assets: numbers that need no look-up, and codes that mean one thing."""

from __future__ import annotations

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from tanpuhui.ledger.account import FIRST_ORGANISATION, Kind, account_id, kind_of, organisation, owner_of
from tanpuhui.ledger.asset import get_or_create_asset, pending_code
from tanpuhui.ledger.refusals import AssetUnit


@given(st.sampled_from(Kind), st.integers(0, 2**58 - 1))
def test_kind_and_owner_come_back_from_the_number(kind: Kind, owner: int) -> None:
    account = account_id(kind, owner)

    assert (kind_of(account), owner_of(account)) == (kind, owner)
    assert account < 2**63


def test_an_organisation_never_has_the_number_of_a_resident() -> None:
    assert organisation(1) == FIRST_ORGANISATION + 1
    assert account_id(Kind.RETIRED, organisation(5)) != account_id(Kind.RETIRED, 5)


@pytest.mark.django_db
def test_the_database_knows_the_same_kinds() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT code, name FROM ledger_account_kind ORDER BY code")
        rows = cursor.fetchall()

    assert rows == [(kind.value, kind.name.lower()) for kind in Kind]


@pytest.mark.django_db
def test_an_asset_is_numbered_once() -> None:
    code = pending_code("shenzhen/metro", 1, 2026)

    first = get_or_create_asset(connection, code)
    again = get_or_create_asset(connection, code)

    assert first == again
    assert (first.code, first.unit) == ("pending:shenzhen/metro@1:2026", "mg")


@pytest.mark.django_db
def test_an_asset_keeps_its_unit() -> None:
    get_or_create_asset(connection, "points:library", "points")

    with pytest.raises(AssetUnit) as refused:
        get_or_create_asset(connection, "points:library", "mg")

    assert refused.value.facts == {"asset": "points:library", "unit": "points", "wanted": "mg"}
