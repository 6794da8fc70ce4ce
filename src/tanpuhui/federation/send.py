"""Send: bring a peer up to date. Counts are compared first: whoever went back is noticed before anything is said."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from tanpuhui.federation import findings
from tanpuhui.federation.ask_peer import ask, put
from tanpuhui.federation.gather import gather
from tanpuhui.federation.inbox import last_taken
from tanpuhui.federation.key import us
from tanpuhui.federation.kinds import kinds
from tanpuhui.federation.message import CHAINED, read_message
from tanpuhui.federation.models import Attempt, Finding, Outgoing, Peer, Receipt, Redone
from tanpuhui.federation.outbox import drafts, last_of, note_attempt, number_drafts, row_of
from tanpuhui.federation.peer import enabled_peers
from tanpuhui.federation.refusals import BadAnswer, Forked, NotYet, Unreachable
from tanpuhui.federation.signature import refuse_forged
from tanpuhui.federation.transport import Transport
from tanpuhui.kit.refusal import Refusal

#: Messages in one round; the rest comes in the next.
AT_ONCE = 200
NEVER = 2**63
#: The wait after the first failure doubles with each one, up to the last.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)


@dataclass
class Sending:
    """What came of a round with one peer."""

    peer: str
    done: int = 0
    refused: int = 0
    recovered: int = 0
    redone: int = 0
    waiting: int = 0
    findings: list[str] = field(default_factory=list)
    why_not: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def send_all(transport: Transport, *, at: datetime) -> list[Sending]:
    """A round with every peer; one that does not answer keeps nobody else waiting."""
    return [send(peer, transport, at=at) for peer in enabled_peers()]


def send(peer: Peer, transport: Transport, *, at: datetime, first: int | None = None) -> Sending:
    """A round with a peer: compare, get back what was lost, say what is new. Opens its own transactions.

    ``first`` says everything again from that number on; what the peer has, it answers as before.
    """
    sending = Sending(peer.code)
    try:
        status = _compared(peer, transport, sending, at)
        sending.recovered = _recover(peer, transport, status, at)
        sending.redone = redo(peer, at=at)
        with transaction.atomic():
            gather(peer, at=at)
            number_drafts(peer, int(status["version"]), most=AT_ONCE)
        start = min(int(status["taken"]) + 1, _first_unanswered(peer)) if first is None else first
        _say_from(peer, transport, start, sending, at)
    except Refusal as refusal:
        sending.why_not = refusal.as_json()
    sending.waiting = drafts(peer).count() + _unanswered(peer).count() + _unredone(peer).count()
    return sending


def is_due(peer: Peer, *, at: datetime) -> bool:
    """Whether it is time again, after failures in a row."""
    tries = list(Attempt.objects.filter(message__peer=peer).order_by("-id").values_list("status", "at")[:12])
    failed = next((number for number, (status, _) in enumerate(tries) if status == 200), len(tries))
    if not failed:
        return True
    wait: timedelta = min(FIRST_WAIT * 2 ** (failed - 1), LONGEST_WAIT)
    return bool(at >= tries[0][1] + wait)


def _compared(peer: Peer, transport: Transport, sending: Sending, at: datetime) -> dict[str, Any]:
    """The peer's counts; what they say of either side having gone back is kept as a finding."""
    sent, taken = last_of(peer), last_taken(peer)
    counts = f"{sent.sequence if sent else 0},{taken.sequence if taken else 0}"
    versions = ",".join(map(str, peer.versions))
    status = ask(peer, transport, "GET", f"status?versions={versions}&counts={counts}", at=at)
    if not all(type(status.get(name)) is int for name in ("taken", "sent", "version")):
        raise BadAnswer(peer=peer.code, reason="its counts are missing")
    if status["version"] not in peer.versions:
        raise BadAnswer(peer=peer.code, reason="it chose a version that we did not offer")
    with transaction.atomic():
        sending.findings = findings.compare(
            peer, theirs_sent=status["sent"], theirs_taken=status["taken"], at=at
        )
    _refuse_fork(peer, status, at)
    return status


def _refuse_fork(peer: Peer, status: dict[str, Any], at: datetime) -> None:
    ours = Outgoing.objects.filter(peer=peer, sequence=status["taken"]).first()
    if ours is None or ours.id == status.get("taken_id"):
        return
    facts = {"sequence": ours.sequence, "ours": ours.id, "theirs": str(status.get("taken_id"))[:71]}
    with transaction.atomic():
        findings.note(peer, Finding.FORKED, facts, at=at)
    raise Forked(peer=peer.code, **facts)


def _recover(peer: Peer, transport: Transport, status: dict[str, Any], at: datetime) -> int:
    """Get back what we said and lost: the peer has it with our own signature."""
    count = 0
    while True:
        last = last_of(peer)
        known = last.sequence if last else 0
        if known >= status["taken"]:
            return count
        said = ask(peer, transport, "GET", f"messages?from={known + 1}", at=at)
        given = said.get("messages")
        if not isinstance(given, list) or not given:
            raise BadAnswer(peer=peer.code, reason="it does not give our messages back")
        with transaction.atomic():
            for one in given:
                _keep_again(peer, one)
        count += len(given)


def _keep_again(peer: Peer, given: Any) -> None:
    try:
        content = base64.b64decode(given["content"], validate=True)
        refuse_forged(given["signed"], content, signer=None)
    except (binascii.Error, KeyError, TypeError, ValueError, Refusal):
        raise BadAnswer(peer=peer.code, reason="what it gave back does not have our signature") from None
    message = read_message(content)
    last = last_of(peer)
    follows = message.sequence == (last.sequence if last else 0) + 1
    joins = message.version < CHAINED or message.previous == (last.id if last else "")
    if (message.sender, message.receiver) != (us(), peer.code) or not follows or not joins:
        raise BadAnswer(peer=peer.code, reason="what it gave back does not follow what we have")
    row_of(peer, message, recovered=True).save(force_insert=True)


def _unanswered(peer: Peer) -> QuerySet[Outgoing]:
    """What has no answer: it was not taken, or it was and the answer got lost: asked again, it is the same."""
    return Outgoing.objects.filter(peer=peer, receipts__isnull=True, recovered=False)


def _first_unanswered(peer: Peer) -> int:
    first = _unanswered(peer).order_by("sequence").first()
    return first.sequence if first else NEVER


def _unredone(peer: Peer) -> QuerySet[Outgoing]:
    return Outgoing.objects.filter(peer=peer, recovered=True, redone__isnull=True)


def redo(peer: Peer, *, at: datetime) -> int:
    """Do again what we had said and lost with our books, in its order; what cannot be done yet waits."""
    count = 0
    for row in list(_unredone(peer).order_by("sequence")):
        message = read_message(bytes(row.content))
        try:
            with transaction.atomic():
                kinds()[message.kind].redo(peer, message, at)
                Redone.objects.create(message=row, at=at)
        except NotYet:
            return count
        count += 1
    return count


def _say_from(peer: Peer, transport: Transport, first: int, sending: Sending, at: datetime) -> None:
    rows = Outgoing.objects.filter(peer=peer, sequence__gte=first).order_by("sequence")[:AT_ONCE]
    for row in list(rows):
        outcome = _say(peer, transport, row, at)
        if outcome == "done":
            sending.done += 1
        else:
            sending.refused += 1


def _say(peer: Peer, transport: Transport, row: Outgoing, at: datetime) -> str:
    """Say one message and keep the answer. A kill between the two says it again, and it is answered as before."""
    try:
        answered, said = put(peer, transport, "POST", "messages", content=bytes(row.content), at=at)
    except (Unreachable, BadAnswer) as refusal:
        with transaction.atomic():
            note_attempt(row, 0, refusal.code, at=at)
        raise
    if (
        answered.status_code != 200
        or said.get("id") != row.id
        or said.get("outcome") not in ("done", "refused")
    ):
        refused = said.get("refused", {})
        code = str(refused.get("code", "federation.bad_answer"))
        with transaction.atomic():
            note_attempt(row, answered.status_code, code, at=at)
        raise BadAnswer(
            peer=peer.code, reason=f"message {row.sequence}: {code}: {refused.get('message', '')}"
        )
    with transaction.atomic():
        note_attempt(row, 200, "", at=at)
        Receipt.objects.create(
            message=row,
            outcome=said["outcome"],
            code=str(said.get("code", ""))[:80],
            content=answered.content,
            signed=answered.kept(),
            at=at,
        )
    return str(said["outcome"])
