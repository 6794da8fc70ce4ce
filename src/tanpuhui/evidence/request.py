"""Request: what is remembered of signed requests: nonces used, requests counted, answers given once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database

from tanpuhui.evidence.models import IdempotentAnswer, RequestCount, UsedNonce
from tanpuhui.kit.refusal import Refusal

#: A signature is refused by the clock alone long before its nonce is forgotten.
NONCES_KEPT = timedelta(hours=1)
_COUNTS_KEPT_MINUTES = 10


class NonceUsed(Refusal):
    code = "api.nonce_used"
    message = (
        "This signature was used before (nonce {nonce}). Sign every request anew, with a nonce of its own."
    )


class KeyOfOtherBody(Refusal):
    code = "api.key_of_other_body"
    message = (
        "The idempotency key {key} was used before for other content. "
        "Send new content under a new key; repeat a request with exactly what was sent."
    )


class StillInFlight(Refusal):
    code = "api.still_in_flight"
    message = (
        "A request with the idempotency key {key} is being answered just now. "
        "Wait some seconds, then repeat it to get its answer."
    )


@dataclass(frozen=True)
class Answer:
    """A status and a JSON document."""

    status: int
    content: dict[str, Any]


def spend_nonce(key_pk: int, nonce: str, *, at: datetime) -> None:
    """Use a nonce up; refuses one that this key used before, also at the same time in another transaction."""
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO evidence_usednonce (key_id, nonce, used_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [key_pk, nonce, at],
        )
        if cursor.rowcount != 1:
            raise NonceUsed(nonce=nonce)


def forget(*, at: datetime) -> int:
    """Delete nonces and counts that decide nothing any more; answers how many."""
    nonces, _ = UsedNonce.objects.filter(used_at__lt=at - NONCES_KEPT).delete()
    last = minute_of(at) - _COUNTS_KEPT_MINUTES
    counts, _ = RequestCount.objects.filter(minute__lt=last).delete()
    return nonces + counts


def count_request(*subjects: str, at: datetime) -> dict[str, int]:
    """Count one more request of keys or addresses; answers how many each made in this minute."""
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO evidence_requestcount AS c (subject, minute, count) "
            "SELECT subject, %s, 1 FROM unnest(%s::varchar[]) subject ORDER BY subject "
            "ON CONFLICT (subject, minute) DO UPDATE SET count = c.count + 1 RETURNING subject, count",
            [minute_of(at), list(subjects)],
        )
        return dict(cursor.fetchall())


def requests_of(subject: str, *, at: datetime) -> int:
    """How many requests of a key or an address were counted in this minute."""
    found = RequestCount.objects.filter(subject=subject, minute=minute_of(at)).values_list("count", flat=True)
    return found.first() or 0


def minute_of(at: datetime) -> int:
    """The number of the minute since 1970."""
    return int(at.timestamp()) // 60


def claim(provider: str, operation: str, key: str) -> None:
    """Be the only one who answers this request until the transaction ends; refuses where another does.

    The claim is a lock of the transaction: whatever kills the server also ends it.
    """
    assert database.in_atomic_block, "the caller opens the transaction"
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 2))", [f"{provider}|{operation}|{key}"]
        )
        if not cursor.fetchone()[0]:
            raise StillInFlight(key=key)


def answered(provider: str, operation: str, key: str, *, digest: str) -> Answer | None:
    """What this request was answered before, if it was; refuses other content under its key."""
    before = IdempotentAnswer.objects.filter(provider=provider, operation=operation, key=key).first()
    if before is None:
        return None
    if before.digest != digest:
        raise KeyOfOtherBody(key=key)
    return Answer(before.status, before.answer)


def remember(provider: str, operation: str, key: str, *, digest: str, answer: Answer, at: datetime) -> Answer:
    """Keep an answer for good, in the transaction that did what it says."""
    IdempotentAnswer.objects.create(
        provider=provider,
        operation=operation,
        key=key,
        digest=digest,
        status=answer.status,
        answer=answer.content,
        made_at=at,
    )
    return answer
