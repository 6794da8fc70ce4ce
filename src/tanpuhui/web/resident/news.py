"""News: what changed in an account since somebody last looked, a line for each kind of change."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tanpuhui.close.summary import LOT, Credit, credits_in
from tanpuhui.integrity.look import appeals_of
from tanpuhui.ledger.account import Kind
from tanpuhui.ledger.movements import movements
from tanpuhui.registry.pool import GATHER, GIVE_BACK
from tanpuhui.web.shared.mass import Mass, mass


def news_since(account: int, before: datetime, *, at: datetime) -> list[str]:
    """Sentences about what was credited, taken back, certified and answered since a moment."""
    moved = movements(connection, account, at=at, after=before)
    credits = credits_in(moved)
    gained, lost = ([one for one in credits if (one.amount_mg > 0) is sign] for sign in (True, False))
    found = []
    if gained:
        count = len({one.day for one in gained})
        text = ngettext(
            "%(mass)s were credited, from %(count)s day.",
            "%(mass)s were credited, from %(count)s days.",
            count,
        )
        found.append(text % {"mass": _sum(gained), "count": count})
    if lost:
        found.append(
            _("%(mass)s were taken back: a record was corrected or withdrawn by its provider.")
            % {"mass": _sum(lost)}
        )
    lots: Counter[str] = Counter()
    pools: Counter[str] = Counter()
    for one in moved:
        if one.kind is Kind.RESIDENT_CERTIFIED and one.reason in (GATHER, GIVE_BACK):
            pools[one.reason] += abs(one.amount)
        elif one.kind is Kind.RESIDENT_CERTIFIED and one.asset.startswith(LOT):
            lots[one.asset.removeprefix(LOT)] += one.amount
    for lot, amount in sorted(lots.items()):
        if amount > 0:
            found.append(_("%(mass)s were certified in lot %(lot)s.") % {"mass": mass(amount), "lot": lot})
    if pools[GATHER]:
        found.append(_("%(mass)s went into a round of a pool.") % {"mass": mass(pools[GATHER])})
    if pools[GIVE_BACK]:
        found.append(_("%(mass)s came back from a pool, unsold.") % {"mass": mass(pools[GIVE_BACK])})
    answered = sum(1 for one in appeals_of(account) if one.answered_at and before < one.answered_at <= at)
    if answered:
        found.append(
            ngettext("%(count)s appeal was answered.", "%(count)s appeals were answered.", answered)
            % {"count": answered}
        )
    return found


def _sum(credits: list[Credit]) -> Mass:
    return mass(abs(sum(one.amount_mg for one in credits)))
