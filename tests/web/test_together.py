"""Together: a goal, groups seen from inside alone, a challenge, and a board that one agrees to."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from access.people import AT
from community.credits import KG, credit
from tanpuhui.community.challenge import Terms, announce, tally
from tanpuhui.community.models import Group, Invitation, Nickname, Participant
from tanpuhui.consent.models import Grant
from tanpuhui.kit.moment import utc_now
from web.residents import born, digest, resident

pytestmark = pytest.mark.django_db


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def joining(**changes: Any) -> dict[str, Any]:
    return {
        "do": "join",
        "nickname": "Ming",
        "notice": digest("publication", "public"),
        "agrees": "on",
        **changes,
    }


def test_a_goal_is_set_and_its_share_is_seen(as_the_application: None) -> None:
    client, account, _ = resident()

    assert client.post("/resident/together/goal/", {"kg": "0"}).status_code == 422
    assert client.post("/resident/together/goal/", {"kg": "4"}).headers["Location"] == "/resident/together/"
    credit(account, 3 * KG, day=timezone.localdate())
    page = text(client, "/resident/together/")

    assert 'value="75"' in page
    assert "75 % of your goal" in page
    assert 'value="4"' in text(client, "/resident/together/goal/")


def test_an_equivalent_is_a_range_with_its_sources_and_their_status() -> None:
    client, account, _ = resident()
    credit(account, 100 * KG, day=timezone.localdate())

    page = text(client, "/resident/together/")

    # 100 / 18.3 = 5.46 and 100 / 1.40 = 71.4 trees; 100 / (5.98 / 22) = 367.9 and 100 / 0.25 = 400 km.
    for words in ("5 to 71 trees", "367 to 400 km", "badge secondary", "badge published", "tanpaifang.com"):
        assert words in page
    poor, _, _ = resident()
    assert "trees" not in text(poor, "/resident/together/")


def test_a_group_is_founded_joined_by_code_seen_from_inside_and_left(as_the_application: None) -> None:
    founder, first, _ = resident()
    people = [resident() for _ in range(2)]
    outside, _, _ = resident()
    address = founder.post("/resident/together/groups/new/", {"kind": "family", "name": "三口之家"}).headers[
        "Location"
    ]
    code = Invitation.objects.get().code
    assert code in text(founder, address)
    credit(first, 5 * KG, day=timezone.localdate())
    assert "5<span" not in text(founder, address)

    for client, _, _ in people:
        assert (
            client.post("/resident/together/groups/join/", {"code": code.lower()}).headers["Location"]
            == address
        )

    assert 'value="5000000"' in text(people[0][0], address)
    assert outside.get(address).status_code == 404
    assert outside.post(address, {"do": "renew"}).status_code == 404
    assert outside.post("/resident/together/groups/join/", {"code": "WRONG234"}).status_code == 422
    assert founder.post(address, {"do": "renew"}).status_code == 302
    assert outside.post("/resident/together/groups/join/", {"code": code}).status_code == 422
    assert founder.post(address, {"do": "nonsense"}).status_code == 400
    assert people[0][0].post(address, {"do": "leave"}).headers["Location"] == "/resident/together/"
    assert people[0][0].get(address).status_code == 404
    assert Group.objects.count() == 1


def test_trying_codes_is_slowed() -> None:
    client, _, _ = resident()

    answers = [
        client.post("/resident/together/groups/join/", {"code": f"AAAAAA{number}"}).status_code
        for number in range(12)
    ]

    assert answers == [422] * 10 + [429] * 2


def test_a_challenge_is_joined_and_left_and_shows_no_sum_of_two(as_the_application: None) -> None:
    today = timezone.localdate()
    one = announce(Terms("now", "现在", "Now", "一起", "Come along", today, today, 10 * KG), at=AT)
    people = [resident() for _ in range(3)]
    address = "/resident/together/challenges/now/"
    for client, account, _ in people:
        assert client.post(address, {"do": "take_part"}).headers["Location"] == address
        credit(account, KG, day=today)
    client = people[0][0]

    people[2][0].post(address, {"do": "step_out"})
    tally(one, at=utc_now())
    assert "three or more take part" in text(client, address)
    people[2][0].post(address, {"do": "take_part"})
    tally(one, at=utc_now())

    page = text(client, address)
    assert 'value="3000000"' in page
    assert "3 people take part" in page
    assert client.post(address, {"do": "nonsense"}).status_code == 400
    assert client.get("/resident/together/challenges/nowhere/").status_code == 404
    assert Participant.objects.filter(ended_at__isnull=True).count() == 3


def test_nobody_is_on_the_board_who_did_not_agree_and_leaving_is_at_once(as_the_application: None) -> None:
    client, account, _ = resident()
    other, _, _ = resident()
    for wrong in (joining(agrees=""), joining(notice="sha256:0"), joining(nickname="admin")):
        assert client.post("/resident/together/board/", wrong).status_code == 422
    assert not Nickname.objects.exists()
    assert not Grant.objects.exists()

    assert client.post("/resident/together/board/", joining()).status_code == 302
    assert "Ming" in text(other, "/resident/together/board/")
    assert other.post("/resident/together/board/", joining(nickname="MING")).status_code == 409
    client.post("/resident/together/board/", {"do": "rename", "nickname": "New"})
    assert "New" in text(other, "/resident/together/board/?order=amount")
    client.post("/resident/together/board/", {"do": "leave"})

    assert "New" not in text(other, "/resident/together/board/")
    assert Grant.objects.get().resident_id == account
    assert client.post("/resident/together/board/", {"do": "leave"}).status_code == 422
    assert client.post("/resident/together/board/", {"do": "nonsense"}).status_code == 400


def test_a_child_is_not_put_on_the_board() -> None:
    _, parent, _ = resident(birth_on=born(40))
    child, _, _ = resident(birth_on=born(9), guardian=parent)

    assert "Join the board" not in text(child, "/resident/together/board/")
    assert child.post("/resident/together/board/", joining()).status_code == 422


def test_pages_of_a_large_group_and_board_are_drawn_in_few_queries(
    django_assert_max_num_queries: Any,
) -> None:
    client, _, _ = resident()
    client.post("/resident/together/groups/new/", {"kind": "neighbourhood", "name": "福田小区"})
    group = Group.objects.get()
    from tanpuhui.community.models import Member

    Member.objects.bulk_create(
        [Member(group=group, account=10_000 + number, since=AT) for number in range(150)]
    )

    with django_assert_max_num_queries(12):
        client.get(f"/resident/together/groups/{group.pk}/")
    with django_assert_max_num_queries(20):
        client.get("/resident/together/")
    with django_assert_max_num_queries(14):
        client.get("/resident/together/board/")
    assert client.get(f"/resident/together/groups/{uuid4()}/").status_code == 404
