"""Links: with which other platforms somebody joined their account, as a section of the record of their account."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.federation.link import links_of


def links(account: int, *, at: datetime) -> list[dict[str, Any]]:
    """Every link that was made by a moment, the newest first, with its pseudonym and how it ended."""
    found = []
    for link in links_of(account):
        if link.at > at:
            continue
        end = getattr(link, "end", None)
        found.append(
            {
                "platform": link.peer.code,
                "name_zh": link.peer.name_zh,
                "name_en": link.peer.name_en,
                "pseudonym": link.pseudonym,
                "linked_at": link.at.isoformat(),
                "ended_at": end.at.isoformat() if end else None,
                "ended_there": end.by_peer if end else None,
            }
        )
    return found
