"""Outbox: what is to be said to a peer. Verbs write drafts in their transactions; sent ones have numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from tanpuhui.close.installation import zone
from tanpuhui.federation.key import us
from tanpuhui.federation.message import CHAINED, Message
from tanpuhui.federation.models import Attempt, Draft, Outgoing, Peer
from tanpuhui.federation.peer import lock_peer
from tanpuhui.kit.moment import local_day, to_us


def say(peer: Peer, kind: str, subject: str, body: dict[str, Any], *, at: datetime) -> bool:
    """Write a draft, in the caller's transaction: once for a kind and subject. Answers whether it is new."""
    if is_said(peer, kind, subject):
        return False
    _, made = Draft.objects.get_or_create(
        peer=peer,
        kind=kind,
        subject=subject,
        defaults={"day": local_day(to_us(at), zone()), "body": body, "made_at": at},
    )
    return made


def is_said(peer: Peer, kind: str, subject: str) -> bool:
    """Whether it was said already: also when we lost it, and the peer gave it back to us."""
    return Outgoing.objects.filter(peer=peer, kind=kind, subject=subject).exists()


def drafts(peer: Peer) -> QuerySet[Draft]:
    """What waits for a number, the oldest first."""
    said = Outgoing.objects.filter(peer=OuterRef("peer"), kind=OuterRef("kind"), subject=OuterRef("subject"))
    return Draft.objects.filter(~Exists(said), peer=peer).order_by("id")


def number_drafts(peer: Peer, version: int, *, most: int) -> int:
    """Make messages of drafts, in the caller's transaction; only after both sides compared their counts."""
    lock_peer(peer)
    last = last_of(peer)
    sequence, previous = (last.sequence, last.id) if last else (0, "")
    made = []
    for draft in drafts(peer)[:most]:
        sequence += 1
        message = Message(
            version=version,
            sender=us(),
            receiver=peer.code,
            sequence=sequence,
            previous=previous if version >= CHAINED else "",
            kind=draft.kind,
            subject=draft.subject,
            day=draft.day,
            made_at=draft.made_at,
            body=draft.body,
        )
        previous = message.id
        made.append(_row(peer, message))
    Outgoing.objects.bulk_create(made)
    return len(made)


def last_of(peer: Peer) -> Outgoing | None:
    return Outgoing.objects.filter(peer=peer).order_by("-sequence").first()


def acknowledged(peer: Peer) -> int:
    """The highest number that the peer has taken, as it told us."""
    told = Outgoing.objects.filter(peer=peer, receipts__isnull=False).order_by("-sequence").first()
    given_back = Outgoing.objects.filter(peer=peer, recovered=True).order_by("-sequence").first()
    return max(told.sequence if told else 0, given_back.sequence if given_back else 0)


def note_attempt(message: Outgoing, status: int, why_not: str, *, at: datetime) -> None:
    Attempt.objects.create(message=message, status=status, why_not=why_not[:200], at=at)


def row_of(peer: Peer, message: Message, *, recovered: bool = False) -> Outgoing:
    """A message as a row that is not kept yet."""
    return _row(peer, message, recovered=recovered)


def _row(peer: Peer, message: Message, *, recovered: bool = False) -> Outgoing:
    return Outgoing(
        id=message.id,
        peer=peer,
        sequence=message.sequence,
        kind=message.kind,
        subject=message.subject,
        day=message.day,
        content=message.content(),
        made_at=message.made_at,
        recovered=recovered,
    )
