"""Recognise: a neighbour offers tonnes that it locked at home; our rule recognises them, or refuses and says why."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from django.db import transaction

from tanpuhui.close.installation import jurisdiction
from tanpuhui.federation.gather import today
from tanpuhui.federation.kinds import Kind
from tanpuhui.federation.kinds.reductions import methodology_said, status_said
from tanpuhui.federation.message import Message, day_of, text, whole
from tanpuhui.federation.models import Peer
from tanpuhui.federation.outbox import say
from tanpuhui.federation.recognition import Claim, recognise
from tanpuhui.federation.refusals import BadMessage, NotYet
from tanpuhui.kit.refusal import Refusal
from tanpuhui.methodology.load import load_library
from tanpuhui.registry.models import Lot

OPERATOR = "TANPUHUI_OPERATOR"


def claim_of(body: dict[str, Any]) -> Claim:
    """The fields of such a message, each looked at."""
    first = whole(body, "first", least=1)
    return Claim(
        home=text(body, "home", most=40),
        lot=text(body, "lot", most=60),
        first=first,
        last=whole(body, "last", least=first),
        methodology=methodology_said(body),
        digest=text(body, "digest", most=71),
        status=status_said(body),
        vintage=whole(body, "vintage", least=1990, most=2200),
        through=day_of(body, "through"),
        verifier=text(body, "verifier"),
    )


def _apply(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    """Both answers are messages: the home city unlocks what was refused."""
    claim = claim_of(message.body)
    if (claim.home, claim.subject) != (peer.code, message.subject):
        raise BadMessage(
            field="home", problem="it is not the home of who says it, or the subject is another one."
        )
    if message.day > today(at):
        raise NotYet(reason=f"its day, {message.day}, has not begun here")
    rules = jurisdiction()
    try:
        with transaction.atomic():
            made = recognise(
                peer,
                claim,
                message=message.id,
                on=message.day,
                operator=os.environ.get(OPERATOR) or f"registry of {rules.code}",
                jurisdiction=rules,
                library=load_library(),
                at=at,
            )
    except Refusal as refusal:
        refused = {"code": refusal.code, "reason": str(refusal)[:300]}
        say(peer, "recognition_refused", message.subject, refused, at=at)
        return {"refused": refusal.code}
    lot = Lot.objects.get(pk=made.here)
    body = {
        "here": lot.code,
        "serial_first": lot.serial_first,
        "tonnes": made.tonnes,
        "percent": made.rule["conversion_percent"],
    }
    say(peer, "recognised", message.subject, body, at=at)
    return {"here": lot.code, "tonnes": made.tonnes}


KIND = Kind("recognise", (Peer.NEIGHBOUR,), _apply)
