"""Ask: put a signed question to a peer and get its signed answer, or find out why there is none."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tanpuhui.federation.key import signing_key
from tanpuhui.federation.models import Peer
from tanpuhui.federation.refusals import BadAnswer, RefusedByPeer, Unreachable
from tanpuhui.federation.serve import PREFIX
from tanpuhui.federation.signature import Answered, Sent, sign_request, signer_of_answer
from tanpuhui.federation.transport import NoAnswer, Transport
from tanpuhui.kit.refusal import Refusal


def put(
    peer: Peer, transport: Transport, method: str, address: str, *, content: bytes = b"", at: datetime
) -> tuple[Answered, dict[str, Any]]:
    """The answer, whose signature was found right, and what it says; a refusal of the peer's is an answer too."""
    sent = Sent(method, f"{peer.address}{PREFIX}{address}", {}, content)
    sign_request(sent, signing_key(at), at=at)
    try:
        answered = transport(sent)
    except NoAnswer as error:
        raise Unreachable(peer=peer.code, reason=str(error)) from error
    answered.request = sent
    try:
        signer = signer_of_answer(answered, at=at)
    except Refusal as refusal:
        raise BadAnswer(peer=peer.code, reason=f"{refusal.code}, status {answered.status_code}") from refusal
    if signer.pk != peer.pk:
        raise BadAnswer(peer=peer.code, reason="somebody else signed it")
    try:
        said = json.loads(answered.content)
    except (ValueError, RecursionError):
        raise BadAnswer(peer=peer.code, reason="it is not JSON") from None
    if not isinstance(said, dict):
        raise BadAnswer(peer=peer.code, reason="it is not an object")
    return answered, said


def ask(
    peer: Peer, transport: Transport, method: str, address: str, *, content: bytes = b"", at: datetime
) -> dict[str, Any]:
    """What a peer says to a question; refuses with its words where it refused."""
    answered, said = put(peer, transport, method, address, content=content, at=at)
    if answered.status_code != 200:
        refused = said.get("refused", {})
        raise RefusedByPeer(
            peer=peer.code, refusal=refused.get("code", answered.status_code), why=refused.get("message", "")
        )
    return said
