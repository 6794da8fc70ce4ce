"""Board: nicknames of those who agreed to be seen, by the share of their own goal; leaving removes at once.

Being on the board is a grant of the purpose ``publication`` (PIPL article 25): off until it is given, and whoever
withdraws or pauses it, in whatever way, is gone from the next look on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, connection, transaction

from tanpuhui.community.credited import Days, credited_each
from tanpuhui.community.goal import share_percent
from tanpuhui.community.models import Nickname
from tanpuhui.community.month import first_of, last_of
from tanpuhui.community.names import folded, nickname
from tanpuhui.community.refusals import NicknameTaken, NotOnTheBoard
from tanpuhui.consent.give import give
from tanpuhui.consent.models import Grant
from tanpuhui.consent.show import Standing, standings
from tanpuhui.consent.state import VALID
from tanpuhui.consent.terms import Terms
from tanpuhui.consent.withdraw import withdraw

PROVIDER, RECIPIENT, PURPOSE = "platform", "public", "publication"
KINDS = ("nickname", "reductions")
MOST_SHOWN = 500

#: Everybody with a nickname and a grant for publication that may be used now, and their goal of a month.
_ON_IT = f"""
    SELECT n.account, n.name, goal.target_mg
    FROM community_nickname AS n
    JOIN LATERAL (
        SELECT g.id, g.expires_at FROM consent_grant AS g
        WHERE g.resident_id = n.account AND g.recipient = '{RECIPIENT}' AND g.purpose = '{PURPOSE}'
            AND g.begins_at <= %(at)s AND g.expires_at > %(at)s
        ORDER BY g.id DESC LIMIT 1
    ) AS given ON TRUE
    JOIN LATERAL (
        SELECT e.state FROM consent_grant_event AS e WHERE e.grant_id = given.id ORDER BY e.seq DESC LIMIT 1
    ) AS last ON last.state IN ({", ".join(f"'{state.value}'" for state in sorted(VALID))})
    LEFT JOIN LATERAL (
        SELECT o.target_mg FROM community_goal AS o
        WHERE o.account = n.account AND o.month = %(month)s ORDER BY o.id DESC LIMIT 1
    ) AS goal ON TRUE
    WHERE n.ended_at IS NULL
    ORDER BY n.since, n.account LIMIT {MOST_SHOWN}
"""


@dataclass(frozen=True)
class Row:
    """One line of the board. Without a goal there is no share."""

    nickname: str
    credited_mg: int
    share_percent: int | None
    is_own: bool


def join_board(
    account: int,
    name: str,
    *,
    at: datetime,
    lang: str,
    by: str = "resident",
    method: str,
    guardian: int | None = None,
) -> Grant:
    """Agree to be seen on the board under a nickname, until it is taken back: the grant and the name together."""
    terms = Terms(PROVIDER, KINDS, purpose=PURPOSE, recipient=RECIPIENT, lang=lang)
    grant = give(account, terms, at=at, by=by, method=method, guardian=guardian)
    _name(account, name, at)
    return grant


def leave_board(account: int, *, at: datetime, by: str = "resident", method: str) -> None:
    """Be seen no longer, at once: the grant is withdrawn and the name is free."""
    present = publication(account, at=at)
    if present is None:
        raise NotOnTheBoard
    withdraw(present.grant.pk, at=at, by=by, method=method)
    end_nickname(account, at=at)


def rename(account: int, name: str, *, at: datetime) -> Nickname:
    """Change one's nickname."""
    if publication(account, at=at) is None:
        raise NotOnTheBoard
    return _name(account, name, at)


def publication(account: int, *, at: datetime) -> Standing | None:
    """The grant by which somebody is on the board or paused it, if there is one."""
    wanted = (RECIPIENT, PURPOSE)
    found = (one for one in standings(account, at=at) if (one.grant.recipient, one.grant.purpose) == wanted)
    newest = next(found, None)
    return None if newest is None or newest.is_over else newest


def nickname_of(account: int) -> str:
    """The present nickname, or nothing."""
    return (
        Nickname.objects.filter(account=account, ended_at__isnull=True).values_list("name", flat=True).first()
        or ""
    )


def end_nickname(account: int, *, at: datetime) -> int:
    """Give up one's nickname, as when an account is closed."""
    return Nickname.objects.filter(account=account, ended_at__isnull=True).update(ended_at=at)


def board(*, today: date, at: datetime, own: int | None = None, by_share: bool = True) -> list[Row]:
    """Everybody who agreed to be seen: by the share of their own goal, or by what they avoided this month.

    Nobody is ahead for a large goal or a small one: a share ends at 100, and those who share it stand by name.
    """
    month = first_of(today)
    with connection.cursor() as cursor:
        cursor.execute(_ON_IT, {"at": at, "month": month})
        found = cursor.fetchall()
    amounts = credited_each([Days(account, month, last_of(month)) for account, _, _ in found])
    rows = [
        Row(name, mg, None if target is None else share_percent(mg, target), account == own)
        for (account, name, target), mg in zip(found, amounts, strict=True)
    ]
    if by_share:
        return sorted(
            rows, key=lambda row: (row.share_percent is None, -(row.share_percent or 0), row.nickname)
        )
    return sorted(rows, key=lambda row: (-row.credited_mg, row.nickname))


def _name(account: int, name: str, at: datetime) -> Nickname:
    chosen = nickname(name)
    known = Nickname.objects.filter(account=account, ended_at__isnull=True).first()
    if known is not None and known.name == chosen:
        return known
    end_nickname(account, at=at)
    try:
        with transaction.atomic():
            return Nickname.objects.create(account=account, name=chosen, folded=folded(chosen), since=at)
    except IntegrityError:
        raise NicknameTaken from None
