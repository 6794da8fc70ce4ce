"""Periodic: what is done again and again though nobody asks for it, because time is over. A list of verbs."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from tanpuhui.close.hold_new import hold_new
from tanpuhui.close.installation import jurisdiction, places
from tanpuhui.consent.policy import policy
from tanpuhui.disclosure.follow_consent import follow_consent
from tanpuhui.erasure.retain import retain
from tanpuhui.federation.peer import enabled_peers
from tanpuhui.federation.send import is_due, send
from tanpuhui.federation.transport import over_http
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.span import span
from tanpuhui.ledger.release import expire_holds
from tanpuhui.market.expire import expire as expire_market
from tanpuhui.market.refusals import NoMarket
from tanpuhui.methodology.load import load_library
from tanpuhui.offsetting.follow_annulment import follow_annulments
from tanpuhui.points.callback import Reach, deliver
from tanpuhui.points.expire import expire
from tanpuhui.points.models import Sponsor
from tanpuhui.points.redeem import expire_redemptions
from tanpuhui.pooling.models import Offering, Sale
from tanpuhui.pooling.on_market import settle_round
from tanpuhui.transparency.credential_status import publish_lists

#: Advisory lock of whoever tends; another process that would just now leaves it to them.
LOCK = 0x74656E64
#: Redemptions in one transaction: few enough that nobody waits long for a stripe of stock.
AT_ONCE = 500
LATE = timedelta(days=1)
#: ``0`` leaves looking for fraud to 'tanpuhui integrity hold'; closes looked at in one round, at most.
HOLD, DAYS_AT_ONCE = "TANPUHUI_HOLD", 7
log = logging.getLogger("tanpuhui.periodic")


@dataclass(frozen=True)
class Periodic:
    """A verb that is done every so many seconds. It opens its own transactions and answers how much it did."""

    name: str
    every_s: float
    do: Callable[[datetime], int]


@dataclass
class _ExpireRedemptions:
    """The first time everything is looked at, then what has become due since; a day more for late commits."""

    looked_at: datetime | None = None

    def __call__(self, at: datetime) -> int:
        since = self.looked_at - LATE if self.looked_at else None
        count = 0
        while True:
            with transaction.atomic():
                some = expire_redemptions(at=at, most=AT_ONCE, since=since)
            count += some
            if some < AT_ONCE:
                self.looked_at = at
                return count


def _expire_points(at: datetime) -> int:
    count = 0
    for sponsor in Sponsor.objects.order_by("pk"):
        with transaction.atomic():
            count += expire(sponsor, at=at)
    return count


def _tell_banks(at: datetime) -> int:
    return deliver(at=at, reach=Reach.of_installation())


def _expire_holds(at: datetime) -> int:
    with transaction.atomic():
        return expire_holds(connection, at=at)


def _expire_market(at: datetime) -> int:
    """Where the installation's place has no market, nothing is over."""
    count = 0
    while True:
        try:
            with transaction.atomic():
                some = sum(expire_market(jurisdiction(), at=at).values())
        except NoMarket:
            return count
        count += some
        if not some:
            return count


def _settle_pools(at: datetime) -> int:
    """Of open rounds that have something on the market, what it sold meanwhile; answers how many sales that were."""
    count = 0
    for number in _rounds_on_market():
        before = Sale.objects.filter(round=number).count()
        with transaction.atomic():
            count += settle_round(number, at=at).sales.count() - before
    return count


def _hold(at: datetime) -> int:
    """What closes newly brought is looked at before it is paid, unless the installation leaves that to people."""
    if os.environ.get(HOLD, "1") == "0":
        return 0
    return hold_new(
        at=at, places=places(), jurisdiction=jurisdiction(), library=load_library(), most=DAYS_AT_ONCE
    )


def _retain(at: datetime) -> int:
    """What is kept longer than its purpose needs, in tables; the lake's is done by 'tanpuhui retention run'."""
    return sum(retain(at=at).values())


def _rounds_on_market() -> list[int]:
    listed = Offering.objects.filter(round__closing__isnull=True)
    return sorted(set(listed.values_list("round_id", flat=True)))


def _keep_status_lists(at: datetime) -> int:
    """What consents and annulments say of credentials, then the lists that everybody reads; how many changed."""
    with transaction.atomic():
        changed = follow_consent(at=at) + follow_annulments(at=at)
    publish_lists(policy().origin, at=at)
    return changed


def _speak_with_peers(at: datetime) -> int:
    """A round with each peer whose time it is; answers how many messages were answered."""
    rounds = [send(peer, over_http, at=at) for peer in enabled_peers() if is_due(peer, at=at)]
    for one in rounds:
        if one.why_not is not None:
            log.warning("federation with %s: %s", one.peer, one.why_not["code"])
    return sum(one.done + one.refused for one in rounds)


def verbs() -> tuple[Periodic, ...]:
    """Everything that time alone makes due. A verb with a time limit of its own is added here, and nowhere else."""
    return (
        Periodic("points.expire_redemptions", 30, _ExpireRedemptions()),
        Periodic("ledger.expire_holds", 30, _expire_holds),
        Periodic("points.expire", 3_600, _expire_points),
        Periodic("points.deliver", 15, _tell_banks),
        Periodic("market.expire", 300, _expire_market),
        Periodic("pooling.settle", 300, _settle_pools),
        Periodic("credentials.status_lists", 30, _keep_status_lists),
        Periodic("integrity.hold", 60, _hold),
        Periodic("erasure.retain", 86_400, _retain),
        Periodic("federation.send", 15, _speak_with_peers),
    )


@dataclass
class Rounds:
    """Which verbs are due in this process; the first time, all of them."""

    verbs: tuple[Periodic, ...] = field(default_factory=verbs)
    clock: Callable[[], float] = time.monotonic
    _done_at: dict[str, float] = field(default_factory=dict)

    def tend(self, *, at: datetime | None = None) -> dict[str, int | None]:
        """Do what is due; answers how much each verb did, and nothing for one that failed: it is due again next time.

        A verb that fails is logged and keeps no other one from being done.
        """
        now = self.clock()
        due = [one for one in self.verbs if now - self._done_at.get(one.name, -one.every_s) >= one.every_s]
        if not due:
            return {}
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            (is_mine,) = cursor.fetchone()
        if not is_mine:
            return {}
        try:
            return {one.name: self._do(one, now, at or utc_now()) for one in due}
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])

    def _do(self, one: Periodic, now: float, at: datetime) -> int | None:
        try:
            with span("periodic", {"tanpuhui.job": one.name}) as traced:
                count = one.do(at)
                traced.says({"tanpuhui.done": count})
        except Exception:
            log.exception("%s", one.name)
            return None
        self._done_at[one.name] = now
        if count:
            log.info("%s: %s", one.name, count)
        return count
