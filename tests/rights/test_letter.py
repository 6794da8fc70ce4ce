"""A letter's code: found however it is typed, one at a time, never kept."""

from __future__ import annotations

import pytest
from django.db import connection

from access.people import AT, LATER
from tanpuhui.rights.letter import account_of_letter, end_letter, grouped, issue_letter, plain
from tanpuhui.rights.models import Letter
from tanpuhui.rights.refusals import NoSuchPerson

pytestmark = pytest.mark.django_db


def test_a_letter_names_its_account_however_its_code_is_typed() -> None:
    code = issue_letter(7, at=AT)

    assert account_of_letter(f" {code.lower().replace('-', ' ')} ") == 7
    assert len(plain(code)) == 16
    assert grouped(plain(code)) == code


def test_a_new_letter_ends_the_one_before_and_a_lost_one_opens_nothing() -> None:
    first = issue_letter(7, at=AT)
    second = issue_letter(7, at=LATER)

    with pytest.raises(NoSuchPerson):
        account_of_letter(first)
    assert account_of_letter(second) == 7
    assert end_letter(7, at=LATER) == 1
    for code in (second, "", "0000-0000-0000-0000"):
        with pytest.raises(NoSuchPerson):
            account_of_letter(code)


def test_of_a_code_nothing_is_kept_but_a_digest() -> None:
    code = issue_letter(7, at=AT)

    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(l)::text FROM vault.letter AS l")
        (row,) = cursor.fetchone()
    assert plain(code) not in row.upper()
    assert Letter.objects.count() == 1
