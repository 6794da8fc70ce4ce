"""Goal: how much somebody wants to avoid this month, and how far they have come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tanpuhui.community.credited import credited_mg
from tanpuhui.community.models import Goal
from tanpuhui.community.month import first_of, last_of
from tanpuhui.community.refusals import BadGoal

KG = 1_000_000
FEWEST_MG, MOST_MG = KG, 10_000 * KG
WHOLE = 100


@dataclass(frozen=True)
class Progress:
    """A goal with what was credited for acts of its month so far."""

    month: date
    target_mg: int
    credited_mg: int

    @property
    def share_percent(self) -> int:
        """The share of the goal that is reached, in whole percent, rounded down: nobody is told 100 too early."""
        return share_percent(self.credited_mg, self.target_mg)

    @property
    def is_reached(self) -> bool:
        return self.credited_mg >= self.target_mg


def share_percent(credited_mg: int, target_mg: int) -> int:
    """What of a goal is reached, from 0 to 100 in whole percent, rounded down.

    >>> share_percent(999_999, 1_000_000), share_percent(-5, 10), share_percent(30, 10)
    (99, 0, 100)
    """
    return min(max(credited_mg * WHOLE // target_mg, 0), WHOLE)


def set_goal(account: int, target_mg: int, *, today: date, at: datetime) -> Goal:
    """Set the goal of the month that runs. The same again changes nothing."""
    if not FEWEST_MG <= target_mg <= MOST_MG:
        raise BadGoal(fewest_kg=FEWEST_MG // KG, most_kg=MOST_MG // KG)
    month = first_of(today)
    known = newest(account, month)
    if known is not None and known.target_mg == target_mg:
        return known
    return Goal.objects.create(account=account, month=month, target_mg=target_mg, set_at=at)


def newest(account: int, month: date) -> Goal | None:
    """The goal of a month, if one was set."""
    return Goal.objects.filter(account=account, month=month).order_by("-id").first()


def progress(account: int, *, today: date) -> Progress | None:
    """How far somebody has come in the month that runs; nothing without a goal."""
    month = first_of(today)
    goal = newest(account, month)
    if goal is None:
        return None
    return Progress(month, goal.target_mg, credited_mg(account, month, last_of(month)))
