"""What tests of audits do alike: have everything in the log, and audit the whole of it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from django.db import transaction

from notary.town import AT
from tanpuhui.close.places import Places
from tanpuhui.ledger.invariants import Finding
from tanpuhui.notary.audit import audit
from tanpuhui.notary.enter import enter_all
from tanpuhui.notary.installation import log
from tanpuhui.transparency.log import publish


class Somewhere(Protocol):
    """A town or a village."""

    @property
    def places(self) -> Places: ...


def integrate(at: datetime = AT) -> None:
    """Enter what waits, sign and publish."""
    with transaction.atomic():
        enter_all(log(), at=at)
    publish(log())


def found(somewhere: Somewhere, *seen: str) -> list[Finding]:
    """What a whole audit finds."""
    with transaction.atomic():
        return list(audit(log(), somewhere.places, seen=seen).findings)
