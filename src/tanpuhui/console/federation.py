"""Federation: peers, what was said to them and what they said, and what was noticed. For looking at."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.console import cells
from tanpuhui.console.columns import Col, ColumnList
from tanpuhui.console.lists import choice_filter
from tanpuhui.federation.models import Incoming, Outgoing, Peer
from tanpuhui.federation.outbox import drafts
from tanpuhui.federation.peer import is_enabled
from tanpuhui.federation.reconcile import amount_mg, body_of

_NO_OUTCOME = ""


def outcome(found: Incoming | Outgoing) -> Any:
    """What became of a message: carried out, refused with a code, or not answered yet."""
    name, code = _outcome_of(found)
    if name == _NO_OUTCOME:
        return cells.state("busy", _("waiting"))
    if name == "refused":
        return cells.beside(cells.state("bad", _("refused")), cells.code(code))
    return cells.state("plain", _("done"))


def _outcome_of(found: Incoming | Outgoing) -> tuple[str, str]:
    if isinstance(found, Incoming):
        return found.outcome, found.code
    last = found.receipts.order_by("-id").first()
    if last is None:
        return "done" if found.recovered else _NO_OUTCOME, ""
    return last.outcome, last.code


def amount(found: Incoming | Outgoing) -> Any:
    """How many milligrams a message speaks of."""
    mg = amount_mg(found.kind, body_of(bytes(found.content)))
    return cells.mass(mg) if mg else cells.NOTHING


def said(found: Incoming | Outgoing) -> Any:
    """All that a message says."""
    body = body_of(bytes(found.content))
    return cells.whole(json.dumps(body, ensure_ascii=False, sort_keys=True))


def peer(found: Peer) -> Any:
    return cells.code(found.code)


def peer_choices() -> list[tuple[str, str]]:
    return list(Peer.objects.order_by("code").values_list("code", "code"))


def address(found: Peer) -> Any:
    return cells.code(found.address)


def enabled(found: Peer) -> Any:
    return cells.state("plain", _("yes")) if is_enabled(found) else cells.state("bad", _("no"))


def waiting(found: Peer) -> str:
    """How much is not answered yet."""
    unanswered = found.outgoing.filter(receipts__isnull=True, recovered=False).count()
    return cells.count(unanswered + drafts(found).count())


_PEER_FILTER = choice_filter(_l("peer"), "peer", peer_choices, "peer__code")
_MESSAGE = (
    Col("peer", _l("Peer"), peer, is_sorted=False),
    Col("sequence", _l("Number"), cells.count, is_number=True),
    Col("kind", _l("Kind"), cells.code),
    Col("day", _l("Day"), cells.day),
    Col("content", _l("Amount"), amount, is_number=True, is_sorted=False, is_of_row=True),
)


class PeerList(ColumnList):
    heading = _l("Other platforms")
    says = _l(
        "Whom this installation speaks with, under which contract. 'tanpuhui federation peer' changes it."
    )
    empty = _l("This installation speaks with no other platform.")
    place = "federation-peers"
    search_fields = ("code", "name_zh", "name_en")
    search_help_text = _l("Code or name")
    ordering = ("code",)
    columns: ClassVar = (
        Col("code", _l("Code"), cells.code),
        Col("role", _l("Role"), cells.code),
        Col("url", _l("Address"), address, is_sorted=False, is_of_row=True),
        Col("contract", _l("Contract"), cells.words),
        Col("made_at", _l("Since"), cells.moment),
        Col("versions", _l("Enabled"), enabled, is_sorted=False, is_of_row=True),
        Col("id", _l("Waiting"), waiting, is_number=True, is_sorted=False, is_of_row=True),
    )


class OutgoingList(ColumnList):
    heading = _l("Messages sent")
    says = _l("What was said to other platforms, and what they did with it.")
    empty = _l("Nothing was said to another platform yet.")
    place = "federation-outbox"
    list_filter = (_PEER_FILTER,)
    search_fields = ("=id", "kind", "subject")
    search_help_text = _l("Id, kind or subject")
    ordering = ("-made_at", "-sequence")
    list_select_related = ("peer",)
    columns: ClassVar = (
        *_MESSAGE,
        Col("recovered", _l("Outcome"), outcome, is_sorted=False, is_of_row=True),
        Col("made_at", _l("At"), cells.moment),
        Col("id", _l("Id"), cells.whole, is_detail=True),
        Col("subject", _l("About"), said, is_detail=True, is_of_row=True),
    )


class IncomingList(ColumnList):
    heading = _l("Messages taken")
    says = _l("What other platforms said, each once, and what was done with it.")
    empty = _l("No other platform said anything yet.")
    place = "federation-inbox"
    list_filter = (_PEER_FILTER,)
    search_fields = ("=id", "kind", "subject")
    search_help_text = _l("Id, kind or subject")
    ordering = ("-taken_at", "-sequence")
    list_select_related = ("peer",)
    columns: ClassVar = (
        *_MESSAGE,
        Col("outcome", _l("Outcome"), outcome, is_sorted=False, is_of_row=True),
        Col("taken_at", _l("At"), cells.moment),
        Col("id", _l("Id"), cells.whole, is_detail=True),
        Col("subject", _l("About"), said, is_detail=True, is_of_row=True),
    )


class EvidenceList(ColumnList):
    heading = _l("Evidence against platforms")
    says = _l(
        "What another platform signed and must not have: two messages under one number, a chain that breaks."
    )
    empty = _l("Nothing of that kind was ever sent here.")
    place = "federation-evidence"
    list_filter = (_PEER_FILTER,)
    search_fields = ("message", "code")
    search_help_text = _l("Id or code")
    ordering = ("-id",)
    list_select_related = ("peer",)
    columns: ClassVar = (
        Col("at", _l("At"), cells.moment),
        Col("peer", _l("Peer"), peer, is_sorted=False),
        Col("code", _l("Code"), cells.code),
        Col("sequence", _l("Number"), cells.count, is_number=True),
        Col("message", _l("Id"), cells.code),
    )


class FindingList(ColumnList):
    heading = _l("What was noticed")
    says = _l("When counts were compared: that one side had gone back to a backup, or that the two differ.")
    empty = _l("Both sides always had the same counts.")
    place = "federation-findings"
    list_filter = (_PEER_FILTER,)
    ordering = ("-id",)
    list_select_related = ("peer",)
    columns: ClassVar = (
        Col("at", _l("At"), cells.moment),
        Col("peer", _l("Peer"), peer, is_sorted=False),
        Col("what", _l("What"), cells.code),
        Col("facts", _l("Facts"), cells.code, is_sorted=False),
    )
