"""One user, one account; one account, one user; for good."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from access.people import AT, LATER, user
from consent.people import in_parallel
from tanpuhui.access.hold import account_of, hold
from tanpuhui.access.models import Holder
from tanpuhui.access.refusals import AccountTaken, AlreadyHolder


@pytest.mark.django_db
def test_a_user_becomes_the_holder_of_an_account_and_again_changes_nothing() -> None:
    one = user()

    first = hold(one, 7, at=AT)
    again = hold(one, 7, at=LATER)

    assert account_of(one) == 7
    assert (again.account, again.since) == (first.account, AT)


@pytest.mark.django_db
def test_a_second_account_for_a_user_and_a_second_user_for_an_account_are_refused() -> None:
    one, other = user(), user()
    hold(one, 7, at=AT)

    with pytest.raises(AlreadyHolder):
        hold(one, 8, at=AT)
    with pytest.raises(AccountTaken):
        hold(other, 7, at=AT)
    assert account_of(other) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "order", ["UPDATE vault.holder SET account = 9", "DELETE FROM vault.holder", "TRUNCATE vault.holder"]
)
def test_nobody_can_change_whose_account_it_is(order: str) -> None:
    hold(user(), 7, at=AT)

    with (
        pytest.raises(ProgrammingError, match=r"Cannot|never removed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(order)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_want_one_account_at_once_one_gets_it() -> None:
    people = [user() for _ in range(6)]

    answers = in_parallel([lambda one=one: hold(one, 7, at=AT) for one in people])

    assert sum(isinstance(answer, Holder) for answer in answers) == 1
    assert sum(isinstance(answer, AccountTaken) for answer in answers) == 5
