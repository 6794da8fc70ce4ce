"""Reconcile: both sides count a day's messages and what their books say of each other; every difference has a name."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from tanpuhui.close.models import Manifest
from tanpuhui.federation.ask_peer import ask
from tanpuhui.federation.companies import hands_of_city
from tanpuhui.federation.kinds.recognised import KIND as RECOGNISED
from tanpuhui.federation.models import Draft, Incoming, Outgoing, Peer, Recognition
from tanpuhui.federation.peer import owner_of
from tanpuhui.federation.transport import Transport
from tanpuhui.kit.digest import digest_bytes
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import FIRST_ORGANISATION, KIND_BITS, Kind
from tanpuhui.ledger.asset import lot_code
from tanpuhui.registry.models import Block, FarLot
from tanpuhui.registry.ranges import hands_of
from tanpuhui.registry.report import standing_reports

Report = dict[str, Any]


def reconcile(peer: Peer, day: date, transport: Transport, *, at: datetime) -> Report:
    """Compare one day with a peer. ``agrees`` is true when nothing is missing, refused or different."""
    ours = account_of(peer, day)
    theirs = ask(peer, transport, "GET", f"day?day={day.isoformat()}", at=at)
    differences = [
        *_messages("there", ours["sent"], theirs.get("taken", [])),
        *_messages("here", theirs.get("sent", []), ours["taken"]),
        *_unsaid(peer, day),
        *_standing(ours["standing"], theirs.get("standing", {})),
    ]
    return {
        "peer": peer.code,
        "day": day.isoformat(),
        "agrees": not differences,
        "differences": differences,
        "sent": _totals(ours["sent"]),
        "taken": _totals(ours["taken"]),
        "standing": ours["standing"],
    }


def account_of(peer: Peer, day: date) -> Report:
    """What we said and took on a day, message by message, and what our books say of what both of us have."""
    return {
        "day": day.isoformat(),
        "sent": [_row(row) for row in Outgoing.objects.filter(peer=peer, day=day).order_by("sequence")],
        "taken": [_row(row) for row in Incoming.objects.filter(peer=peer, day=day).order_by("sequence")],
        "standing": standing(peer),
    }


def standing(peer: Peer) -> dict[str, int]:
    """What was reported by methodology and vintage, and of each lot where its tonnes are: the same on both sides."""
    if peer.role == Peer.NEIGHBOUR:
        return _recognised(peer)
    reported = _said_closes(peer) if peer.role == Peer.CITY else _reported(peer)
    home = FarLot.ELSEWHERE if peer.role == Peer.CITY else FarLot.REPORTED
    lots = FarLot.objects.filter(home=home, party=peer.code).values_list("lot_id", flat=True)
    for lot in lots:
        reported |= _of_lot(lot, peer)
    return {name: value for name, value in sorted(reported.items()) if value}


def _row(row: Outgoing | Incoming) -> Report:
    """A message by what is in it now: a content that was altered has another digest than its id."""
    content = bytes(row.content)
    outcome = row.outcome if isinstance(row, Incoming) else ""
    return {
        "sequence": row.sequence,
        "id": digest_bytes(content),
        "kept_as": row.id,
        "kind": row.kind,
        "subject": row.subject,
        "amount_mg": amount_mg(row.kind, body_of(content)),
        "outcome": outcome,
        "code": row.code if isinstance(row, Incoming) else "",
    }


def amount_mg(kind: str, body: dict[str, Any]) -> int:
    """How many milligrams a message speaks of."""
    if kind == "reductions":
        return int(body.get("credited_mg", 0))
    if kind == "clawed_back":
        return int(body.get("amount_mg", 0))
    if kind in ("lot", "asked", RECOGNISED.name):
        return int(body.get("tonnes", 0)) * TONNE_MG
    if kind in ("delivered", "moved", "recognise"):
        return (int(body.get("last", 0)) - int(body.get("first", 1)) + 1) * TONNE_MG
    return 0


def body_of(content: bytes) -> dict[str, Any]:
    """What a message says, or nothing where its content was destroyed."""
    try:
        body = json.loads(content)["body"]
    except (ValueError, KeyError, TypeError):
        return {}
    return body if isinstance(body, dict) else {}


def _totals(rows: list[Report]) -> Report:
    totals: dict[str, dict[str, int]] = {}
    for row in rows:
        total = totals.setdefault(row["kind"], {"count": 0, "amount_mg": 0})
        total["count"] += 1
        total["amount_mg"] += row["amount_mg"]
    return totals


def _messages(where: str, sent: list[Report], taken: list[Report]) -> list[Report]:
    """What one side said and the other does not have, has otherwise, or refused. ``where`` is where it is not right."""
    found = []
    at_other = {row["sequence"]: row for row in taken}
    for row in sent:
        other = at_other.pop(row["sequence"], None)
        if other is None:
            found.append(_named(f"missing_{where}", row))
        elif row["id"] != other["id"] or row["id"] != row["kept_as"] or other["id"] != other["kept_as"]:
            found.append(_named("differs", row, other=other["id"]))
        elif other["outcome"] == "refused":
            found.append(_named(f"refused_{where}", row, code=other["code"]))
    found += [_named("unknown_to_its_sender", row) for row in at_other.values()]
    return found


def _named(what: str, row: Report, **more: Any) -> Report:
    named = {name: row[name] for name in ("sequence", "id", "kind", "subject", "amount_mg")}
    return {"what": what, **named, **more}


def _unsaid(peer: Peer, day: date) -> list[Report]:
    """Drafts of the day that have no number yet."""
    from tanpuhui.federation.outbox import drafts

    return [
        {
            "what": "not_sent",
            "sequence": 0,
            "id": "",
            "kind": one.kind,
            "subject": one.subject,
            "amount_mg": amount_mg(one.kind, one.body),
        }
        for one in drafts(peer).filter(day=day)
    ]


def _standing(ours: dict[str, int], theirs: dict[str, int]) -> list[Report]:
    return [
        {"what": "standing", "name": name, "here": ours.get(name, 0), "there": theirs.get(name, 0)}
        for name in sorted({*ours, *theirs})
        if ours.get(name, 0) != theirs.get(name, 0)
    ]


def _said_closes(peer: Peer) -> dict[str, int]:
    """A district's closes that stand, by the lines that it said; a close of which nothing was said stands alone."""
    said = {row.subject: row.body for row in Draft.objects.filter(peer=peer, kind="reductions")}
    for row in Outgoing.objects.filter(peer=peer, kind="reductions").exclude(subject__in=said):
        said[row.subject] = body_of(bytes(row.content))
    sums: dict[str, int] = {}
    for manifest in Manifest.objects.order_by("day", "-sequence").distinct("day"):
        body = said.get(manifest.digest)
        if body is None:
            name = f"reported:unsaid:{manifest.day}"
            sums[name] = sums.get(name, 0) + manifest.credited_mg
            continue
        _add(sums, body["lines"], manifest.day.year)
    return sums


def _reported(peer: Peer) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in standing_reports(owner_of(peer)):
        _add(sums, row.lines, row.day.year)
    return sums


def _add(sums: dict[str, int], lines: list[dict[str, Any]], vintage: int) -> None:
    for line in lines:
        name = f"reported:{line['methodology']}:{vintage}"
        sums[name] = sums.get(name, 0) + line["credited_mg"] - line["below_mg"]


def _of_lot(lot: str, peer: Peer) -> dict[str, int]:
    """Tonnes of a lot by state, and milligrams that were clawed back.

    Locked ones are still somebody's. What a district's pool holds is open until the city's company has it.
    """
    sums: dict[str, int] = {}
    at_city = hands_of_city(peer) if peer.role == Peer.CITY else None
    for block in Block.objects.filter(lot=lot, closed_at__isnull=True):
        state = block.state
        if state in (Block.HELD, Block.LOCKED):
            state = Block.HELD if at_city is None or block.owner in at_city else Block.OPEN
        name = f"lot:{lot}:{state}_t"
        sums[name] = sums.get(name, 0) + block.tonnes
    sums[f"lot:{lot}:clawed_back_mg"] = _clawed_back_mg(lot)
    return sums


def _clawed_back_mg(lot: str) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(b.available), 0) FROM ledger_balance b JOIN ledger_asset a ON a.id = b.asset_id "
            "WHERE a.code = %s AND b.account_id & 15 = %s AND b.account_id >> %s < %s AND b.account_id >> %s > 0",
            [lot_code(lot), int(Kind.CANCELLED), KIND_BITS, FIRST_ORGANISATION, KIND_BITS],
        )
        return int(cursor.fetchone()[0])


def _recognised(peer: Peer) -> dict[str, int]:
    """Tonnes at home that the other counts as its own, in both directions."""
    sums = {
        f"recognised:{peer.code}:{one.lot}:{one.first}-{one.last}": one.last - one.first + 1
        for one in Recognition.objects.filter(peer=peer)
    }
    for row in Incoming.objects.filter(peer=peer, kind=RECOGNISED.name, outcome="done"):
        # What is not locked here any more, of an annulled lot for one, still counts there: that is a difference.
        lot, _, numbers = row.subject.partition(":")[2].rpartition(":")
        first, _, last = numbers.partition("-")
        locked = [
            piece.tonnes
            for piece, block in hands_of(lot, int(first), int(last))
            if block.state == Block.LOCKED
        ]
        sums[f"recognised:{row.subject}"] = sum(locked)
    return sums
