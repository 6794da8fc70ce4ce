"""Terms: what somebody is asked to agree to, before and after it is decided that it may be agreed to at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tanpuhui.consent.age import AGE, ZONE, birthday, day_of, first_moment, is_under
from tanpuhui.consent.policy import Notice, Party, Policy, Purpose
from tanpuhui.consent.refusals import (
    AccountClosed,
    BadRange,
    BadTerm,
    GuardianMissing,
    KindNotNamed,
    NotTheGuardian,
)
from tanpuhui.kit.moment import day_bounds_us, from_us, to_us

#: Acts can be of these years.
YEARS = range(2000, 2101)
EARLIEST_US = to_us(datetime(1999, 12, 31, tzinfo=UTC))
LATEST_US = to_us(datetime(2101, 1, 2, tzinfo=UTC))
_KIND = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Terms:
    """What is agreed to. Left out: it begins when it is given, lasts as long as it may, and covers acts of that time.

    ``acts_from_us`` is the first microsecond of the acts covered, ``acts_to_us`` the first one after.
    """

    provider: str
    kinds: tuple[str, ...]
    acts_from_us: int | None = None
    acts_to_us: int | None = None
    purpose: str = "quantification"
    recipient: str = "platform"
    begins_at: datetime | None = None
    expires_at: datetime | None = None
    lang: str = "zh"


@dataclass(frozen=True)
class Person:
    """What consent must know of somebody to let them agree."""

    account: int
    is_closed: bool = False
    birth_on: date | None = None
    guardian: int | None = None


@dataclass(frozen=True)
class Decided:
    """Terms that may be agreed to, with nothing left out."""

    account: int
    provider: Party
    recipient: Party
    purpose: Purpose
    kinds: tuple[str, ...]
    acts_from_us: int
    acts_to_us: int
    begins_at: datetime
    expires_at: datetime
    notice: Notice
    guardian: int | None

    @property
    def key(self) -> tuple[int, str, str, str]:
        """What no two grants in force may share."""
        return self.account, self.provider.id, self.recipient.id, self.purpose.code


def decide(
    terms: Terms,
    person: Person,
    policy: Policy,
    *,
    at: datetime,
    guardian: int | None = None,
    zone: str = ZONE,
) -> Decided:
    """Terms with nothing left out; refuses what nobody could validly agree to."""
    if person.is_closed:
        raise AccountClosed(account=person.account)
    refuse_wrong_guardian(person, guardian, day_of(at, zone))
    purpose = policy.purpose(terms.purpose)
    recipient = policy.recipient(purpose, terms.recipient)
    provider = policy.provider(terms.provider)
    begins_at, expires_at = _in_force(terms, person, at, zone)
    from_us, until_us = _acts(terms, begins_at, expires_at, zone)
    return Decided(
        account=person.account,
        provider=provider,
        recipient=recipient,
        purpose=purpose,
        kinds=_named(terms.kinds),
        acts_from_us=from_us,
        acts_to_us=until_us,
        begins_at=begins_at,
        expires_at=expires_at,
        notice=policy.notice(purpose, terms.lang, recipient),
        guardian=guardian,
    )


def refuse_wrong_guardian(person: Person, guardian: int | None, day: date) -> None:
    """Under fourteen the guardian on file agrees; from the fourteenth birthday on, nobody but the person."""
    facts = {"account": person.account, "guardian": guardian, "day": day}
    if not is_under(person.birth_on, AGE, day):
        if guardian is not None:
            step = "Leave the guardian out: the person agrees."
            raise NotTheGuardian(**facts, why=f"it belongs to someone of {AGE} or over", next_step=step)
    elif guardian is None:
        raise GuardianMissing(account=person.account, age=AGE, day=day)
    elif guardian != person.guardian:
        step = "Let the guardian on file agree."
        raise NotTheGuardian(**facts, why="it is not the guardian on file", next_step=step)


def latest_expiry(begins_at: datetime, birth_on: date | None, zone: str = ZONE) -> tuple[datetime, str]:
    """The last moment until which a grant may be in force, and why: twelve months, or the fourteenth birthday."""
    begins = day_of(begins_at, zone)
    local = begins_at.astimezone(first_moment(begins, zone).tzinfo)
    last_day = begins.replace(
        year=begins.year + 1, day=28 if (begins.month, begins.day) == (2, 29) else begins.day
    )
    year = local.replace(year=last_day.year, month=last_day.month, day=last_day.day)
    if is_under(birth_on, AGE, begins):
        assert birth_on is not None
        turns = first_moment(birthday(birth_on, AGE), zone)
        if turns < year:
            return turns, f"a guardian decides until the day on which the person is {AGE}"
    return year, "a grant lasts twelve months at most"


def _in_force(terms: Terms, person: Person, at: datetime, zone: str) -> tuple[datetime, datetime]:
    begins_at = terms.begins_at or at
    latest, why = latest_expiry(begins_at, person.birth_on, zone)
    expires_at = terms.expires_at or latest
    if not at <= begins_at < expires_at <= latest:
        raise BadTerm(at=at, begins=begins_at, expires=expires_at, latest=latest, why=why)
    return begins_at, expires_at


def _acts(terms: Terms, begins_at: datetime, expires_at: datetime, zone: str) -> tuple[int, int]:
    """Acts from the local day on which the grant begins, until it expires, unless the terms say otherwise."""
    from_us = terms.acts_from_us
    until_us = terms.acts_to_us
    if from_us is None:
        from_us = to_us(first_moment(day_of(begins_at, zone), zone))
    if until_us is None:
        until_us = to_us(expires_at)
    if not EARLIEST_US <= from_us < until_us <= LATEST_US:
        raise BadRange(from_=_shown(from_us), until=_shown(until_us))
    return from_us, until_us


def acts_of_days(first: date | None, last: date | None, zone: str = ZONE) -> tuple[int | None, int | None]:
    """The range of acts of whole local days, both included; refuses a year that no record can be of."""
    for day in (first, last):
        if day is not None and day.year not in YEARS:
            # An end that is left out is said as the last that there could be.
            raise BadRange(from_=first or date(YEARS[0], 1, 1), until=last or date(YEARS[-1], 12, 31))
    from_us = day_bounds_us(first, zone)[0] if first else None
    return from_us, day_bounds_us(last, zone)[1] if last else None


def _shown(at_us: int) -> str:
    return moment_of_us(min(max(at_us, EARLIEST_US), LATEST_US))


def moment_of_us(at_us: int) -> str:
    """A moment of microseconds as ISO 8601 text in UTC."""
    return from_us(at_us).isoformat()


def _named(kinds: tuple[str, ...]) -> tuple[str, ...]:
    if not kinds or isinstance(kinds, str):
        raise KindNotNamed(given=kinds)
    for kind in kinds:
        if not _KIND.match(kind):
            raise KindNotNamed(given=kind)
    return tuple(sorted(set(kinds)))
