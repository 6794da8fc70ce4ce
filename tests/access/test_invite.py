"""Invitations: one address, one link, one use; and roles that change without leaving nobody in charge."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from access.people import AT, LATER, organisation, user
from tanpuhui.access.invite import LASTS, find_invitation, invite, take_back, take_up
from tanpuhui.access.membership import change_role, join
from tanpuhui.access.models import Invitation, Membership
from tanpuhui.kit.refusal import Refusal

pytestmark = pytest.mark.django_db


def code_of(caught: pytest.ExceptionInfo[Refusal]) -> str:
    return caught.value.code


def test_whoever_was_invited_becomes_a_member_in_the_role_they_were_asked_for() -> None:
    company, boss, guest = organisation(), user(), user("guest@example.org")
    secret, row = invite(company, " Guest@Example.org ", Membership.AUDITOR, by=boss, at=AT)

    membership = take_up(secret, by=guest, at=LATER)

    assert (membership.user, membership.organisation, membership.role) == (guest, company, "auditor")
    assert Invitation.objects.get(pk=row.pk).membership == membership


def test_a_link_is_good_once_for_seven_days_and_for_its_address_alone() -> None:
    company, boss, guest = organisation(), user(), user("guest@example.org")
    secret, row = invite(company, "guest@example.org", Membership.MEMBER, by=boss, at=AT)

    for who, at, code in (
        (boss, LATER, "access.invited_elsewhere"),
        (guest, AT + LASTS, "access.unknown_invitation"),
    ):
        with pytest.raises(Refusal) as caught:
            take_up(secret, by=who, at=at)
        assert code_of(caught) == code
    take_up(secret, by=guest, at=AT + LASTS - timedelta(seconds=1))
    with pytest.raises(Refusal) as caught:
        take_up(secret, by=guest, at=AT + LASTS - timedelta(seconds=1))
    assert code_of(caught) == "access.unknown_invitation"
    assert secret.encode() not in bytes(Invitation.objects.get(pk=row.pk).digest)


@pytest.mark.parametrize("secret", ["", "x", "x" * 43, "../" * 14 + "x"])
def test_a_link_that_was_never_sent_leads_nowhere(secret: str) -> None:
    with pytest.raises(Refusal) as caught:
        find_invitation(secret, at=AT)

    assert code_of(caught) == "access.unknown_invitation"


def test_what_was_taken_back_is_over_and_taking_back_again_changes_nothing() -> None:
    company, boss = organisation(), user()
    secret, row = invite(company, "guest@example.org", Membership.MEMBER, by=boss, at=AT)

    first = take_back(row.pk, of=company, at=LATER)
    again = take_back(row.pk, of=company, at=LATER + LASTS)

    assert first.ended_at == again.ended_at == LATER
    with pytest.raises(Refusal):
        find_invitation(secret, at=LATER)
    with pytest.raises(Refusal) as caught:
        take_back(row.pk, of=organisation(), at=LATER)
    assert code_of(caught) == "access.unknown_invitation"


def test_nobody_is_invited_twice_at_once_nor_as_a_member_but_again_after_it_lapsed() -> None:
    company, boss, guest = organisation(), user(), user("guest@example.org")
    invite(company, "guest@example.org", Membership.MEMBER, by=boss, at=AT)
    with pytest.raises(Refusal) as caught:
        invite(company, "GUEST@example.org", Membership.ADMIN, by=boss, at=LATER)
    assert code_of(caught) == "access.already_invited"

    secret, _ = invite(company, "guest@example.org", Membership.MEMBER, by=boss, at=AT + LASTS)
    take_up(secret, by=guest, at=AT + LASTS)

    with pytest.raises(Refusal) as caught:
        invite(company, "guest@example.org", Membership.MEMBER, by=boss, at=AT + LASTS)
    assert code_of(caught) == "access.already_a_member"


def test_an_invitation_changes_once_and_is_never_removed() -> None:
    _, row = invite(organisation(), "guest@example.org", Membership.MEMBER, by=user(), at=AT)

    for change in ({"role": "admin"}, {"email": "other@example.org"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Invitation.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Invitation.objects.filter(pk=row.pk).delete()


def test_a_role_changes_from_a_moment_on_and_the_last_administrator_stays_one() -> None:
    company, boss, helper = organisation(), user(), user()
    join(boss, company, Membership.ADMIN, at=AT)
    join(helper, company, Membership.MEMBER, at=AT)

    with pytest.raises(Refusal) as caught:
        change_role(boss, company, Membership.MEMBER, at=LATER)
    assert code_of(caught) == "access.last_administrator"
    change_role(helper, company, Membership.ADMIN, at=LATER)
    change_role(boss, company, Membership.AUDITOR, at=LATER)

    roles = Membership.objects.filter(organisation=company, ended_at__isnull=True).values_list("user", "role")
    assert dict(roles) == {boss.pk: "auditor", helper.pk: "admin"}
    assert change_role(helper, company, Membership.ADMIN, at=LATER).since == LATER
