"""Lots and organisations for tests of whole tonnes: issued at once, without a city behind them."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime

import numpy as np
from django.db import connection

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import KIND_BITS, Kind, organisation
from tanpuhui.ledger.asset import get_or_create_asset, lot_code
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import post_batch
from tanpuhui.registry.models import Lot
from tanpuhui.registry.pool import GatherOrder, Offer, deliver, gather
from tanpuhui.registry.units import Part, Range, UnitOrder
from unjudged import unjudged

AT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
ON = date(2026, 11, 24)
POOL, ACME, BOLT = organisation(1), organisation(2), organisation(3)
RESIDENTS = (1, 2, 3)

_keys = itertools.count(1)


def key() -> str:
    return f"test-{next(_keys)}"


def new_lot(
    tonnes: int,
    *,
    jurisdiction: str = "demo",
    vintage: int = 2026,
    methodology: str = "shanghai/rooftop-pv@1",
    status: str = "published",
    holders: dict[int, int] | None = None,
) -> str:
    """A lot whose milligrams ``holders`` have; without them residents 1 to 3: a half, a third, and the rest."""
    whole = tonnes * TONNE_MG
    thirds = dict(zip(RESIDENTS, (whole // 2, whole // 3, whole - whole // 2 - whole // 3), strict=True))
    with unjudged():
        code = _numbered(tonnes, jurisdiction, vintage, methodology, status)
        _issue(code, holders or thirds)
    return code


def _numbered(tonnes: int, jurisdiction: str, vintage: int, methodology: str, status: str) -> str:
    last = Lot.objects.order_by("-serial_last").first()
    first = last.serial_last + 1 if last else 1
    code = f"{jurisdiction.upper()}-{Lot.objects.count() + 1:06d}"
    Lot.objects.create(
        code=code,
        jurisdiction=jurisdiction,
        methodology=methodology,
        vintage=vintage,
        through=date(vintage, 12, 31),
        tonnes=tonnes,
        serial_first=first,
        serial_last=first + tonnes - 1,
        residents=3,
        status=status,
        operator="operator",
        verifier="verifier",
        manifests=[],
        certified_at=AT,
    )
    return code


def _issue(code: str, holders: dict[int, int]) -> None:
    assert sum(holders.values()) == Lot.objects.get(pk=code).tonnes * TONNE_MG
    owners = sorted(holders)
    asset = get_or_create_asset(connection, lot_code(code)).id
    accounts = np.array(owners, np.int64) << KIND_BITS | int(Kind.RESIDENT_CERTIFIED)
    amounts = [holders[owner] for owner in owners]
    nothing = np.zeros(len(owners), np.int64)
    post_batch(
        connection,
        key=f"certify:{code}",
        manifest=None,
        reason="certify",
        effective_on=ON,
        legs=Legs(accounts, nothing + asset, np.array(amounts, np.int64), nothing, nothing),
        at=AT,
    )


def offers(lot: str) -> tuple[Offer, ...]:
    """All that residents have of a lot."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id >> 4, available FROM ledger_balance b JOIN ledger_asset a ON a.id = b.asset_id "
            "WHERE a.code = %s AND account_id & 15 = 2 AND available > 0 ORDER BY 1",
            [lot_code(lot)],
        )
        return tuple(Offer(*row) for row in cursor.fetchall())


def gathered(lot: str, tonnes: int) -> None:
    gather(GatherOrder(key(), POOL, lot, tonnes * TONNE_MG, offers(lot), ON), at=AT)


def order(holder: int, *parts: tuple[str, int], **said: str) -> UnitOrder:
    return UnitOrder(key(), holder, tuple(Part(*part) for part in parts), ON, said)


def given(company: int, lot: str, tonnes: int) -> tuple[Range, ...]:
    """Whole tonnes of a lot for a company, through the pool."""
    gathered(lot, tonnes)
    return deliver(order(POOL, (lot, tonnes)), to=company, at=AT)
