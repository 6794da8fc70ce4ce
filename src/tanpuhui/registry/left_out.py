"""Left out: how many accounts a lot left out because another market covers their meters, and by which entry of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tanpuhui.registry.models import Exclusion, LeftOut, Lot


def keep_left_out(lot: Lot, excluded: Mapping[int, Exclusion], at_hand_mg: Mapping[int, int]) -> None:
    """Write down what a lot did not take of what was at hand (mg by account), entry by entry, and nobody's number."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for account, one in excluded.items():
        if at_hand_mg.get(account, 0) > 0:
            found.setdefault((one.market, one.clause, one.source), []).append(at_hand_mg[account])
    LeftOut.objects.bulk_create(
        LeftOut(
            lot=lot,
            market=market,
            clause=clause,
            source=source,
            accounts=len(amounts),
            amount_mg=sum(amounts),
        )
        for (market, clause, source), amounts in sorted(found.items())
    )


def left_out_of(lot: Lot) -> list[LeftOut]:
    """The entries by which accounts were left out of a lot, in their order; none where it took everybody's."""
    return list(lot.left_out.order_by("id"))


def as_json(one: LeftOut) -> dict[str, Any]:
    """An entry as JSON-ready values."""
    return {
        "accounts": one.accounts,
        "amount_mg": one.amount_mg,
        "market": one.market,
        "clause": one.clause,
        "source": one.source,
    }
