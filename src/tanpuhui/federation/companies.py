"""Companies: who has whole tonnes on the other platform, as an organisation of ours whose name people read."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import organise
from tanpuhui.federation.message import text
from tanpuhui.federation.models import Peer
from tanpuhui.federation.peer import holder_of
from tanpuhui.federation.refusals import BadMessage
from tanpuhui.ledger.account import FIRST_ORGANISATION, organisation

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}\Z")


def company_of(peer: Peer, owner: int) -> dict[str, str] | None:
    """A company of ours as a peer may know it; nothing where it is the peer's own company."""
    if owner == holder_of(peer) or owner < FIRST_ORGANISATION:
        return None
    found = Organisation.objects.get(pk=owner - FIRST_ORGANISATION)
    return {"code": found.code, "name_zh": found.name_zh, "name_en": found.name_en}


def owner_here(peer: Peer, said: Any, *, at: datetime) -> int:
    """The number in our ledger of a company of a peer's; made when it is first heard of."""
    if said is None:
        return holder_of(peer)
    if not isinstance(said, dict):
        raise BadMessage(field="company", problem="it is not an object.")
    code = text(said, "code", most=60)
    if not _CODE.match(code):
        raise BadMessage(field="company", problem="its code has other characters than a code has.")
    full = f"{peer.code}-{code}"[:60]
    known = Organisation.objects.filter(code=full).first()
    if known is None:
        known = organise(
            Organisation.COMPANY,
            full,
            name_zh=text(said, "name_zh", most=120),
            name_en=text(said, "name_en", most=120),
            at=at,
        )
    return organisation(known.pk)


def hands_of_city(peer: Peer) -> set[int]:
    """Whose tonnes a city knows of: its own company here, and companies that it told us of."""
    told = Organisation.objects.filter(code__startswith=f"{peer.code}-").values_list("pk", flat=True)
    return {holder_of(peer), *(organisation(number) for number in told)}
