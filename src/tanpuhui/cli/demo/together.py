"""Together: a challenge, a neighbourhood and a board in the demonstration, so that its pages are not empty."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from tanpuhui.cli.demo.calendar import Calendar
from tanpuhui.community import board, challenge, goal, group
from tanpuhui.community.goal import KG

NICKNAMES = ("骑行者", "Ming", "绿叶", "早班地铁", "Rooftop", "慢慢走", "海风")
IN_THE_CHALLENGE = 60
IN_THE_NEIGHBOURHOOD = 5
#: The challenge goes on for long after the week, so that it runs when somebody looks.
CHALLENGE_DAYS = 364


def live_together(accounts: dict[int, int], days: int) -> None:
    """Residents of the city set goals, join a neighbourhood and a challenge, and some agree to be on the board."""
    calendar = Calendar(days)
    first, at = calendar.day(0), calendar.certified_at
    everybody = [accounts[number] for number in sorted(accounts)]
    with transaction.atomic():
        terms = challenge.Terms(
            code="green-trips",
            title_zh="绿色出行五百千克",
            title_en="Half a tonne by green trips",
            text_zh="坐地铁、骑单车，一起减排五百千克。",
            text_en="By metro and bicycle, together we avoid half a tonne.",
            starts_on=first,
            ends_on=first + timedelta(days=CHALLENGE_DAYS),
            target_mg=500 * KG,
            methodologies=("shenzhen/metro", "national/shared-bike", "national/shared-e-bike"),
        )
        announced = challenge.announce(terms, at=at)
        for account in everybody[:IN_THE_CHALLENGE]:
            challenge.take_part(account, announced.code, today=first, at=at)
        challenge.tally(announced, at=at)
        founded = group.found(everybody[0], "neighbourhood", "福田小区", at=at)
        _, code = group.group_of(everybody[0], founded.pk)
        for account in everybody[1:IN_THE_NEIGHBOURHOOD]:
            group.join(account, code, at=at)
        for account, name in zip(everybody[1:], NICKNAMES, strict=False):
            goal.set_goal(account, 20 * KG, today=first, at=at)
            board.join_board(account, name, at=at, lang="zh", method="demo")
