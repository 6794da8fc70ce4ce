"""The board: nobody without a consent, nobody after withdrawing it, and nobody ahead for large goals or small."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.people import AT, LATER
from community.credits import DAY, KG, credit
from consent.people import adult
from tanpuhui.community import board
from tanpuhui.community.goal import set_goal
from tanpuhui.community.refusals import BadNickname, NicknameTaken, NotOnTheBoard
from tanpuhui.consent.close_account import close_account
from tanpuhui.consent.models import Grant
from tanpuhui.consent.refusals import AlreadyGiven
from tanpuhui.consent.withdraw import pause, resume, withdraw

pytestmark = pytest.mark.django_db
HOW = {"lang": "zh", "method": "test"}


def names(**changes: object) -> list[str]:
    return [row.nickname for row in board.board(today=DAY, at=LATER, **changes)]  # type: ignore[arg-type]


def on_the_board(name: str) -> int:
    account = adult()
    board.join_board(account, name, at=AT, **HOW)
    return account


def test_nobody_is_on_the_board_before_they_agreed_and_to_be_on_it_is_a_consent_of_its_own() -> None:
    assert names() == []

    account = on_the_board("Ming")

    grant = Grant.objects.get()
    assert (grant.purpose, grant.recipient, grant.resident_id) == ("publication", "public", account)
    assert names() == ["Ming"]
    with pytest.raises(AlreadyGiven):
        board.join_board(account, "Again", at=LATER, **HOW)


def test_leaving_withdrawing_pausing_expiring_and_closing_each_take_the_name_off_at_once() -> None:
    for name, leave in {
        "leaves": lambda account, grant: board.leave_board(account, at=LATER, method="test"),
        "withdraws": lambda account, grant: withdraw(grant, at=LATER, method="test"),
        "pauses": lambda account, grant: pause(grant, at=LATER, method="test"),
        "closes": lambda account, grant: close_account(account, at=LATER, method="test"),
    }.items():
        account = on_the_board(name)
        assert names() == [name]
        grant = board.publication(account, at=LATER)
        assert grant

        leave(account, grant.grant.pk)

        assert names() == []
        if name == "pauses":
            resume(grant.grant.pk, at=LATER, method="test")
            assert names() == [name]
            board.leave_board(account, at=LATER, method="test")
    on_the_board("expires")
    assert board.board(today=DAY, at=AT + timedelta(days=366)) == []


def test_the_share_of_ones_own_goal_decides_and_ends_at_a_hundred() -> None:
    few, many, none, far = (on_the_board(name) for name in ("few", "many", "none", "far"))
    set_goal(few, KG, today=DAY, at=AT)
    set_goal(many, 100 * KG, today=DAY, at=AT)
    set_goal(far, KG, today=DAY, at=AT)
    credit(few, KG)
    credit(many, 50 * KG)
    credit(none, 70 * KG)
    credit(far, 30 * KG)

    rows = board.board(today=DAY, at=LATER, own=many)

    assert [(row.nickname, row.share_percent, row.is_own) for row in rows] == [
        ("far", 100, False),
        ("few", 100, False),
        ("many", 50, True),
        ("none", None, False),
    ]
    assert names(by_share=False) == ["none", "many", "far", "few"]


def test_a_nickname_is_somebodys_alone_while_they_have_it() -> None:
    first = on_the_board("Ming_01")
    second = on_the_board("Other")

    with pytest.raises(NicknameTaken):
        board.rename(second, "míng ol".replace("l", "1"), at=LATER)
    board.rename(first, "New name", at=LATER)
    assert board.rename(second, "Ming_01", at=LATER).name == "Ming_01"
    board.leave_board(second, at=LATER, method="test")
    with pytest.raises(NotOnTheBoard):
        board.rename(second, "Ming_02", at=LATER)
    with pytest.raises(NotOnTheBoard):
        board.leave_board(second, at=LATER, method="test")


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "a",
            "x" * 17,
            "a\u202eb",
            "a\u200bb",
            "<b>a</b>",
            "a--b",
            "-ab",
            "😀😀",
            "13800138000",
            "id 12345",
        ),
        *("admin", "ADM1N", "碳普惠官方", "Tan puhui", "管理员小王", "о̇ffісіаl"),
    ],
)
def test_a_nickname_hides_nothing_and_speaks_for_nobody_else(name: str) -> None:
    with pytest.raises(BadNickname):
        on_the_board(name)


@pytest.mark.parametrize("name", ["小明", " ab ", "Ming", "José-María", "海风 2026", "A.B", "１２３四"])
def test_a_usual_nickname_is_taken(name: str) -> None:
    assert board.nickname_of(on_the_board(name))
