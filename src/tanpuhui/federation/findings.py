"""Findings: what two platforms notice when they compare counts: that one went back, or that they differ."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.federation.inbox import last_taken
from tanpuhui.federation.models import Finding, Peer
from tanpuhui.federation.outbox import acknowledged, last_of


def compare(peer: Peer, *, theirs_sent: int, theirs_taken: int, at: datetime) -> list[str]:
    """What a peer's own counts say against ours; new findings are kept. Answers their names."""
    taken, sent, told = last_taken(peer), last_of(peer), acknowledged(peer)
    ours_taken, ours_sent = taken.sequence if taken else 0, sent.sequence if sent else 0
    found = []
    if theirs_taken < told or theirs_sent < ours_taken:
        facts = {
            "it_took": theirs_taken,
            "it_had_taken": told,
            "it_sent": theirs_sent,
            "we_took": ours_taken,
        }
        found.append(note(peer, Finding.PEER_ROLLED_BACK, facts, at=at))
    if theirs_taken > ours_sent:
        facts = {"it_took": theirs_taken, "we_sent": ours_sent}
        found.append(note(peer, Finding.WE_ROLLED_BACK, facts, at=at))
    return found


def note(peer: Peer, what: str, facts: dict[str, Any], *, at: datetime) -> str:
    """Keep a finding, once for its facts in a row."""
    last = Finding.objects.filter(peer=peer, what=what).order_by("-id").first()
    if last is None or last.facts != facts:
        Finding.objects.create(peer=peer, what=what, facts=facts, at=at)
    return what
