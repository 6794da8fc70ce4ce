"""Ask for a lot: a district decides whose milligrams it would have, sets them aside, and asks its city."""

from __future__ import annotations

from django.db import connection

from tanpuhui.close.places import Places
from tanpuhui.close.post import pending_asset
from tanpuhui.federation.gather import gather_closes
from tanpuhui.federation.models import Ask, Incoming
from tanpuhui.federation.outbox import say
from tanpuhui.federation.peer import city
from tanpuhui.federation.refusals import OpenAsk, UnknownPeer
from tanpuhui.kit.digest import digest_json
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.hold import HoldLine, HoldOrder, hold
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.certify import Order, prepare

REASON = "asked_lot"
ANSWERS = ("lot", "lot_refused")


def ask_lot(order: Order, *, places: Places, jurisdiction: Jurisdiction, library: Library) -> Ask:
    """Ask for whole tonnes, in the caller's transaction. Until the answer they are pending still, and set aside."""
    peer = city()
    if peer is None:
        raise UnknownPeer(peer="with the role city")
    _refuse_open(order)
    prepared = prepare(order, places=places, jurisdiction=jurisdiction, library=library)
    gather_closes(peer, at=order.at)
    number = Ask.objects.filter(methodology=order.key, vintage=order.vintage).count() + 1
    subject = digest_json(
        ["ask", order.key, order.vintage, order.through.isoformat(), number, prepared.shares.tonnes]
    )
    asset = pending_asset(order.key, order.vintage)
    lines = tuple(
        HoldLine(account_id(Kind.RESIDENT_PENDING, account), asset, amount)
        for account, amount in zip(prepared.shares.accounts, prepared.shares.amounts_mg, strict=True)
    )
    held = hold(connection, HoldOrder(f"{REASON}:{subject}", REASON, lines), at=order.at).accepted()
    made = Ask.objects.create(
        peer=peer,
        subject=subject,
        methodology=order.key,
        vintage=order.vintage,
        through=order.through,
        tonnes=prepared.shares.tonnes,
        status=prepared.status,
        manifests=[manifest.digest for manifest in prepared.manifests],
        hold=held,
        at=order.at,
    )
    body = {
        "methodology": order.methodology,
        "version": order.version,
        "vintage": order.vintage,
        "through": order.through.isoformat(),
        "tonnes": prepared.shares.tonnes,
        "operator": order.operator,
        "verifier": order.verifier,
    }
    say(peer, "asked", subject, body, at=order.at)
    return made


def answer_of(ask: Ask) -> Incoming | None:
    """What the city answered."""
    return Incoming.objects.filter(peer=ask.peer, kind__in=ANSWERS, subject=ask.subject).first()


def _refuse_open(order: Order) -> None:
    for ask in Ask.objects.filter(methodology=order.key, vintage=order.vintage):
        if answer_of(ask) is None:
            raise OpenAsk(methodology=order.key, vintage=order.vintage)
