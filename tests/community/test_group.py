"""Groups: sums only, none below three, joining and leaving tell nothing about one person."""

from __future__ import annotations

from datetime import date, datetime
from uuid import uuid4

import pytest
from django.db import transaction

from access.people import AT, SHANGHAI
from community.credits import KG, credit
from consent.people import in_parallel
from tanpuhui.community import group
from tanpuhui.community.models import Member
from tanpuhui.community.refusals import BadCode, BadGroupName, GroupFull, NotInGroup, TooManyGroups

pytestmark = pytest.mark.django_db
ZONE = "Asia/Shanghai"
TODAY = date(2026, 3, 20)


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=SHANGHAI)


def family(*accounts: int) -> group.Group:
    """A family of these accounts, all in it since 2 March."""
    founded = group.found(accounts[0], "family", "家", at=AT)
    _, code = group.group_of(accounts[0], founded.pk)
    for account in accounts[1:]:
        group.join(account, code, at=AT)
    return founded


def sum_mg(one: group.Group) -> int | None:
    return group.sum_of(one.pk, today=TODAY, zone=ZONE).credited_mg


def test_a_sum_is_shown_from_three_members_on() -> None:
    pair = family(1, 2)
    credit(1, KG)
    assert sum_mg(pair) is None

    three = family(1, 2, 3)

    assert sum_mg(three) == KG


def test_who_joins_brings_nothing_along_and_who_leaves_takes_nothing_away() -> None:
    one = family(1, 2, 3, 4)
    credit(4, 5 * KG, day=date(2026, 3, 5))
    credit(1, KG, day=date(2026, 3, 5))
    assert sum_mg(one) == 6 * KG

    _, code = group.group_of(1, one.pk)
    credit(5, 7 * KG, day=date(2026, 3, 9))
    group.join(5, code, at=at(10))
    assert sum_mg(one) == 6 * KG
    group.leave(4, one.pk, at=at(12))
    credit(4, 9 * KG, day=date(2026, 3, 12))
    assert sum_mg(one) == 6 * KG

    credit(5, 2 * KG, day=date(2026, 3, 10))
    assert sum_mg(one) == 8 * KG


def test_the_sum_is_of_this_month_alone() -> None:
    one = family(1, 2, 3)
    credit(1, KG, day=date(2026, 3, 31))

    assert group.sum_of(one.pk, today=date(2026, 3, 31), zone=ZONE).credited_mg == KG
    assert group.sum_of(one.pk, today=date(2026, 4, 1), zone=ZONE).credited_mg == 0


def test_a_code_is_good_until_it_is_renewed_and_typed_as_people_type() -> None:
    one = family(1)
    _, code = group.group_of(1, one.pk)
    spaced = f" {code[:4].lower()}-{code[4:].lower()} "

    assert group.join(2, spaced, at=AT) == one
    assert group.join(2, code, at=AT) == one
    assert Member.objects.filter(account=2).count() == 1
    new = group.renew_code(2, one.pk, at=AT)
    for wrong in (code, "", "AAAAAAAA"):
        with pytest.raises(BadCode):
            group.join(3, wrong, at=AT)
    assert group.join(3, new, at=AT) == one


def test_a_group_is_not_there_for_those_outside() -> None:
    one = family(1)

    for attempt in (
        lambda: group.group_of(2, one.pk),
        lambda: group.renew_code(2, one.pk, at=AT),
        lambda: group.leave(2, one.pk, at=AT),
        lambda: group.group_of(1, uuid4()),
    ):
        with pytest.raises(NotInGroup):
            attempt()
    group.leave(1, one.pk, at=at(3))
    with pytest.raises(NotInGroup):
        group.group_of(1, one.pk)
    assert group.groups_of(1) == []


def test_groups_have_names_that_can_be_read_and_numbers_that_end() -> None:
    for name in ("", "   ", "x" * 41, "a\x07b"):
        with pytest.raises(BadGroupName):
            group.found(1, "family", name, at=AT)
    assert group.found(1, "family", "  三  口之家 ", at=AT).name == "三 口之家"
    for _ in range(group.MOST_GROUPS - 1):
        group.found(1, "family", "x" * 40, at=AT)
    with pytest.raises(TooManyGroups):
        group.found(1, "family", "one more", at=AT)
    assert [one.size for one in group.groups_of(1)] == [1] * group.MOST_GROUPS


def test_a_full_group_takes_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "MOST_MEMBERS", 2)
    one = family(1, 2)
    _, code = group.group_of(1, one.pk)

    with pytest.raises(GroupFull):
        group.join(3, code, at=AT)


@pytest.mark.django_db(transaction=True)
def test_joining_at_once_makes_one_member() -> None:
    with transaction.atomic():
        one = family(1)
        _, code = group.group_of(1, one.pk)

    def joined() -> object:
        with transaction.atomic():
            return group.join(2, code, at=AT)

    assert in_parallel([joined] * 4) == [one] * 4
    assert Member.objects.filter(account=2).count() == 1
