"""Members of an organisation: invited, changed and ended by administrators, seen by everybody in it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from access.people import AT
from tanpuhui.access.membership import join
from tanpuhui.access.models import AuditEntry, Invitation, Membership, Organisation, User
from tanpuhui.access.organise import get_organisation
from web.site import client_of, make_site, other_code, own_code

pytestmark = pytest.mark.django_db
EN = {"HTTP_ACCEPT_LANGUAGE": "en"}
KINDS = ("company", "merchant", "bank", "verifier")


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False


@pytest.mark.parametrize("kind", KINDS)
def test_an_administrator_invites_somebody_who_comes_by_the_link_in_the_e_mail(
    kind: str, mailoutbox: Any, django_capture_on_commit_callbacks: Any
) -> None:
    boss = client_of(make_site()[kind])
    home = f"/{kind}/{own_code(kind)}"

    with django_capture_on_commit_callbacks(execute=True):
        sent = boss.post(f"{home}/members/invite/", {"email": "Guest@example.org", "role": "member"}, **EN)

    assert sent.headers["Location"] == f"{home}/members/"
    [mail] = mailoutbox
    assert mail.to == ["guest@example.org"]
    assert mail.subject == "Invitation to act for Own"
    [link] = re.findall(r"http://testserver(/invitations/\S+)", mail.body)
    guest = client_of(User.objects.create_user("guest@example.org"))
    assert "You are asked to act for Own" in guest.get(link, **EN).content.decode()
    assert guest.post(link).headers["Location"] == f"{home}/"
    assert guest.get(f"{home}/").status_code == 200
    assert guest.get(f"{home}/members/invite/").status_code == 403
    verbs = AuditEntry.objects.order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["invite", "take_up_invitation"]
    assert "guest" not in str(list(AuditEntry.objects.values()))


def test_a_refused_invitation_keeps_what_was_typed_and_sends_nothing(mailoutbox: Any) -> None:
    boss = client_of(make_site()["company"])

    for given, status in (
        ({"email": "company@example.org", "role": "member"}, 409),
        ({"email": "no address", "role": "member"}, 422),
        ({"email": "x@example.org", "role": "owner"}, 422),
    ):
        answer = boss.post("/company/own-company/members/invite/", given, **EN)
        assert answer.status_code == status
        assert f'value="{given["email"]}"' in answer.content.decode()
    assert mailoutbox == []
    assert not Invitation.objects.exists()


def test_somebody_else_with_the_link_is_told_whose_it_is_not(
    mailoutbox: Any, django_capture_on_commit_callbacks: Any
) -> None:
    people = make_site()
    with django_capture_on_commit_callbacks(execute=True):
        client_of(people["company"]).post(
            "/company/own-company/members/invite/", {"email": "guest@example.org", "role": "admin"}
        )
    [link] = re.findall(r"http://testserver(/invitations/\S+)", mailoutbox[0].body)

    answer = client_of(people["resident"]).post(link, **EN)

    assert answer.status_code == 422
    assert "sent to another e-mail address" in answer.content.decode()
    assert not Membership.objects.filter(user=people["resident"]).exists()


def test_the_last_administrator_neither_leaves_nor_steps_down() -> None:
    people = make_site()
    boss = client_of(people["company"])
    own = Membership.objects.get(user=people["company"])
    address = f"/company/own-company/members/{own.pk}"

    ended, changed = (
        boss.post(f"{address}/end/", **EN),
        boss.post(f"{address}/role/", {"role": "member"}, **EN),
    )

    assert (ended.status_code, changed.status_code) == (422, 422)
    assert "would have no administrator left" in ended.content.decode()
    assert "would have no administrator left" in changed.content.decode()
    assert Membership.objects.get(pk=own.pk).ended_at is None


def test_a_role_is_changed_and_a_membership_ended_with_a_record_of_it() -> None:
    people = make_site()
    helper = User.objects.create_user("helper@example.org")
    member = join(helper, get_organisation("own-company"), Membership.MEMBER, at=AT)
    boss = client_of(people["company"])

    boss.post(f"/company/own-company/members/{member.pk}/role/", {"role": "auditor"})
    present = Membership.objects.get(user=helper, ended_at__isnull=True)
    boss.post(f"/company/own-company/members/{present.pk}/end/")

    assert present.role == "auditor"
    assert not Membership.objects.filter(user=helper, ended_at__isnull=True).exists()
    assert list(AuditEntry.objects.order_by("id").values_list("verb", "object_key")) == [
        ("change_role", str(helper.pk)),
        ("end_membership", str(helper.pk)),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_members_and_invitations_of_another_organisation_are_not_there(kind: str) -> None:
    people = make_site()
    other = Organisation.objects.get(code=other_code(kind))
    stranger = User.objects.create_user("stranger@example.org")
    theirs = join(stranger, other, Membership.ADMIN, at=AT)
    boss = client_of(people[kind])
    own = f"/{kind}/{own_code(kind)}/members"

    assert "stranger@" not in boss.get(f"{own}/").content.decode()
    assert boss.get(f"{own}/{theirs.pk}/role/").status_code == 404
    assert boss.post(f"{own}/{theirs.pk}/end/").status_code == 404
    assert boss.post(f"/{kind}/{other_code(kind)}/members/invite/", {}).status_code == 404
    assert Membership.objects.get(pk=theirs.pk).ended_at is None


def test_a_member_and_an_auditor_look_and_change_nothing() -> None:
    make_site()
    for role in (Membership.MEMBER, Membership.AUDITOR):
        user = User.objects.create_user(f"{role}-only@example.org")
        mine = join(user, get_organisation("own-company"), role, at=AT)
        client = client_of(user)

        assert client.get("/company/own-company/members/").status_code == 200
        assert client.get("/company/own-company/members/invite/").status_code == 403
        assert client.post(f"/company/own-company/members/{mine.pk}/end/").status_code == 403
