"""Member: an organisation that may trade here, from a dated row on, until another row says otherwise."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tanpuhui.access.models import Organisation
from tanpuhui.market.answer import Answer, once
from tanpuhui.market.models import Membership
from tanpuhui.market.refusals import NotAMember, ReasonMissing, SelfTrade, Suspended, UnknownOrganisation
from tanpuhui.money.account import lock_money


@dataclass(frozen=True)
class MembershipOrder:
    """Let an organisation trade, or no longer, with a reason; ``group`` names whom it belongs together with."""

    key: str
    organisation: str
    reason: str
    group: str = ""


def admit(order: MembershipOrder, *, at: datetime) -> Answer:
    """Let an organisation trade from now on, a suspended one again."""
    return _state(order, Membership.ADMITTED, at)


def suspend(order: MembershipOrder, *, at: datetime) -> Answer:
    """Let a member trade no longer: nobody takes what it lists, and its bids get nothing. Made trades stand."""
    return _state(order, Membership.SUSPENDED, at)


def _state(order: MembershipOrder, state: str, at: datetime) -> Answer:
    content = [order.organisation, order.reason, order.group]
    return once(state, order.key, content, lambda: _record(order, state, at), at=at)


def _record(order: MembershipOrder, state: str, at: datetime) -> dict[str, Any]:
    if not order.reason.strip():
        raise ReasonMissing()
    lock_money()
    found = get_organisation(order.organisation)
    before = newest(found)
    if state == Membership.SUSPENDED and before is None:
        raise NotAMember(organisation=found.code)
    group = order.group or (before.group if before else "")
    made = Membership.objects.create(organisation=found, state=state, group=group, reason=order.reason, at=at)
    return describe(made)


def get_organisation(code: str) -> Organisation:
    """An organisation by its code; refuses an unknown one."""
    found = Organisation.objects.filter(code=code).first()
    if found is None:
        raise UnknownOrganisation(organisation=code)
    return found


def newest(organisation: Organisation) -> Membership | None:
    """The row that counts."""
    found = Membership.objects.filter(organisation=organisation).select_related("organisation")
    return found.order_by("-id").first()


def get_member(code: str) -> Organisation:
    """An organisation that may trade now; refuses another one."""
    found = get_organisation(code)
    refuse_outsider(found)
    return found


def refuse_outsider(organisation: Organisation) -> None:
    """Refuse who was never admitted, or is suspended."""
    membership = newest(organisation)
    if membership is None:
        raise NotAMember(organisation=organisation.code)
    if membership.state == Membership.SUSPENDED:
        raise Suspended(
            organisation=organisation.code, day=membership.at.date().isoformat(), reason=membership.reason
        )


def may_trade(organisation: Organisation) -> bool:
    membership = newest(organisation)
    return membership is not None and membership.state == Membership.ADMITTED


def are_one(one: Organisation, other: Organisation) -> bool:
    """Whether two are one organisation, or of one group."""
    if one.pk == other.pk:
        return True
    groups = [_plain(membership.group) if (membership := newest(each)) else "" for each in (one, other)]
    return groups[0] != "" and groups[0] == groups[1]


def _plain(group: str) -> str:
    """A group's name however it was typed: its width, its spaces and its capitals tell no two apart."""
    return " ".join(unicodedata.normalize("NFKC", group).casefold().split())


def refuse_self_trade(*, seller: Organisation, buyer: Organisation) -> None:
    if are_one(seller, buyer):
        raise SelfTrade(seller=seller.code, buyer=buyer.code)


def members() -> list[Membership]:
    """The row that counts of every organisation that was ever admitted, by code."""
    found = Membership.objects.order_by("organisation__code", "-id").distinct("organisation__code")
    return list(found.select_related("organisation"))


def describe(membership: Membership) -> dict[str, Any]:
    """A membership as JSON-ready values."""
    return {
        "organisation": membership.organisation.code,
        "state": membership.state,
        "group": membership.group,
        "reason": membership.reason,
        "since": membership.at.isoformat(),
    }
