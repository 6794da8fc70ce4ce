"""Group: found one, invite by code, join, leave at any time; others see sums, and no sum of fewer than three."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Q

from tanpuhui.community.credited import Days, credited_each
from tanpuhui.community.models import Group, Invitation, Member
from tanpuhui.community.month import first_of, last_of
from tanpuhui.community.names import group_name
from tanpuhui.community.refusals import BadCode, GroupFull, NotInGroup, TooManyGroups

#: Fewer than this have no sum that is shown: it would say what single people did.
FEWEST_IN_A_SUM = 3
MOST_MEMBERS = 200
MOST_GROUPS = 10
#: A code is written without letters that look like digits: eight of 32 signs, 40 bits, and joining is slowed.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 8
LOCK = 0x67_72_6F_75_70


@dataclass(frozen=True)
class Sum:
    """What a group avoided in a month; ``credited_mg`` is not there while fewer than three are in it."""

    members: int
    month: date
    credited_mg: int | None


def found(account: int, kind: str, name: str, *, at: datetime) -> Group:
    """Found a group and be its first member."""
    assert kind in dict(Group.KINDS), "one of the kinds"
    chosen = group_name(name)
    _hold(account)
    _refuse_too_many(account)
    group = Group.objects.create(kind=kind, name=chosen, founded_at=at)
    Member.objects.create(group=group, account=account, since=at)
    renew_code(account, group.pk, at=at)
    return group


def join(account: int, code: str, *, at: datetime) -> Group:
    """Join by the present code of a group. Whoever is in it already stays as they are."""
    given = "".join(code.upper().split()).replace("-", "")
    invitation = Invitation.objects.select_related("group").filter(code=given).first()
    if invitation is None or _present_code(invitation.group) != given:
        raise BadCode
    group = invitation.group
    _hold(account)
    if _membership(account, group.pk) is not None:
        return group
    _refuse_too_many(account)
    present = Member.objects.filter(group=group, ended_at__isnull=True)
    if present.count() >= MOST_MEMBERS:
        raise GroupFull(most=MOST_MEMBERS)
    Member.objects.create(group=group, account=account, since=at)
    return group


def leave(account: int, group: UUID, *, at: datetime) -> None:
    """Leave at once. What was credited until then stays in the month's sum, so that no fall of it tells how much."""
    known = _membership(account, group)
    if known is None:
        raise NotInGroup
    Member.objects.filter(pk=known.pk, ended_at__isnull=True).update(ended_at=at)


def renew_code(account: int, group: UUID, *, at: datetime) -> str:
    """A new code for a group that one is in; the code before it is good no longer."""
    if _membership(account, group) is None:
        raise NotInGroup
    while True:
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
        try:
            with transaction.atomic():
                Invitation.objects.create(group_id=group, code=code, made_at=at)
        except IntegrityError:
            continue
        return code


def group_of(account: int, group: UUID) -> tuple[Group, str]:
    """A group that one is in, with its present code; any other is not there."""
    known = _membership(account, group)
    if known is None:
        raise NotInGroup
    return known.group, _present_code(known.group)


def groups_of(account: int) -> list[Group]:
    """The groups that somebody is in, oldest first, each with ``size``."""
    own = Member.objects.filter(account=account, ended_at__isnull=True).values("group")
    present = Count("members", filter=Q(members__ended_at__isnull=True))
    return list(Group.objects.filter(pk__in=own).annotate(size=present).order_by("founded_at", "pk"))


def sum_of(group: UUID, *, today: date, zone: str) -> Sum:
    """What the group avoided this month: of each, acts of the days on which they were in it.

    Somebody who joins brings nothing along and somebody who leaves takes nothing away, so that no difference of two
    sums tells what one person did before or after.
    """
    month, last = first_of(today), last_of(today.replace(day=1))
    members = list(Member.objects.filter(group=group).order_by("since"))
    size = sum(one.ended_at is None for one in members)
    if size < FEWEST_IN_A_SUM:
        return Sum(size, month, None)
    asked = [stay for one in members if (stay := _stay(one, month, last, zone))]
    return Sum(size, month, sum(credited_each(asked)))


def _stay(member: Member, month: date, last: date, zone: str) -> Days | None:
    """The whole local days of a month on which somebody was in the group."""
    local = ZoneInfo(zone)
    first_on = max(month, member.since.astimezone(local).date())
    last_on = last
    if member.ended_at is not None:
        last_on = min(last, member.ended_at.astimezone(local).date() - timedelta(days=1))
    return Days(member.account, first_on, last_on) if first_on <= last_on else None


def leave_all(account: int, *, at: datetime) -> int:
    """Leave every group, as when an account is closed."""
    return Member.objects.filter(account=account, ended_at__isnull=True).update(ended_at=at)


def _membership(account: int, group: UUID) -> Member | None:
    found = Member.objects.select_related("group").filter(group=group, account=account)
    return found.filter(ended_at__isnull=True).first()


def _present_code(group: Group) -> str:
    newest = Invitation.objects.filter(group=group).order_by("-id").first()
    assert newest is not None, "a group is founded with a code"
    return newest.code


def _refuse_too_many(account: int) -> None:
    if Member.objects.filter(account=account, ended_at__isnull=True).count() >= MOST_GROUPS:
        raise TooManyGroups(most=MOST_GROUPS)


def _hold(account: int) -> None:
    """One account joins and founds one after another."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK ^ account])
