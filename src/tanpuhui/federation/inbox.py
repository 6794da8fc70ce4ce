"""Inbox: take a message once. The same again gets the same answer; another one under its number is kept as evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from tanpuhui.federation.key import us
from tanpuhui.federation.kinds import kinds
from tanpuhui.federation.message import CHAINED, Message, read_message
from tanpuhui.federation.models import Evidence, Incoming, Peer
from tanpuhui.federation.peer import lock_peer
from tanpuhui.federation.refusals import (
    BadMessage,
    ChainBroken,
    Gap,
    NoCommonVersion,
    NotForUs,
    NotYet,
    SequenceReused,
)
from tanpuhui.kit.refusal import Refusal

DONE, REFUSED = "done", "refused"


@dataclass(frozen=True)
class Taken:
    """What became of a message: our answer, or a refusal that was kept as evidence."""

    answer: dict[str, Any]
    refusal: Refusal | None = None


def take(peer: Peer, content: bytes, signed: dict[str, Any], *, at: datetime) -> Taken:
    """Take a message of a peer, in the caller's transaction, which must commit: evidence is kept too.

    A gap, and what cannot be carried out yet, is refused and nothing is kept: it is sent again.
    """
    message = read_message(content)
    _refuse_misdirected(peer, message)
    lock_peer(peer)
    known = Incoming.objects.filter(peer=peer, sequence=message.sequence).first()
    if known is not None and known.id == message.id:
        return Taken({**known.answer, "again": True})
    refusal = _reused(peer, message, known) or _broken(peer, message)
    if refusal is not None:
        _keep(peer, message, refusal, signed, at)
        return Taken({}, refusal)
    return Taken(_carry_out(peer, message, signed, at))


def last_taken(peer: Peer) -> Incoming | None:
    return Incoming.objects.filter(peer=peer).order_by("-sequence").first()


def _refuse_misdirected(peer: Peer, message: Message) -> None:
    if (message.sender, message.receiver) != (peer.code, us()):
        raise NotForUs(sender=message.sender, receiver=message.receiver, peer=peer.code, us=us())
    if message.version not in peer.versions:
        ours = ", ".join(map(str, peer.versions))
        raise NoCommonVersion(ours=ours, peer=peer.code, theirs=message.version)


def _reused(peer: Peer, message: Message, known: Incoming | None) -> Refusal | None:
    if known is None:
        return None
    return SequenceReused(sequence=message.sequence, peer=peer.code, known=known.id)


def _broken(peer: Peer, message: Message) -> Refusal | None:
    """Refuses a gap; answers a message that follows another one than we have."""
    last = last_taken(peer)
    expected = last.sequence + 1 if last else 1
    if message.sequence != expected:
        raise Gap(sequence=message.sequence, peer=peer.code, expected=expected)
    if message.version < CHAINED or message.previous == (last.id if last else ""):
        return None
    known = last.id if last else "nothing"
    return ChainBroken(
        sequence=message.sequence, peer=peer.code, previous=message.previous or "nothing", known=known
    )


def _keep(peer: Peer, message: Message, refusal: Refusal, signed: dict[str, Any], at: datetime) -> None:
    Evidence.objects.get_or_create(
        peer=peer,
        code=refusal.code,
        message=message.id,
        defaults={
            "sequence": message.sequence,
            "content": message.content(),
            "signed": signed,
            "at": at,
        },
    )


def _carry_out(peer: Peer, message: Message, signed: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Do what the message says, or find why not: both are an answer, and stay one."""
    outcome, code, facts = DONE, "", {}
    try:
        with transaction.atomic():
            facts = _kind_of(peer, message).apply(peer, message, at)
            judge()
    except NotYet:
        raise
    except Refusal as refusal:
        outcome, code, facts = REFUSED, refusal.code, {"message": str(refusal), **_plain(refusal)}
    answer = {
        "id": message.id,
        "sequence": message.sequence,
        "outcome": outcome,
        "code": code,
        "facts": facts,
    }
    Incoming.objects.create(
        id=message.id,
        peer=peer,
        sequence=message.sequence,
        kind=message.kind,
        subject=message.subject,
        day=message.day,
        content=message.content(),
        signed=signed,
        outcome=outcome,
        code=code,
        answer=answer,
        taken_at=at,
    )
    return answer


def _kind_of(peer: Peer, message: Message) -> Any:
    kind = kinds().get(message.kind)
    if kind is None or peer.role not in kind.roles:
        raise BadMessage(field="kind", problem=f"a {peer.role} does not say {message.kind!r}.")
    return kind


def judge() -> None:
    """Let the database judge now what it would judge at the commit: a message that it refuses is not taken."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _plain(refusal: Refusal) -> dict[str, Any]:
    return {str(key): value for key, value in refusal.as_json()["facts"].items()}
