"""Opening accounts: one verified identity, one account; under fourteen with a guardian."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from django.db import connection, transaction

from consent.people import AT, SHANGHAI, adult, in_parallel
from tanpuhui.consent.age import birthday, is_under
from tanpuhui.consent.close_account import close_account
from tanpuhui.consent.models import Identity, Resident
from tanpuhui.consent.open_account import Facts, IdentityProof, open_account, open_accounts
from tanpuhui.consent.refusals import GuardianMissing, GuardianUnfit, IdentityTaken

pytestmark = pytest.mark.django_db

PROOF = IdentityProof("net-id.example", "opaque-1")


def test_many_accounts_are_opened_at_once_with_numbers_that_ascend() -> None:
    accounts = open_accounts(1_000, at=AT)

    assert accounts == sorted(set(accounts))
    assert len(accounts) == Resident.objects.count() == 1_000
    assert Identity.objects.count() == 0


def test_no_account_is_opened_when_none_is_asked_for() -> None:
    assert open_accounts(0, at=AT) == []


def test_facts_belong_to_the_account_at_their_place() -> None:
    guardian = adult()

    accounts = open_accounts(3, at=AT, facts={1: Facts(date(2015, 6, 1), guardian), 2: Facts()})

    assert list(Identity.objects.values_list("resident_id", "birth_on", "guardian_id")) == [
        (accounts[1], date(2015, 6, 1), guardian)
    ]


@pytest.mark.parametrize(
    ("born", "is_child"), [(date(2012, 3, 2), False), (date(2012, 3, 3), True), (date(2026, 3, 2), True)]
)
def test_under_fourteen_an_account_needs_a_guardian_and_on_the_birthday_it_does_not(
    born: date, is_child: bool
) -> None:
    before = Resident.objects.count()
    if not is_child:
        assert open_account(at=AT, birth_on=born)
        return

    with pytest.raises(GuardianMissing, match="under 14"):
        open_account(at=AT, birth_on=born)

    assert Resident.objects.count() == before


def test_the_birthday_is_that_of_the_local_day() -> None:
    born = date(2012, 3, 2)
    last_second = datetime(2026, 3, 1, 23, 59, 59, tzinfo=SHANGHAI)

    with pytest.raises(GuardianMissing):
        open_account(at=last_second, birth_on=born)

    assert open_account(at=datetime(2026, 3, 2, tzinfo=SHANGHAI), birth_on=born)


@pytest.mark.parametrize(
    ("born", "turns"),
    [
        (date(2012, 3, 2), date(2026, 3, 2)),
        (date(2012, 2, 29), date(2026, 3, 1)),
        (date(2014, 2, 28), date(2028, 2, 28)),
    ],
)
def test_somebody_is_fourteen_on_their_birthday(born: date, turns: date) -> None:
    assert birthday(born, 14) == turns
    assert not is_under(born, 14, turns)
    assert is_under(born, 14, date.fromordinal(turns.toordinal() - 1))


def test_a_guardian_has_an_open_account_of_an_adult() -> None:
    minor = open_account(at=AT, birth_on=date(2010, 1, 1))
    closed = adult()
    close_account(closed, at=AT, method="test")

    for guardian, why in ((minor, "under 18"), (closed, "closed"), (10**6, "no such"), (2**80, "no such")):
        with pytest.raises(GuardianUnfit, match=why):
            open_account(at=AT, birth_on=date(2015, 6, 1), guardian=guardian)


def test_one_identity_has_one_account() -> None:
    open_account(at=AT, proof=PROOF)
    before = Resident.objects.count()

    with pytest.raises(IdentityTaken) as refused, transaction.atomic():
        open_account(at=AT, proof=PROOF)

    assert refused.value.facts == {"issuer": "net-id.example"}
    assert Resident.objects.count() == before
    assert open_account(at=AT, proof=IdentityProof("other.example", "opaque-1"))


def test_the_subject_of_an_identity_is_stored_nowhere() -> None:
    open_account(at=AT, proof=PROOF)

    with connection.cursor() as cursor:
        cursor.execute("SELECT identity::text FROM vault.identity AS identity")
        (row,) = cursor.fetchone()

    assert "opaque-1" not in row
    assert "opaque-1" not in repr(PROOF)


@pytest.mark.django_db(transaction=True)
def test_one_identity_opens_one_account_however_many_try_at_once() -> None:
    def attempt() -> int:
        with transaction.atomic():
            return open_account(at=AT, proof=PROOF)

    results = in_parallel([attempt] * 8)

    assert sum(isinstance(result, int) for result in results) == 1
    assert sum(isinstance(result, IdentityTaken) for result in results) == 7
    assert Resident.objects.count() == 1
