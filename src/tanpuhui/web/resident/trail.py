"""Trail: who saw or did what with an account, in words that its holder understands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from tanpuhui.access.models import AuditEntry, Membership
from tanpuhui.copies.parties import party_names


@dataclass(frozen=True)
class Look:
    """One line of the trail."""

    at: datetime
    who: str
    role: str
    what: str
    reason: str
    is_other: bool


def trail(entries: Sequence[AuditEntry], reader: object) -> list[Look]:
    """Entries as lines; ``reader`` is the user who reads them. Three queries, however many there are."""
    codes = {one.facts.get("provider") for one in entries} | {one.facts.get("recipient") for one in entries}
    names = party_names(str(code) for code in codes if code)
    roles = _roles(entries)
    return [_look(one, reader, names, roles) for one in entries]


def _look(entry: AuditEntry, reader: object, names: dict[str, str], roles: dict[int, str]) -> Look:
    own = (
        entry.organisation is None
        and entry.who_id is not None
        and entry.who_id == getattr(reader, "pk", None)
    )
    if own:
        who = pgettext("who", "You")
    elif entry.organisation is not None:
        who = entry.organisation.name(get_language() or "")
    elif entry.who_id is None:
        who = pgettext("who", "The platform itself")
    else:
        who = (
            pgettext("who", "Your guardian or child")
            if entry.facts.get("by") == "guardian"
            else _("Another user")
        )
    return Look(entry.at, who, roles.get(entry.pk, ""), what(entry, names), entry.reason, not own)


def what(entry: AuditEntry, names: dict[str, str]) -> str:
    """What was done, as a sentence; a verb without one is named by its code."""
    facts = entry.facts
    subject = str(facts.get("provider", ""))
    if subject in ("", "platform"):
        subject = str(facts.get("recipient", ""))
    said = sentences().get(entry.verb)
    if said is None:
        return entry.verb.replace("_", " ")
    return said.format(name=names.get(subject, subject))


def sentences() -> dict[str, str]:
    """Sentences of what is written down about an account, by verb, in the language that is active."""
    return {
        "open_account": _("Account opened"),
        "close_account": _("Account closed"),
        "grant_give": _("Allowed {name}"),
        "grant_agree": _("Allowed {name}"),
        "grant_refuse": _("Declined {name}"),
        "grant_say_no": _("Declined {name}"),
        "grant_withdraw": _("Withdrew from {name}"),
        "grant_pause": _("Paused {name}"),
        "grant_resume": _("Resumed {name}"),
        "link_identifier": _("Identifier at {name} linked"),
        "link_identifier_refused": _("Identifier at {name} not linked"),
        "export_record": _("Copy of everything taken"),
        "say_district": _("District said or taken back"),
        "take_credential": _("Signed statement for a bank taken"),
        "ask_right": _("Request made"),
        "breach_notice": _("Told of what happened to your data"),
        "import_record": _("Copy from elsewhere kept"),
        "restriction_lifted": _("Restriction lifted"),
        "answer_in_hand": _("Request taken in hand"),
        "answer_done": _("Request answered: done"),
        "answer_refused": _("Request answered: no, with reasons"),
        "take_back_right": _("Request taken back"),
        "join_board": _("Joined the board"),
        "leave_board": _("Left the board"),
        "join_pool": _("Joined a pool"),
        "change_pool": _("Terms of a pool changed"),
        "leave_pool": _("Left a pool"),
        "money_payee": _("Said where the bank pays"),
        "money_forget": _("The bank's payee token deleted"),
        "money_withdraw": _("Asked for money to be paid out"),
        "money_cancel": _("A withdrawal cancelled"),
        "counter_visit": _("Account opened before a clerk at a counter"),
        "counter_look": _("Account looked at, at a counter"),
        "counter_look_source": _("{name} looked at, at a counter"),
        "counter_paper": _("Notice printed, at a counter"),
        "counter_letter": _("New letter with a code printed"),
        "counter_statement": _("Statement printed"),
        "counter_end": _("Visit at a counter ended"),
        "account.seen": _("Account looked at in the operator's console"),
        "account.appeal_seen": _("Appeal read by the operator"),
        "account.appeal_answered": _("Appeal answered"),
        "account.request_seen": _("Request read by the operator"),
        "account.found": _("Account found by the identifier at {name}"),
        "account.frozen": _("What was available frozen by the operator"),
        "verifier_act_seen": _("An act in a verifier's sample looked at, without your name"),
        "letter_sign_in": _("Signed in with the letter"),
    }


def _roles(entries: Iterable[AuditEntry]) -> dict[int, str]:
    """The role in which somebody acted for their organisation, by entry."""
    acted = [one for one in entries if one.organisation_id is not None and one.who_id is not None]
    if not acted:
        return {}
    known = Membership.objects.filter(
        user__in={one.who_id for one in acted}, organisation__in={one.organisation_id for one in acted}
    )
    stays = list(known)
    return {
        one.pk: stay.get_role_display()
        for one in acted
        for stay in stays
        if (stay.user_id, stay.organisation_id) == (one.who_id, one.organisation_id)
        and stay.since <= one.at
        and (stay.ended_at is None or one.at <= stay.ended_at)
    }
