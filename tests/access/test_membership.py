"""Members come and go; one administrator stays."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, transaction

from access.people import AT, LATER, organisation, user
from consent.people import in_parallel
from tanpuhui.access.membership import join, leave, memberships_of
from tanpuhui.access.models import Membership, Organisation
from tanpuhui.access.refusals import AlreadyMember, LastAdministrator, NotAMember


@pytest.mark.django_db
def test_joining_again_in_the_same_role_changes_nothing_and_in_another_is_refused() -> None:
    one, there = user(), organisation()

    first = join(one, there, Membership.ADMIN, at=AT)

    assert join(one, there, Membership.ADMIN, at=LATER) == first
    with pytest.raises(AlreadyMember):
        join(one, there, Membership.AUDITOR, at=LATER)


@pytest.mark.django_db
def test_whoever_left_is_no_member_and_may_come_back_in_another_role() -> None:
    one, there = user(), organisation()
    join(user(), there, Membership.ADMIN, at=AT)
    join(one, there, Membership.ADMIN, at=AT)

    ended = leave(one, there, at=LATER)

    assert ended.ended_at == LATER
    assert memberships_of(one, Organisation.COMPANY) == []
    with pytest.raises(NotAMember):
        leave(one, there, at=LATER)
    assert join(one, there, Membership.AUDITOR, at=LATER).role == "auditor"


@pytest.mark.django_db
def test_memberships_are_found_by_kind_and_role() -> None:
    one = user()
    join(one, organisation(Organisation.BANK), Membership.AUDITOR, at=AT)

    assert len(memberships_of(one, Organisation.BANK)) == 1
    assert len(memberships_of(one, Organisation.BANK, [Membership.ADMIN, Membership.AUDITOR])) == 1
    assert memberships_of(one, Organisation.BANK, [Membership.ADMIN]) == []
    assert memberships_of(one, Organisation.COMPANY) == []
    assert memberships_of(user(), Organisation.BANK) == []


@pytest.mark.django_db
def test_the_last_administrator_cannot_leave() -> None:
    one, there = user(), organisation()
    join(one, there, Membership.ADMIN, at=AT)
    join(user(), there, Membership.MEMBER, at=AT)

    with pytest.raises(LastAdministrator):
        leave(one, there, at=LATER)


@pytest.mark.django_db
def test_a_membership_that_ended_does_not_begin_again() -> None:
    one, there = user(), organisation()
    join(user(), there, Membership.ADMIN, at=AT)
    join(one, there, Membership.MEMBER, at=AT)
    leave(one, there, at=LATER)

    with pytest.raises(ProgrammingError, match="changes once"), transaction.atomic():
        Membership.objects.filter(user=one).update(ended_at=None)
    with pytest.raises(ProgrammingError, match="changes once"), transaction.atomic():
        Membership.objects.filter(user=one).update(role="admin")


@pytest.mark.django_db(transaction=True)
def test_of_all_administrators_who_leave_at_once_one_stays() -> None:
    people, there = [user() for _ in range(5)], organisation()
    for one in people:
        join(one, there, Membership.ADMIN, at=AT)

    def go(one: object) -> Membership:
        with transaction.atomic():
            return leave(one, there, at=LATER)

    answers = in_parallel([lambda one=one: go(one) for one in people])

    assert sum(isinstance(answer, LastAdministrator) for answer in answers) == 1
    assert Membership.objects.filter(organisation=there, ended_at__isnull=True).count() == 1
