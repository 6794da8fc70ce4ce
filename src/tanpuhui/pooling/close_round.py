"""Close a round: what was not sold goes back to the residents who lent it, to the milligram."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.pooling.models import Closing, Returned
from tanpuhui.pooling.on_market import settle_round, waiting_t
from tanpuhui.pooling.pool import owner_of
from tanpuhui.pooling.refusals import StillListed
from tanpuhui.pooling.rounds import closing_of, is_annulled, set_free, units_of
from tanpuhui.pooling.share import left_of
from tanpuhui.registry.pool import give_back
from tanpuhui.registry.units import lock_lots

AT_ONCE = 5_000


def close_round(number: int, *, at: datetime) -> Closing:
    """Close a round of which nothing waits on the market, in the caller's transaction.

    Closed again, it is answered as before.
    """
    of_round = settle_round(number, at=at)
    known = closing_of(of_round)
    if known is not None:
        return known
    lock_lots([of_round.lot])
    waiting = waiting_t(of_round)
    if waiting and not is_annulled(of_round):
        raise StillListed(tonnes=waiting, number=number)
    if is_annulled(of_round):
        return Closing.objects.create(round=of_round, tonnes_back=0, annulled=True, closed_at=at)
    key = f"pool-close:{number}"
    left = left_of(number)
    tonnes = set_free(of_round, key=key, at=at)
    assert tonnes * TONNE_MG == sum(left.values()), "what is kept is what is left of the shares"
    if tonnes:
        order = units_of(of_round, tonnes, key=key, at=at)
        give_back(order, left, pool=owner_of(of_round.pool), at=at)
    closing = Closing.objects.create(round=of_round, tonnes_back=tonnes, annulled=False, closed_at=at)
    Returned.objects.bulk_create(
        (Returned(closing=closing, account=account, amount_mg=amount) for account, amount in left.items()),
        batch_size=AT_ONCE,
    )
    return closing
