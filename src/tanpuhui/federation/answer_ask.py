"""Answer an ask: a city certifies a lot of what a district reported, or refuses with a reason. Once for each ask."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.federation.kinds.asked import read
from tanpuhui.federation.kinds.lot import body_of
from tanpuhui.federation.message import read_message
from tanpuhui.federation.models import Draft, Incoming, Outgoing, Peer
from tanpuhui.federation.outbox import say
from tanpuhui.federation.peer import lock_peer, owner_of
from tanpuhui.federation.refusals import NotYet, UnknownAsk
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.certify import Order
from tanpuhui.registry.certify_reported import Asker, certify_reported
from tanpuhui.registry.models import Lot

LOT, REFUSED = "lot", "lot_refused"


def certify_ask(
    subject: str, *, operator: str, jurisdiction: Jurisdiction, library: Library, at: datetime
) -> Lot:
    """Certify what a district asked for, in the caller's transaction; the same again is answered as before."""
    asked = get_ask(subject)
    lock_peer(asked.peer)
    known = _answered(asked)
    if known is not None:
        if known.get("lot"):
            return Lot.objects.get(pk=known["lot"])
        raise UnknownAsk(ask=subject)
    refuse_unredone(asked.peer)
    said = read(read_message(bytes(asked.content)).body)
    order = Order(
        methodology=said["methodology"],
        version=said["version"],
        vintage=said["vintage"],
        through=said["through"],
        operator=operator,
        verifier=said["verifier"],
        at=at,
    )
    asker = Asker(asked.peer.code, owner_of(asked.peer))
    lot = certify_reported(order, asker, said["tonnes"], jurisdiction=jurisdiction, library=library)
    say(asked.peer, LOT, asked.subject, body_of(lot), at=at)
    return lot


def refuse_ask(subject: str, *, reason: str, at: datetime) -> None:
    """Refuse what a district asked for: what it set aside is its residents' again."""
    asked = get_ask(subject)
    lock_peer(asked.peer)
    known = _answered(asked)
    if known is None:
        say(asked.peer, REFUSED, asked.subject, {"reason": reason[:300]}, at=at)
    elif known.get("lot"):
        raise UnknownAsk(ask=subject)


def get_ask(subject: str) -> Incoming:
    """An ask by the id of its message, or by its subject where nobody else asked under it: a peer chooses that."""
    asked = Incoming.objects.filter(kind="asked", outcome="done").select_related("peer__organisation")
    found = list(asked.filter(pk=subject)) or list(asked.filter(subject=subject)[:2])
    if len(found) != 1:
        raise UnknownAsk(ask=subject)
    return found[0]


def open_asks() -> list[dict[str, Any]]:
    """What districts asked for and we did not answer, the oldest first."""
    rows = Incoming.objects.filter(kind="asked", outcome="done").select_related("peer").order_by("taken_at")
    return [
        {"ask": row.pk, "peer": row.peer.code, **read_message(bytes(row.content)).body}
        for row in rows
        if _answered(row) is None
    ]


def refuse_unredone(peer: Peer) -> None:
    """While lots that we had certified are not in our books again, none is made: it would take their numbers."""
    if Outgoing.objects.filter(recovered=True, redone__isnull=True).exists():
        raise NotYet(reason=f"what {peer.code} gave back to us is not in our books again")


def _answered(asked: Incoming) -> dict[str, Any] | None:
    said = {"peer": asked.peer, "kind__in": (LOT, REFUSED), "subject": asked.subject}
    draft = Draft.objects.filter(**said).first()
    if draft is not None:
        return dict(draft.body)
    sent = Outgoing.objects.filter(**said).first()
    return None if sent is None else dict(read_message(bytes(sent.content)).body)
