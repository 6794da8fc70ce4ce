"""Inbox: batches that arrived over the network: durable before they are answered, taken into the lake afterwards.

An upload is a synced file first; one transaction then spends the request's nonce, keeps the batch with its signed
inbox receipt, and queues it. Whatever is killed when, a batch that was answered is in the queue or taken, and one
that was not answered may be sent again under its key.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection as database
from django.db.models import Exists, OuterRef

from tanpuhui.evidence import receipt as receipts
from tanpuhui.evidence.models import InboxBatch, InboxWaiting
from tanpuhui.evidence.provider_key import Key
from tanpuhui.evidence.request import KeyOfOtherBody, NonceUsed
from tanpuhui.evidence.upload import Upload
from tanpuhui.kit.crash import crash_point
from tanpuhui.kit.refusal import Refusal

TYPE = "evidence-inbox-receipt+jwt"

#: What one provider may have waiting before it is asked to wait itself.
MOST_WAITING = 20_000
MOST_WAITING_BYTES = 20 * 1024**3
#: A file of the inbox that nothing refers to is an upload under way until it is as old as this.
ABANDONED_S = 24 * 3600


class InboxFull(Refusal):
    code = "api.inbox_full"
    message = (
        "{waiting} of your batches ({bytes} bytes) wait to be taken, and no more are accepted until some are. "
        "Wait {retry_after_s} seconds, then send this batch again under the same key."
    )


@dataclass(frozen=True)
class Arrival:
    """What is known of a batch before it is admitted: whose, under which key, called what, signed by whom."""

    provider: str
    key: str
    stem: str
    signed_by: Key
    nonce: str
    at: datetime


@dataclass(frozen=True)
class Admitted:
    """A batch of the inbox; ``again`` says that it was there before this request."""

    batch: int
    digest: str
    receipt: str
    again: bool

    def as_json(self) -> dict[str, Any]:
        """The inbox receipt's content, and its signed form as ``inbox_receipt``."""
        return {**receipts.content_of(self.receipt), "inbox_receipt": self.receipt}


def admit(upload: Upload, arrival: Arrival) -> Admitted:
    """Keep an upload as a batch that waits to be taken, inside the caller's transaction.

    The same content under the same key again is the batch that is there already, whatever became of it. Refuses
    other content under its key, and a nonce that was used.
    """
    assert database.in_atomic_block, "the caller opens the transaction"
    before, batch = _before(arrival.provider, arrival.key)
    if before is None:
        token = receipts.sign(_receipt(batch, upload, arrival), TYPE)
        if _insert(batch, upload, arrival, token):
            crash_point("evidence.inbox.before_commit")
            return Admitted(batch, upload.digest, token, again=False)
        before, _ = _before(arrival.provider, arrival.key)
        assert before is not None, "the key was taken by nobody"
    else:
        _spend(arrival)
    if before.digest != upload.digest:
        raise KeyOfOtherBody(key=arrival.key)
    return before


def _before(provider: str, key: str) -> tuple[Admitted | None, int]:
    """The batch that has this key already, by the network or by file; and the number of the next one."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            SELECT nextval(pg_get_serial_sequence('evidence_batch', 'id')), i.id, i.digest, i.receipt,
                b.id, b.digest, b.receipt ->> 'signature'
            FROM (SELECT %s::varchar AS provider, %s::varchar AS key) asked
            LEFT JOIN evidence_inboxbatch i ON i.provider = asked.provider AND i.key = asked.key
            LEFT JOIN evidence_batch b ON b.provider = asked.provider AND b.key = asked.key
            """,
            [provider, key],
        )
        number, inbox, digest, token, batch, batch_digest, batch_token = cursor.fetchone()
    if inbox is not None:
        return Admitted(inbox, digest, token, again=True), number
    if batch is not None:
        return Admitted(batch, batch_digest, batch_token, again=True), number
    return None, number


def _receipt(batch: int, upload: Upload, arrival: Arrival) -> dict[str, Any]:
    return {
        "batch": batch,
        "provider": arrival.provider,
        "key": arrival.key,
        "digest": upload.digest,
        "size_bytes": upload.size_bytes,
        "received_at": arrival.at.isoformat(),
    }


def _insert(batch: int, upload: Upload, arrival: Arrival, token: str) -> bool:
    """One statement, so that one commit makes all of it durable; false where the key was taken meanwhile."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            WITH spent AS (
                INSERT INTO evidence_usednonce (key_id, nonce, used_at) VALUES (%(key_pk)s, %(nonce)s, %(at)s)
                ON CONFLICT DO NOTHING RETURNING 1
            ), kept AS (
                INSERT INTO evidence_inboxbatch
                    (id, provider, key, digest, media, stem, size_bytes, path, received_at, signed_by, receipt)
                SELECT %(batch)s, %(provider)s, %(key)s, %(digest)s, %(media)s, %(stem)s, %(size_bytes)s, %(path)s,
                    %(at)s, %(signed_by)s, %(token)s
                FROM spent
                ON CONFLICT (provider, key) DO NOTHING RETURNING id
            ), queued AS (
                INSERT INTO evidence_inboxwaiting (batch_id, provider, size_bytes, attempts, not_before)
                SELECT id, %(provider)s, %(size_bytes)s, 0, %(at)s FROM kept
            )
            SELECT (SELECT count(*) FROM spent), (SELECT count(*) FROM kept)
            """,
            {
                "key_pk": arrival.signed_by.pk,
                "nonce": arrival.nonce,
                "at": arrival.at,
                "batch": batch,
                "provider": arrival.provider,
                "key": arrival.key,
                "digest": upload.digest,
                "media": upload.media,
                "stem": arrival.stem,
                "size_bytes": upload.size_bytes,
                "path": upload.path.name,
                "signed_by": arrival.signed_by.key_id,
                "token": token,
            },
        )
        spent, kept = cursor.fetchone()
    if not spent:
        raise NonceUsed(nonce=arrival.nonce)
    return bool(kept)


def _spend(arrival: Arrival) -> None:
    from tanpuhui.evidence.request import spend_nonce

    spend_nonce(arrival.signed_by.pk, arrival.nonce, at=arrival.at)


def refuse_when_full(provider: str, *, retry_after_s: int = 30) -> None:
    """Refuse a further batch while too many of this provider's wait. Looked up at most once a second."""
    known = _backlogs.get(provider)
    now = time.monotonic()
    if known is None or now - known[0] > 1:
        known = _backlogs[provider] = (now, *backlog(provider))
    _, waiting, size_bytes = known
    if waiting >= MOST_WAITING or size_bytes >= MOST_WAITING_BYTES:
        raise InboxFull(waiting=waiting, bytes=size_bytes, retry_after_s=retry_after_s)


_backlogs: dict[str, tuple[float, int, int]] = {}


def backlog(provider: str | None = None) -> tuple[int, int]:
    """How many batches wait, and their bytes; of one provider, or of all."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(size_bytes), 0)::bigint FROM evidence_inboxwaiting "
            "WHERE %s::varchar IS NULL OR provider = %s",
            [provider, provider],
        )
        waiting, size_bytes = cursor.fetchone()
    return int(waiting), int(size_bytes)


def providers_waiting(*, at: datetime) -> list[str]:
    """Providers that have batches to be taken now; whose oldest is the oldest comes first."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT provider FROM evidence_inboxwaiting WHERE not_before <= %s "
            "GROUP BY provider ORDER BY min(batch_id)",
            [at],
        )
        return [provider for (provider,) in cursor.fetchall()]


def sweep_inbox(folder: Path) -> list[Path]:
    """Remove files of the inbox that no waiting batch needs: taken already, or never answered. In a transaction.

    The files are looked at first, and then all rows in one statement: on a slow disk a batch may be admitted and
    answered meanwhile, and its file must not look like that of one that was taken.
    """
    found = sorted(folder.iterdir())
    is_waiting = Exists(InboxWaiting.objects.filter(batch=OuterRef("pk")))
    known = InboxBatch.objects.filter(path__in=[path.name for path in found]).annotate(waits=is_waiting)
    needed = dict(known.values_list("path", "waits"))
    removed = []
    for path in found:
        if needed.get(path.name, not _is_abandoned(path)):
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        removed.append(path)
    return removed


def _is_abandoned(path: Path) -> bool:
    """Whether a file that no row names is too old to be of an upload under way; one that went away meanwhile is not."""
    try:
        return time.time() - path.stat().st_mtime > ABANDONED_S
    except FileNotFoundError:
        return False


def missing_or_changed_in(folder: Path) -> list[str]:
    """Files of waiting batches that are absent or not what was received; a batch taken meanwhile needs none."""
    from tanpuhui.kit.digest import digest_file

    wrong = [
        path
        for path, digest in InboxWaiting.objects.values_list("batch__path", "batch__digest")
        if not (folder / path).is_file() or digest_file(folder / path) != digest
    ]
    waiting = set(InboxWaiting.objects.filter(batch__path__in=wrong).values_list("batch__path", flat=True))
    return [path for path in wrong if path in waiting]
