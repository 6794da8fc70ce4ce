"""Serve: answer what a peer asks, whatever carries it: signed both ways."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.db import transaction
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from tanpuhui.federation import findings
from tanpuhui.federation.inbox import last_taken, take
from tanpuhui.federation.key import signing_key, us
from tanpuhui.federation.message import read_json
from tanpuhui.federation.models import Incoming, Peer
from tanpuhui.federation.outbox import last_of
from tanpuhui.federation.peer import is_enabled
from tanpuhui.federation.refusals import BadMessage, NoCommonVersion, NoKey, PeerStopped
from tanpuhui.federation.signature import Answered, Sent, sender_of, sign_answer
from tanpuhui.kit.digest import canonical_json
from tanpuhui.kit.refusal import Refusal

PREFIX = "/api/federation/"
#: Messages that are given back at once.
PAGE = 500
_STATUS = {
    "federation.not_yet": 503,
    "federation.gap": 409,
    "federation.sequence_reused": 409,
    "federation.chain_broken": 409,
    "federation.no_common_version": 409,
    "federation.peer_stopped": 403,
    "federation.not_for_us": 403,
    "federation.signature_missing": 401,
    "federation.signature_invalid": 401,
    "federation.unknown_key": 401,
    "federation.key_not_in_force": 401,
    "federation.clock_off": 401,
    "federation.digest_mismatch": 401,
}
Question = dict[str, list[str]]


def serve(sent: Sent, *, at: datetime) -> Answered:
    """Answer a request. Opens and closes its own transaction; a refusal is an answer."""
    try:
        peer = sender_of(sent, at=at)
        if not is_enabled(peer):
            raise PeerStopped(peer=peer.code)
        status, said = _route(peer, sent, at)
    except Refusal as refusal:
        status, said = _STATUS.get(refusal.code, 422), {"refused": _shown(refusal)}
    return _signed(Answered(status, {}, canonical_json(said), sent), at)


def _route(peer: Peer, sent: Sent, at: datetime) -> tuple[int, dict[str, Any]]:
    parts = urlsplit(sent.url)
    name, asked = parts.path.removeprefix(PREFIX), parse_qs(parts.query)
    if (sent.method, name) == ("POST", "messages"):
        return _message(peer, sent, at)
    if (sent.method, name) == ("POST", "token"):
        return 200, _token(peer, sent, at)
    known: dict[str, Callable[[Peer, Question, datetime], dict[str, Any]]] = {
        "status": _status,
        "messages": _given_back,
        "day": _day,
    }
    if sent.method != "GET" or name not in known:
        raise BadMessage(field="address", problem=f"there is no {sent.method} {name[:60]}.")
    return 200, known[name](peer, asked, at)


def _message(peer: Peer, sent: Sent, at: datetime) -> tuple[int, dict[str, Any]]:
    with transaction.atomic():
        taken = take(peer, sent.content, sent.kept(), at=at)
    if taken.refusal is not None:
        raise taken.refusal
    return 200, taken.answer


def _token(peer: Peer, sent: Sent, at: datetime) -> dict[str, Any]:
    from tanpuhui.federation.link import redeem

    asked = read_json(sent.content)
    if not isinstance(asked, dict):
        raise BadMessage(field="(content)", problem="it is not an object.")
    with transaction.atomic():
        answer = redeem(peer, asked, at=at)
    if isinstance(answer, Refusal):
        raise answer
    return answer


def _status(peer: Peer, asked: Question, at: datetime) -> dict[str, Any]:
    """Both counts, and which version is spoken; what the asker says of itself is compared with what we know."""
    theirs = _numbers(asked, "versions")
    common = sorted(set(theirs) & set(peer.versions))
    if not common:
        ours, given = (", ".join(map(str, some)) for some in (peer.versions, theirs))
        raise NoCommonVersion(ours=ours, peer=peer.code, theirs=given)
    taken, sent = last_taken(peer), last_of(peer)
    counts = _numbers(asked, "counts")
    if len(counts) == 2:
        with transaction.atomic():
            findings.compare(peer, theirs_sent=counts[0], theirs_taken=counts[1], at=at)
    return {
        "platform": us(),
        "versions": peer.versions,
        "version": common[-1],
        "taken": taken.sequence if taken else 0,
        "taken_id": taken.id if taken else "",
        "sent": sent.sequence if sent else 0,
        "sent_id": sent.id if sent else "",
        "now": at.isoformat(timespec="seconds"),
    }


def _given_back(peer: Peer, asked: Question, at: datetime) -> dict[str, Any]:
    """What the asker said to us, as it signed it: it may have lost it."""
    del at
    first = (_numbers(asked, "from") or [1])[0]
    rows = Incoming.objects.filter(peer=peer, sequence__gte=first).order_by("sequence")[:PAGE]
    return {
        "messages": [
            {"content": base64.b64encode(bytes(row.content)).decode(), "signed": row.signed} for row in rows
        ]
    }


def _day(peer: Peer, asked: Question, at: datetime) -> dict[str, Any]:
    from tanpuhui.federation.reconcile import account_of

    del at
    try:
        day = date.fromisoformat(asked.get("day", [""])[0])
    except ValueError:
        raise BadMessage(field="day", problem="it is not a day such as 2026-03-02.") from None
    return account_of(peer, day)


def _numbers(asked: Question, name: str) -> list[int]:
    given = asked.get(name, [""])[0].split(",")
    return [int(one) for one in given if one.isascii() and one.isdecimal() and len(one) < 19]


def _signed(answered: Answered, at: datetime) -> Answered:
    """The answer with our signature, which covers the request's; without one where that is no signature at all."""
    try:
        sign_answer(answered, signing_key(at), at=at)
    except (NoKey, HTTPMessageSignaturesException):
        answered.headers["Content-Type"] = "application/json"
    return answered


def _shown(refusal: Refusal) -> dict[str, Any]:
    kept = refusal.as_json()
    return {"code": kept["code"], "message": kept["message"], "facts": _plain(kept["facts"])}


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value if type(value) in (int, str, bool) else str(value) for name, value in facts.items()}
