"""Statistics: small numbers of people are kept back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from close.town import OPENED_AT, PROVIDER, Town
from tanpuhui.close.places import Places
from tanpuhui.consent.models import Grant
from tanpuhui.consent.open_account import open_accounts
from tanpuhui.consent.statistics import grant_statistics
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import load_jurisdiction

pytestmark = pytest.mark.django_db
LATER = OPENED_AT + timedelta(days=1)


@pytest.fixture()
def grants(db: None, fresh_home: object) -> list[Grant]:
    """Nineteen residents, each with one grant."""
    from pathlib import Path

    assert isinstance(fresh_home, Path)
    town = Town(fresh_home, Library({}), load_jurisdiction("demo"))
    assert isinstance(town.places, Places)
    return [Grant.objects.get(pk=town.give(account)) for account in open_accounts(19, at=OPENED_AT)]


def shown() -> dict[tuple[str, str], int | None]:
    return {(cell.provider, cell.state): cell.residents for cell in grant_statistics(LATER)}


def test_ten_are_shown_and_nine_are_not(grants: list[Grant]) -> None:
    for grant in grants[:9]:
        withdraw(grant.pk, by="resident", method="test", at=LATER)

    assert shown() == {(PROVIDER, "ConsentGiven"): 10, (PROVIDER, "Withdrawn"): None}


def test_a_grant_that_time_has_ended_is_expired(grants: list[Grant]) -> None:
    at = max(grant.expires_at for grant in grants)

    assert {(cell.state, cell.residents) for cell in grant_statistics(at)} == {("Expired", 19)}
    assert shown() == {(PROVIDER, "ConsentGiven"): 19}
