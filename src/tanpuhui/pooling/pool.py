"""Pool: an organisation that sells residents' tonnes for them: opened once, and what it pays with stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import get_organisation
from tanpuhui.consent.policy import policy
from tanpuhui.ledger.account import organisation
from tanpuhui.money.amounts import known_currency
from tanpuhui.points.sponsor import get_sponsor
from tanpuhui.pooling.models import MONEY, POINTS, Pool
from tanpuhui.pooling.refusals import BadPays, NoPoolKind, OtherCurrency, OtherPool, PoolNotNamed, UnknownPool
from tanpuhui.quantify.jurisdiction import Jurisdiction

PURPOSE = "pooling"
#: On whose behalf a pool is asked for: what is sold comes from the platform's own book.
PROVIDER = "platform"
#: What of an account a pool is let see and use.
KINDS = ("certified_reductions",)


@dataclass(frozen=True)
class PoolOrder:
    """A pool to open: whose it is, under whose rules, and what it pays with."""

    code: str
    currency: str = "CNY"
    pays: str = MONEY
    sponsor: str | None = None


def open_pool(order: PoolOrder, jurisdiction: Jurisdiction, *, at: datetime) -> Pool:
    """Open a pool, in the caller's transaction. The same again is answered as before; other terms are refused."""
    found = get_organisation(order.code)
    if found.kind != Organisation.COMPANY:
        raise NoPoolKind(code=order.code, kind=found.kind)
    refuse_unnamed(order.code)
    known_currency(order.currency)
    if order.pays not in (MONEY, POINTS) or (order.pays == POINTS) != (order.sponsor is not None):
        raise BadPays(given=order.pays)
    sponsor = get_sponsor(order.sponsor) if order.sponsor else None
    if sponsor is not None and sponsor.pk == found.pk:
        raise BadPays(given=order.pays)
    if sponsor is not None and sponsor.currency != order.currency:
        raise OtherCurrency(currency=order.currency, sponsor=sponsor.code, given=sponsor.currency)
    terms = (jurisdiction.code, order.currency, order.pays, sponsor.pk if sponsor else None)
    known, _ = Pool.objects.get_or_create(
        organisation=found,
        defaults={
            "code": found.code,
            "jurisdiction": jurisdiction.code,
            "currency": order.currency,
            "pays": order.pays,
            "sponsor": sponsor,
            "opened_at": at,
        },
    )
    if (known.jurisdiction, known.currency, known.pays, known.sponsor_id) != terms:
        raise OtherPool(pool=order.code)
    return known


def get_pool(code: str) -> Pool:
    """A pool by its organisation's code."""
    pool = Pool.objects.select_related("organisation", "sponsor").filter(code=code).first()
    if pool is None:
        raise UnknownPool(pool=code[:60])
    return pool


def pools() -> list[Pool]:
    """Every pool, by code."""
    return list(Pool.objects.select_related("organisation", "sponsor").order_by("code"))


def owner_of(pool: Pool) -> int:
    """The ledger's owner that a pool is: its milligrams, its tonnes and its money."""
    return organisation(pool.pk)


def refuse_unnamed(code: str) -> None:
    """A pool that the consent policy does not name is one that nobody can agree to."""
    rules = policy()
    known = rules.purposes.get(PURPOSE)
    if known is None or code not in known.recipients or code not in rules.parties:
        raise PoolNotNamed(pool=code, purpose=PURPOSE)


def is_named(pool: Pool) -> bool:
    """Whether somebody can agree to a pool under the policy of now."""
    rules = policy()
    return PURPOSE in rules.purposes and pool.code in rules.purposes[PURPOSE].recipients
