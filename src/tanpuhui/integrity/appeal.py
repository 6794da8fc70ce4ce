"""Appeal: a person asks that the end of one of their acts be looked at again. One is open at a time for each act."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction

from tanpuhui.integrity.models import Appeal, AppealWords
from tanpuhui.integrity.refusals import (
    AlreadyAppealed,
    NoMoreAppeals,
    TooManyOpen,
    WordsMissing,
    WordsTooLong,
    WordsUnreadable,
)

MOST_CHARACTERS = 2_000
#: Appeals against one act, one after the other, and open ones of one account at a time.
MOST_ROUNDS, MOST_OPEN = 3, 20


@dataclass(frozen=True)
class Against:
    """The end of an act, as the close that stands has it: the caller has looked up that it is this account's."""

    account: int
    record_id: int
    day: date
    outcome: str
    manifest: str


def appeal(against: Against, words: str, *, at: datetime) -> Appeal:
    """File an appeal. While one against the same act waits for its answer, another is refused."""
    said = readable(words)
    before = list(
        Appeal.objects.filter(account=against.account, record_id=against.record_id)
        .select_related("answer")
        .order_by("round")
    )
    if before and not hasattr(before[-1], "answer"):
        raise AlreadyAppealed(asked_at=before[-1].asked_at)
    if len(before) >= MOST_ROUNDS:
        raise NoMoreAppeals(most=MOST_ROUNDS)
    count = Appeal.objects.filter(account=against.account, answer__isnull=True).count()
    if count >= MOST_OPEN:
        raise TooManyOpen(count=count)
    try:
        with transaction.atomic():
            made = Appeal.objects.create(
                account=against.account,
                record_id=against.record_id,
                day=against.day,
                outcome=against.outcome,
                manifest=against.manifest,
                round=len(before) + 1,
                asked_at=at,
            )
    except IntegrityError:
        raise AlreadyAppealed(asked_at=at) from None
    AppealWords.objects.create(appeal=made, words=said)
    return made


def readable(words: str) -> str:
    """A person's words as they are kept: without blanks around them, some, and not too many."""
    said = words.strip()
    if not said:
        raise WordsMissing
    if len(said) > MOST_CHARACTERS:
        raise WordsTooLong(length=len(said), most=MOST_CHARACTERS)
    if any(ord(character) < 32 and character not in "\n\r\t" for character in said):
        raise WordsUnreadable
    return said
