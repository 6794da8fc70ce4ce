"""Listing: messages, evidence and findings as JSON, the newest first."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from tanpuhui.federation.models import Draft, Evidence, Finding, Incoming, Outgoing
from tanpuhui.federation.outbox import drafts
from tanpuhui.federation.peer import enabled_peers, get_peer
from tanpuhui.federation.reconcile import amount_mg, body_of

MOST = 1_000


def outgoing(peer: str | None = None, *, waiting: bool = False) -> list[dict[str, Any]]:
    """What was said to peers with what they answered, after what waits for a number."""
    peers = [get_peer(peer)] if peer else enabled_peers()
    rows = [_draft(one) for each in peers for one in drafts(each).order_by("-id")[:MOST]]
    sent = _of(Outgoing.objects.select_related("peer").prefetch_related("receipts", "attempts"), peer)
    if waiting:
        sent = sent.filter(receipts__isnull=True, recovered=False)
    return rows + [_sent(row) for row in sent.order_by("-made_at", "-sequence")[:MOST]]


def incoming(peer: str | None = None) -> list[dict[str, Any]]:
    """What peers said and we took, with our answers."""
    rows = _of(Incoming.objects.select_related("peer"), peer).order_by("-taken_at", "-sequence")[:MOST]
    return [
        {
            **_message(row),
            "subject": row.subject,
            "outcome": row.outcome,
            "code": row.code,
            "at": row.taken_at.isoformat(),
        }
        for row in rows
    ]


def kept_evidence(peer: str | None = None) -> list[dict[str, Any]]:
    """What peers signed and must not have."""
    rows = _of(Evidence.objects.select_related("peer"), peer).order_by("-id")[:MOST]
    return [
        {
            "peer": row.peer.code,
            "sequence": row.sequence,
            "id": row.message,
            "kind": "",
            "day": "",
            "amount_mg": 0,
            "outcome": "refused",
            "code": row.code,
            "content": bytes(row.content).decode("utf-8", "replace"),
            "signed": row.signed,
            "at": row.at.isoformat(),
        }
        for row in rows
    ]


def noticed(peer: str | None = None) -> list[dict[str, Any]]:
    """What was noticed when counts were compared."""
    rows = _of(Finding.objects.select_related("peer"), peer).order_by("-id")[:MOST]
    return [
        {"peer": row.peer.code, "what": row.what, "facts": row.facts, "at": row.at.isoformat()}
        for row in rows
    ]


def _of(rows: QuerySet[Any], peer: str | None) -> QuerySet[Any]:
    return rows if peer is None else rows.filter(peer=get_peer(peer))


def _draft(row: Draft) -> dict[str, Any]:
    return {
        "peer": row.peer.code,
        "sequence": 0,
        "id": "",
        "kind": row.kind,
        "day": row.day.isoformat(),
        "amount_mg": amount_mg(row.kind, row.body),
        "subject": row.subject,
        "outcome": "waiting",
        "code": "",
        "at": row.made_at.isoformat(),
    }


def _sent(row: Outgoing) -> dict[str, Any]:
    receipts = sorted(row.receipts.all(), key=lambda one: one.pk)
    attempts = sorted(row.attempts.all(), key=lambda one: one.pk)
    last = receipts[-1] if receipts else None
    return {
        **_message(row),
        "subject": row.subject,
        "outcome": last.outcome if last else "done" if row.recovered else "waiting",
        "code": last.code if last else attempts[-1].why_not if attempts else "",
        "attempts": len(attempts),
        "recovered": row.recovered,
        "at": row.made_at.isoformat(),
    }


def _message(row: Outgoing | Incoming) -> dict[str, Any]:
    return {
        "peer": row.peer.code,
        "sequence": row.sequence,
        "id": row.id,
        "kind": row.kind,
        "day": row.day.isoformat(),
        "amount_mg": amount_mg(row.kind, body_of(bytes(row.content))),
    }
