"""A user is an address, whatever its case, or none; and has no rights but those of a membership."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from access.people import AT, organisation, user
from tanpuhui.access.membership import join, leave
from tanpuhui.access.models import Membership, Organisation, User

pytestmark = pytest.mark.django_db


def test_two_users_never_share_an_address_whatever_its_case() -> None:
    user("Ming@Example.org")

    with pytest.raises(IntegrityError), transaction.atomic():
        user("ming@example.ORG")

    assert User.objects.get_by_natural_key("MING@example.org").email == "ming@example.org"


def test_the_database_refuses_an_address_that_is_not_in_lower_case() -> None:
    one = user()

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute('UPDATE vault."user" SET email = %s WHERE id = %s', ["Big@example.org", one.pk])


def test_users_of_an_identity_service_have_no_address_and_may_be_many() -> None:
    first, second = User.objects.create_user(), User.objects.create_user("")

    assert (first.email, second.email) == (None, None)
    assert first.pk != second.pk
    assert not first.has_usable_password()


@pytest.mark.parametrize(
    ("role", "may_look", "may_change"),
    [("admin", True, True), ("member", True, True), ("auditor", True, False)],
)
def test_what_staff_may_do_in_the_console_follows_from_the_role(
    role: str, may_look: bool, may_change: bool
) -> None:
    one = User.objects.create_user("staff@example.org", is_staff=True)
    join(one, organisation(Organisation.OPERATOR), role, at=AT)

    assert one.has_perm("registry.view_lot") is may_look
    assert one.has_perm("registry.change_lot") is may_change
    assert one.has_module_perms("registry") is may_look


def test_without_a_present_membership_in_an_operator_staff_may_do_nothing() -> None:
    one = User.objects.create_user("staff@example.org", is_staff=True)
    there = organisation(Organisation.OPERATOR)
    join(user(), there, Membership.ADMIN, at=AT)
    join(one, organisation(Organisation.BANK), Membership.ADMIN, at=AT)
    join(one, there, Membership.ADMIN, at=AT)
    leave(one, there, at=AT)

    again = User.objects.get(pk=one.pk)

    assert not again.has_perm("registry.view_lot")
    assert not again.has_module_perms("registry")


def test_a_member_of_the_operator_who_is_not_staff_may_do_nothing_in_the_console() -> None:
    one = user()
    join(one, organisation(Organisation.OPERATOR), Membership.ADMIN, at=AT)

    assert not one.has_perm("registry.view_lot")
