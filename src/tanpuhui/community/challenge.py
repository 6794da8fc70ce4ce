"""Challenge: the operator sets days, acts and an aim for the city; people take part of their own will, and leave."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction

from tanpuhui.community.credited import credited_in_all, credited_mg
from tanpuhui.community.goal import share_percent
from tanpuhui.community.models import Challenge, Participant, Tally
from tanpuhui.community.refusals import BadChallenge, ChallengeOver, ChallengeTaken, UnknownChallenge

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,59}\Z")
#: A sum of fewer people is not shown.
FEWEST_IN_A_SUM = 3


@dataclass(frozen=True)
class Terms:
    """What is announced."""

    code: str
    title_zh: str
    title_en: str
    text_zh: str
    text_en: str
    starts_on: date
    ends_on: date
    target_mg: int
    methodologies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """A challenge as one resident sees it: the city's sum when it was last counted, and their own part."""

    challenge: Challenge
    takes_part: bool
    own_mg: int
    tally: Tally | None

    @property
    def share_percent(self) -> int:
        """What of the city's aim is reached, in whole percent, rounded down."""
        return share_percent(self.tally.credited_mg, self.challenge.target_mg) if self.tally else 0

    @property
    def shows_sum(self) -> bool:
        return self.tally is not None and shows_sum(self.tally.participants)

    def is_over(self, today: date) -> bool:
        return today > self.challenge.ends_on

    def is_coming(self, today: date) -> bool:
        return today < self.challenge.starts_on


def shows_sum(participants: int) -> bool:
    """Whether a sum of so many people may be shown."""
    return participants >= FEWEST_IN_A_SUM


def announce(terms: Terms, *, at: datetime) -> Challenge:
    """Announce a challenge. The same again is answered as before; what was announced is never changed."""
    _refuse_bad(terms)
    wanted = {**vars(terms), "methodologies": list(terms.methodologies)}
    try:
        with transaction.atomic():
            return Challenge.objects.create(**wanted, set_at=at)
    except IntegrityError:
        known = get_challenge(terms.code)
        if any(getattr(known, name) != value for name, value in wanted.items()):
            raise ChallengeTaken(challenge=terms.code) from None
        return known


def get_challenge(code: str) -> Challenge:
    """A challenge by code; refuses an unknown one."""
    known = Challenge.objects.filter(code=code).first()
    if known is None:
        raise UnknownChallenge(challenge=code)
    return known


def take_part(account: int, code: str, *, today: date, at: datetime) -> Participant:
    """Take part, of one's own will. Again changes nothing."""
    challenge = get_challenge(code)
    if today > challenge.ends_on:
        raise ChallengeOver(ended_on=challenge.ends_on)
    present = Participant.objects.filter(challenge=challenge, account=account, ended_at__isnull=True)
    try:
        with transaction.atomic():
            return present.first() or Participant.objects.create(
                challenge=challenge, account=account, since=at
            )
    except IntegrityError:
        return present.get()


def step_out(account: int, code: str, *, at: datetime) -> None:
    """Leave a challenge; what one did counts no longer in what is counted from now on. Again changes nothing."""
    challenge = get_challenge(code)
    Participant.objects.filter(challenge=challenge, account=account, ended_at__isnull=True).update(
        ended_at=at
    )


def step_out_of_all(account: int, *, at: datetime) -> int:
    """Leave every challenge, as when an account is closed."""
    return Participant.objects.filter(account=account, ended_at__isnull=True).update(ended_at=at)


def standing(challenge: Challenge, account: int) -> Standing:
    """A challenge as a resident sees it."""
    takes_part = Participant.objects.filter(
        challenge=challenge, account=account, ended_at__isnull=True
    ).exists()
    own_mg = 0
    if takes_part:
        own_mg = _own_mg(challenge, account)
    tally = Tally.objects.filter(challenge=challenge).order_by("-id").first()
    return Standing(challenge, takes_part, own_mg, tally)


def challenges(today: date, *, most: int = 10) -> list[Challenge]:
    """Challenges that run or come, those that end first at the beginning; then those that are over, newest first."""
    found = list(Challenge.objects.order_by("-ends_on", "code")[: 5 * most])
    running = sorted((one for one in found if one.ends_on >= today), key=lambda one: (one.ends_on, one.code))
    return [*running, *(one for one in found if one.ends_on < today)][:most]


def tally(challenge: Challenge, *, at: datetime) -> Tally:
    """Count what everybody who takes part was credited, and keep it; pages read what was counted last."""
    present = Participant.objects.filter(challenge=challenge, ended_at__isnull=True)
    accounts = list(present.values_list("account", flat=True))
    total = credited_in_all(accounts, challenge.starts_on, challenge.ends_on, challenge.methodologies)
    return Tally.objects.create(
        challenge=challenge, participants=len(accounts), credited_mg=total, counted_at=at
    )


def _own_mg(challenge: Challenge, account: int) -> int:
    if not challenge.methodologies:
        return credited_mg(account, challenge.starts_on, challenge.ends_on)
    return credited_in_all([account], challenge.starts_on, challenge.ends_on, challenge.methodologies)


def _refuse_bad(terms: Terms) -> None:
    if not _CODE.match(terms.code):
        raise BadChallenge(
            field="code", given=terms.code, next_step="Use 1 to 60 small letters, digits and hyphens."
        )
    for field in ("title_zh", "title_en", "text_zh", "text_en"):
        given = getattr(terms, field)
        if not given.strip() or (field.startswith("title") and len(given) > 80):
            raise BadChallenge(
                field=field, given=given, next_step="Give some words, and 80 at most for a title."
            )
    if terms.ends_on < terms.starts_on:
        raise BadChallenge(
            field="ends_on", given=terms.ends_on.isoformat(), next_step="Let it end after it begins."
        )
    if terms.target_mg < 1:
        raise BadChallenge(field="target_mg", given=terms.target_mg, next_step="Give an aim of 1 mg or more.")
