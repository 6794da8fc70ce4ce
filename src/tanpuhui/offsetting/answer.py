"""An answer: what offsetting said to an order, the same for every repeat of its key, a refusal too."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.kit.refusal import Refusal
from tanpuhui.money.answer import Answer, Answers
from tanpuhui.offsetting import refusals
from tanpuhui.offsetting.models import StoredAnswer
from tanpuhui.offsetting.refusals import KeyReused
from tanpuhui.offsetting.reserve import ReserveOrder, reserve
from tanpuhui.offsetting.voluntary import VoluntaryOrder, retire_voluntarily
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry import refusals as of_registry

_BY_CODE: dict[str, type[Refusal]] = {
    kind.code: kind
    for stage in (of_registry, refusals)
    for kind in vars(stage).values()
    if isinstance(kind, type) and issubclass(kind, Refusal) and kind is not Refusal
}


def refusal_from(stored: dict[str, Any]) -> Refusal:
    """The refusal that was stored as ``{"code", "facts"}``, of offsetting or of the registry."""
    return _BY_CODE[stored["code"]](**stored["facts"])


once = Answers("offsetting", StoredAnswer, KeyReused, refusal_from).once


def file(order: ReserveOrder, jurisdiction: Jurisdiction, *, at: datetime) -> Answer:
    """Reserve once under the order's key, in the caller's transaction; answers the reservation's number, or its no.

    What was refused stays refused under its key, whatever is declared, acquired or released since: commit, then call
    :meth:`Answer.accepted`.
    """
    content = [jurisdiction.code, order.company, order.year, order.amount_mg]
    return once(
        "reserve", order.key, content, lambda: {"reservation": reserve(order, jurisdiction, at=at).pk}, at=at
    )


def retire_once(order: VoluntaryOrder, jurisdiction: Jurisdiction, *, at: datetime) -> Answer:
    """Retire voluntarily once under the order's key; answers the certificate's number, or its no, which stays."""
    content = [jurisdiction.code, order.company, order.amount_mg, order.beneficiary, order.purpose, order.lot]
    return once(
        "retire",
        order.key,
        content,
        lambda: {"certificate": retire_voluntarily(order, jurisdiction, at=at).certificate.number},
        at=at,
    )
