"""Join: a resident agrees to a pool, says from which price on and which years, changes that, and leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tanpuhui.consent.give import give
from tanpuhui.consent.show import Standing, standings
from tanpuhui.consent.store import lock_residents
from tanpuhui.consent.terms import YEARS
from tanpuhui.consent.terms import Terms as ConsentTerms
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.pooling.models import Pool, Terms
from tanpuhui.pooling.pool import KINDS, PROVIDER, PURPOSE, refuse_unnamed
from tanpuhui.pooling.refusals import AlreadyInPool, BadTerms, NotInPool

#: The highest minimum price: no tonne is worth more than a million.
MOST_MINOR = 100_000_000


@dataclass(frozen=True)
class Wish:
    """From which price for a tonne on somebody lends, in minor units, and which years; without years, all."""

    min_price_minor: int
    vintages: tuple[int, ...] | None = None

    def refuse_bad(self) -> None:
        """Refuse a price or years that cannot be."""
        years = self.vintages
        sound = years is None or (bool(years) and all(year in YEARS for year in years))
        if not 0 <= self.min_price_minor <= MOST_MINOR or not sound:
            raise BadTerms(
                price_minor=self.min_price_minor,
                vintages="all" if years is None else ", ".join(map(str, years)) or "none",
                most=MOST_MINOR,
                first=YEARS[0],
                last=YEARS[-1],
            )


@dataclass(frozen=True)
class Membership:
    """How somebody stands to a pool: the consent that is in force or paused, and the terms said under it."""

    consent: Standing
    terms: Terms | None

    @property
    def takes_part(self) -> bool:
        """Whether the next round may take from this account."""
        return self.consent.is_used and self.terms is not None


def join(
    account: int,
    pool: Pool,
    wish: Wish,
    *,
    at: datetime,
    lang: str,
    by: str = "resident",
    method: str,
    guardian: int | None = None,
) -> Terms:
    """Agree to a pool on terms, in the caller's transaction: the signed consent and the terms together."""
    wish.refuse_bad()
    refuse_unnamed(pool.code)
    lock_residents([account])
    if membership(account, pool, at=at) is not None:
        raise AlreadyInPool(pool=pool.code)
    terms = ConsentTerms(PROVIDER, KINDS, purpose=PURPOSE, recipient=pool.code, lang=lang)
    grant = give(account, terms, at=at, by=by, method=method, guardian=guardian)
    return _say(account, pool, wish, grant.pk, at)


def change_terms(account: int, pool: Pool, wish: Wish, *, at: datetime) -> Terms:
    """Say another price or other years, for rounds from now on. The same again changes nothing."""
    wish.refuse_bad()
    lock_residents([account])
    present = membership(account, pool, at=at)
    if present is None:
        raise NotInPool(pool=pool.code)
    if present.terms is not None and wish_of(present.terms) == _sorted(wish):
        return present.terms
    return _say(account, pool, wish, present.consent.grant.pk, at)


def leave(account: int, pool: Pool, *, at: datetime, by: str = "resident", method: str) -> None:
    """Be in no further round. What was sold stays sold; of an open round the unsold comes back when it closes."""
    lock_residents([account])
    present = membership(account, pool, at=at)
    if present is None:
        raise NotInPool(pool=pool.code)
    withdraw(present.consent.grant.pk, at=at, by=by, method=method)


def membership(account: int, pool: Pool, *, at: datetime) -> Membership | None:
    """The consent by which somebody is in a pool or paused it, with their terms; nothing where there is none."""
    wanted = (pool.code, PURPOSE)
    found = (one for one in standings(account, at=at) if (one.grant.recipient, one.grant.purpose) == wanted)
    newest = next(found, None)
    if newest is None or newest.is_over:
        return None
    terms = Terms.objects.filter(pool=pool, account=account, grant=newest.grant).order_by("-id").first()
    return Membership(newest, terms)


def wish_of(terms: Terms) -> Wish:
    """What somebody said last."""
    return Wish(terms.min_price_minor, tuple(terms.vintages) if terms.vintages else None)


def _sorted(wish: Wish) -> Wish:
    return Wish(wish.min_price_minor, tuple(sorted(set(wish.vintages))) if wish.vintages else None)


def _say(account: int, pool: Pool, wish: Wish, grant: int, at: datetime) -> Terms:
    said = _sorted(wish)
    return Terms.objects.create(
        pool=pool,
        account=account,
        grant_id=grant,
        min_price_minor=said.min_price_minor,
        vintages=list(said.vintages) if said.vintages else None,
        said_at=at,
    )
